"""A model's predictions as events that people can accept, correct or reject."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pyarrow.compute as pc

from soundmill.catalog import Catalog, LiveRecord, ModelRegistry, ModelVersion
from soundmill.errors import UnknownModel
from soundmill.lake import Lake
from soundmill.osr.detections import DETECTIONS
from soundmill.osr.spec import OTHER
from soundmill.times import days_between, midnight

_GAP = 0.5  # of a segment: what lies closer is one event
_DAYS_BACK = 7  # that are looked through for the newest event


@dataclass(frozen=True)
class Predicted:
    """Neighbouring detections of one tag on one source by one model version. Of `score` (the margin) and `probability` the largest."""

    source: str
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


def version_named(catalog: Catalog, name: str) -> ModelVersion | None:
    """The fitted version `name/version`; the champion where no name is given, None where there is none. Raises `UnknownModel`."""
    if not name:
        return ModelRegistry(catalog).champion()
    found = next((one for one in versions(catalog) if f"{one.name}/{one.version}" == name), None)
    if found is None:
        raise UnknownModel(f"there is no model version {name!r}")
    return found


def predictions(lake: Lake, catalog: Catalog, version: ModelVersion, source: str | None, start: datetime, end: datetime) -> list[Predicted]:
    """What a model version predicted of a source (None: of all) from start to end, in order of time: by the day's tables, and by live
    detection where these are behind."""
    wanted = (pc.field("model") == version.name) & (pc.field("version") == version.version) & (pc.field("tag") != OTHER)
    if source is not None:
        wanted = wanted & (pc.field("source") == source)
    columns = ["source", "started_at", "seconds", "tag", "score", "probability"]
    rows = lake.read_days(DETECTIONS, days_between((start - timedelta(days=1)).date(), end.date()), columns=columns, where=wanted)
    found = [
        Predicted(place, at, at + timedelta(seconds=seconds), tag, float(score), probability, version.name, version.version)
        for place, at, seconds, tag, score, probability in zip(*(rows[name].to_pylist() for name in columns), strict=True)
    ]
    known = {(one.source, one.start) for one in found}
    for live in LiveRecord(catalog).detections(start - timedelta(minutes=1), source):
        if (live.model, live.version) != (version.name, version.version) or live.tag == OTHER or (live.source, live.started_at) in known:
            continue
        stop = live.started_at + timedelta(seconds=live.seconds)
        found.append(Predicted(live.source, live.started_at, stop, live.tag, live.score, live.probability, live.model, live.version))
    ordered = sorted(found, key=lambda one: (one.start, one.source, one.tag))
    return [one for one in joined(ordered) if one.start < end and one.end > start]


def newest_prediction(lake: Lake, catalog: Catalog, version: ModelVersion, before: datetime) -> Predicted | None:
    """The last event that a model version predicted before a moment, among the days' tables; None where the last few days with any table
    hold none."""
    days = [day for day in lake.days(DETECTIONS) if day <= before.date()]
    for day in days[: -_DAYS_BACK - 1 : -1]:
        found = predictions(lake, catalog, version, None, midnight(day), min(before, midnight(day + timedelta(days=1))))
        if found:
            return found[-1]
    return None


def joined(detections: Sequence[Predicted]) -> list[Predicted]:
    """Events from detections in order of time: those of one tag on one source that follow each other are one."""
    events: list[Predicted] = []
    newest: dict[tuple[str, str], int] = {}
    for one in detections:
        place = newest.get((one.source, one.tag))
        if place is not None and one.start - events[place].end < _GAP * (one.end - one.start):
            before = events[place]
            probabilities = [value for value in (before.probability, one.probability) if value is not None]
            events[place] = replace(
                before,
                end=max(before.end, one.end),
                score=max(before.score, one.score),
                probability=max(probabilities, default=None),
            )
        else:
            newest[one.source, one.tag] = len(events)
            events.append(one)
    return events
