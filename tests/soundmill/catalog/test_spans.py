"""What lies in a withdrawn span: whatever has sound in it."""

from datetime import UTC, datetime, timedelta

import pytest

from soundmill.catalog.spans import lies_in

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "seconds", "expected"),
    [
        (-3.0, 3.0, False),  # it ends where the span begins
        (-3.0, 3.0015, False),  # but for what moments are rounded by
        (-3.0, 3.1, True),
        (2.0, 3.0, True),
        (9.9, 3.0, True),
        (9.9985, 3.0, False),
        (10.0, 3.0, False),
        (-5.0, 30.0, True),
        (5.0, 0.004, True),
    ],
)
def test_any_sound_within_a_span_lies_in_it(start: float, seconds: float, expected: bool) -> None:
    span = (NOON, NOON + timedelta(seconds=10))
    assert lies_in(NOON + timedelta(seconds=start), seconds, [span]) is expected


def test_without_a_start_or_a_span_nothing_lies_in_one() -> None:
    assert not lies_in(None, 3.0, [(NOON, NOON + timedelta(days=1))])
    assert not lies_in(NOON, 3.0, [])
