"""A model's predictions as events that people can accept, correct or reject."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyarrow.compute as pc

from soundmill.catalog import Catalog, LiveRecord, ModelRegistry, ModelVersion
from soundmill.lake import Lake
from soundmill.osr.detections import DETECTIONS
from soundmill.osr.spec import OTHER
from soundmill.times import days_between

_GAP = 0.5  # of a segment: what lies closer is one event


@dataclass(frozen=True)
class Predicted:
    """Neighbouring detections of one tag by one model version. `score` is the largest margin, `probability` the largest one."""

    start: datetime
    end: datetime
    tag: str
    score: float
    probability: float | None
    model: str
    version: int


def versions(catalog: Catalog) -> list[ModelVersion]:
    """Fitted model versions, the champion first, then by name and the newest first."""
    found = [one for one in ModelRegistry(catalog).versions() if one.card is not None]
    return sorted(found, key=lambda one: (not one.champion, one.name, -one.version))


def predictions(lake: Lake, catalog: Catalog, version: ModelVersion, source: str, start: datetime, end: datetime) -> list[Predicted]:
    """What a model version predicted of a source from start to end: by the day's tables, and by live detection where these are behind."""
    mine = (pc.field("model") == version.name) & (pc.field("version") == version.version)
    wanted = mine & (pc.field("source") == source) & (pc.field("tag") != OTHER)
    columns = ["started_at", "seconds", "tag", "score", "probability"]
    rows = lake.read_days(DETECTIONS, days_between((start - timedelta(days=1)).date(), end.date()), columns=columns, where=wanted)
    found = [
        Predicted(at, at + timedelta(seconds=seconds), tag, float(score), probability, version.name, version.version)
        for at, seconds, tag, score, probability in zip(*(rows[name].to_pylist() for name in columns), strict=True)
    ]
    known = {one.start for one in found}
    for live in LiveRecord(catalog).detections(start - timedelta(minutes=1), source):
        if (live.model, live.version) == (version.name, version.version) and live.tag != OTHER and live.started_at not in known:
            stop = live.started_at + timedelta(seconds=live.seconds)
            found.append(Predicted(live.started_at, stop, live.tag, live.score, live.probability, live.model, live.version))
    return [one for one in joined(sorted(found, key=lambda one: (one.start, one.tag))) if one.start < end and one.end > start]


def joined(detections: Sequence[Predicted]) -> list[Predicted]:
    """Events from detections in order of time: those of one tag that follow each other are one."""
    events: list[Predicted] = []
    newest: dict[str, int] = {}
    for one in detections:
        place = newest.get(one.tag)
        if place is not None and one.start - events[place].end < _GAP * (one.end - one.start):
            before = events[place]
            probabilities = [value for value in (before.probability, one.probability) if value is not None]
            events[place] = Predicted(
                before.start,
                max(before.end, one.end),
                one.tag,
                max(before.score, one.score),
                max(probabilities, default=None),
                one.model,
                one.version,
            )
        else:
            newest[one.tag] = len(events)
            events.append(one)
    return events
