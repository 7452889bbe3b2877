"""An annotation: what one can be, and by what it is known."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from soundmill.formats.annotation import Annotation, check_tag, clean_tag

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def bell(**values: Any) -> Annotation:
    return Annotation(**{"source": "porch", "start": NOON, "end": NOON + timedelta(seconds=2), "tag": "bell", **values})


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"end": NOON}, "must end after it starts"),
        ({"end": NOON + timedelta(hours=1, seconds=1)}, "longer than an hour"),
        ({"tag": ""}, "is no tag"),
        ({"tag": "a\tb"}, "is no tag"),
        ({"tag": "x" * 65}, "is no tag"),
        ({"tag": "Other"}, "recogniser's own word"),
        ({"author": "a" * 65}, "longer than 64"),
        ({"low_hz": -1.0}, "band"),
        ({"low_hz": 900.0, "high_hz": 900.0}, "band"),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason(values: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        bell(**values)


def test_tags_of_any_language_are_tags() -> None:
    assert [bell(tag=tag).tag for tag in ("Kühlschrank", "犬", "Dog bark (far) 50/60 Hz")] == [
        "Kühlschrank",
        "犬",
        "Dog bark (far) 50/60 Hz",
    ]


def test_one_name_is_one_tag_however_it_was_typed() -> None:
    assert bell(tag="Ku\u0308he").key == bell(tag="Kühe").key
    assert bell(tag="कुत्ता").tag == "कुत्ता"


def test_the_key_is_of_the_sound_and_not_of_its_author() -> None:
    assert bell().key == "porch/1767614400000-1767614402000/bell"
    assert bell(author="ann").key == bell(author="ben").key
    assert bell(low_hz=200.0, high_hz=900.5).key.endswith("/bell@200-900.5")
    assert bell(low_hz=200.0).key.endswith("/bell@200-")


def test_its_day_is_that_of_utc() -> None:
    early = datetime(2026, 1, 5, 0, 30, tzinfo=timezone(timedelta(hours=2)))
    assert bell(start=early, end=early + timedelta(seconds=1)).day == date(2026, 1, 4)


@pytest.mark.parametrize("tag", ["می‌گوید", "क्‍ष"])
def test_joiners_between_letters_belong_to_the_word(tag: str) -> None:
    check_tag(tag)
    assert clean_tag(tag) == tag
    with pytest.raises(ValueError, match="is no tag"):
        check_tag(tag + "\u200c")
