"""Predictions as events that people can answer."""

from datetime import UTC, datetime, timedelta

import pytest

from soundmill.catalog import LiveDetection, LiveRecord, ModelRegistry
from soundmill.osr.detections import DETECTIONS
from soundmill.osr.spec import OTHER
from soundmill.times import midnight
from soundmill.workflows.predictions import Predicted, joined, newest_prediction, predictions, version_named, versions
from tests.home import DAYS, Home

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def one(second: float, tag: str = "owl", score: float = 1.0) -> Predicted:
    start = NOON + timedelta(seconds=second)
    return Predicted("mic", start, start + timedelta(seconds=3), tag, score, 0.5 + score / 10, "yard", 1)


def test_detections_that_follow_each_other_are_one_event_with_the_best_score() -> None:
    found = joined([one(0), one(3, score=2.0), one(6, "fox"), one(6.5), one(30)])
    assert [(event.tag, (event.start - NOON).seconds, (event.end - event.start).total_seconds()) for event in found] == [
        ("owl", 0, 9.5),
        ("fox", 6, 3.0),
        ("owl", 30, 3.0),
    ]
    assert (found[0].score, found[0].probability) == (2.0, pytest.approx(0.7))


def test_the_day_s_table_and_live_detections_are_told_once(built_home: Home) -> None:
    (version,) = versions(built_home.catalog)
    assert version.champion
    rows = [row for row in built_home.lake.read_days(DETECTIONS, [DAYS[0]]).to_pylist() if row["tag"] != OTHER]
    start, end = rows[0]["started_at"] - timedelta(hours=1), rows[-1]["started_at"] + timedelta(hours=1)
    found = predictions(built_home.lake, built_home.catalog, version, "mic", start, end)
    assert {event.tag for event in found} == {row["tag"] for row in rows}
    assert sum((event.end - event.start).total_seconds() for event in found) == pytest.approx(sum(row["seconds"] for row in rows), rel=0.3)
    known = rows[0]
    live = [
        LiveDetection("house", 1, f"k{at}", "mic", moment, 3.0, "kettle", 1.0, 0.9, moment)
        for at, moment in enumerate([known["started_at"], end - timedelta(minutes=1)])
    ]
    LiveRecord(built_home.catalog).add(live)
    more = predictions(built_home.lake, built_home.catalog, version, "mic", start, end)
    assert len(more) == len(found) + 1
    assert predictions(built_home.lake, built_home.catalog, version, "porch", start, end) == []


def test_the_champion_comes_first(built_home: Home) -> None:
    registry = ModelRegistry(built_home.catalog)
    registry.define("aaa", registry.spec("house"))
    registry.finish("aaa", registry.begin("aaa", "print").version, {"spec": registry.spec("house")})
    assert [(one.name, one.champion) for one in versions(built_home.catalog)] == [("house", True), ("aaa", False)]


def test_the_newest_event_before_a_moment_is_found_in_the_tables(built_home: Home) -> None:
    version = version_named(built_home.catalog, "")
    assert version is not None
    lake, catalog = built_home.lake, built_home.catalog
    newest = newest_prediction(lake, catalog, version, datetime(2026, 1, 1, tzinfo=UTC))
    assert newest is not None
    assert newest.start.date() == DAYS[2]
    assert newest == predictions(lake, catalog, version, None, midnight(DAYS[2]), midnight(DAYS[2] + timedelta(days=1)))[-1]
    before = newest_prediction(lake, catalog, version, midnight(DAYS[2]))
    assert before is not None
    assert before.start.date() == DAYS[1]
    assert newest_prediction(lake, catalog, version, midnight(DAYS[0])) is None
