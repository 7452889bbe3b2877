"""Annotations in the catalog."""

from datetime import UTC, date, datetime, timedelta

import pytest

from soundmill.catalog import Annotations, Catalog
from soundmill.formats.annotation import Annotation

START = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)
DAY = date(2026, 1, 5)


def label(tag: str = "kettle", at: float = 0, length: float = 2) -> Annotation:
    start = START + timedelta(seconds=at)
    return Annotation("mic", start, start + timedelta(seconds=length), tag, "ann")


def test_the_same_label_twice_is_one_label(catalog: Catalog) -> None:
    labels = Annotations(catalog)
    assert labels.add([label(), label(), label("doorbell", 5)]) == 2
    assert labels.add([label()]) == 0
    assert labels.of_days(DAY, DAY) == [label(), label("doorbell", 5)]
    assert labels.tags() == ["doorbell", "kettle"]


def test_a_label_taken_back_is_gone_and_can_return(catalog: Catalog) -> None:
    labels = Annotations(catalog)
    labels.add([label()])
    before = labels.revisions()
    assert labels.withdraw([label()]) == 1
    assert labels.withdraw([label()]) == 0
    assert labels.of_days(DAY, DAY) == []
    assert labels.revisions()[DAY] != before[DAY]
    assert labels.add([label()]) == 1
    assert labels.of_days(DAY, DAY) == [label()]
    assert len({before[DAY], labels.revisions()[DAY]}) == 2


def test_a_label_belongs_to_the_day_it_starts_on(catalog: Catalog) -> None:
    labels = Annotations(catalog)
    late = label(at=14 * 3600 - 1, length=5)
    labels.add([late])
    assert labels.of_days(DAY, DAY) == [late]
    assert labels.of_days(date(2026, 1, 6), date(2026, 1, 6)) == []


@pytest.mark.parametrize(
    ("tag", "length", "says"),
    [
        ("kettle", 0, "end after"),
        ("", 1, "no tag"),
        ("a\nb", 1, "no tag"),
        ("Other", 1, "own word"),
        ("x" * 65, 1, "no tag"),
        ("kettle", 3601, "longer than an hour"),
    ],
)
def test_labels_that_cannot_be_are_refused(tag: str, length: float, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        label(tag, length=length)
