"""The record of live detections."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from soundmill.catalog import Catalog, LiveDetection, LiveRecord

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
ONE = LiveDetection("house", 1, "porch/a", "porch", NOON, 3.0, "bell", 0.5, 0.9, NOON + timedelta(seconds=3))


def event(offset: float, score: float) -> dict[str, object]:
    end = NOON + timedelta(seconds=offset)
    return {"model": "house", "version": 1, "source": "porch", "tag": "bell", "onset": NOON, "offset": end, "segments": 1, "score": score}


def test_the_same_verdict_twice_is_one_and_another_version_s_is_another(catalog: Catalog) -> None:
    record = LiveRecord(catalog)
    record.add([ONE])
    record.add([ONE, replace(ONE, version=2)])
    assert sorted(one.version for one in record.detections(NOON)) == [1, 2]
    assert record.detected_keys("house", 1, "porch", NOON) == {"porch/a"}
    assert record.detected_keys("house", 1, "porch", NOON + timedelta(seconds=1)) == set()
    assert record.detected_keys("house", 1, "garden", NOON) == set()


def test_an_event_that_goes_on_is_one_row_that_grows(catalog: Catalog) -> None:
    record = LiveRecord(catalog)
    record.add([], [event(3, 0.5)])
    record.add([], [event(9, 0.7)])
    (found,) = record.events(NOON)
    assert (found["offset"], found["score"]) == (NOON + timedelta(seconds=9), 0.7)
    assert record.events(NOON, "garden") == []


def test_the_newest_is_that_of_the_sources_that_are_asked_for(catalog: Catalog) -> None:
    record = LiveRecord(catalog)
    assert record.newest() is None
    record.add([ONE, replace(ONE, key="garden/a", source="garden", started_at=NOON + timedelta(hours=1))])
    assert (record.newest(), record.newest(["porch"])) == (NOON + timedelta(hours=1), NOON)
    assert [one.source for one in record.detections(NOON, "garden")] == ["garden"]


def test_what_was_detected_long_ago_is_forgotten_whenever_it_sounded(catalog: Catalog) -> None:
    record = LiveRecord(catalog)
    record.add([ONE, replace(ONE, key="porch/b", detected_at=NOON + timedelta(days=9))])
    record.forget(NOON + timedelta(days=1))
    assert [one.key for one in record.detections(NOON)] == ["porch/b"]
