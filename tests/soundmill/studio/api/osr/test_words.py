"""Moments, days, ids and JSON as the original writes them."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from fastapi import HTTPException

from soundmill.studio.api.osr import words

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 1, 5, 11, 0, 3, 640_000, tzinfo=UTC)


@pytest.mark.parametrize("text", ["2026-01-05_12:00:03.640", "2026-01-05 12:00:03.64", "2026-01-05_12:00:03.64"])
def test_moments_are_local_with_three_decimals_or_two(text: str) -> None:
    assert words.moment(text, BERLIN) == NOON
    assert words.written(NOON, BERLIN) == "2026-01-05 12:00:03.640"


@pytest.mark.parametrize(
    "text", ["", "today", "2026-01-05", "2026-13-05_12:00:03.640", "2026-01-05_25:00:00.000", "0001-01-01_00:00:00.000"]
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(HTTPException) as refused:
        words.moment(text, BERLIN)
    assert refused.value.status_code == 400


def test_days_ids_and_requests() -> None:
    assert words.day("2026-01-05") == date(2026, 1, 5)
    assert words.model_id(1_790_000_000_000) == "1790000000000"
    assert words.request('{"a": 1}', {"a"}) == {"a": 1}
    for refused in (
        lambda: words.day("5.1.2026"),
        lambda: words.model_id("12"),
        lambda: words.request("[1]", {"a"}),
        lambda: words.request('{"a": 1, "b": 2}', {"a"}),
        lambda: words.request("[" * 100_000, {"a"}),
    ):
        with pytest.raises(HTTPException):
            refused()
