"""What to run, decided from what there is, what was done, and what runs already. Pure functions; the sensors are thin over them."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any

from soundmill.fingerprint import digest, is_stale


@dataclass(frozen=True)
class Cursor:
    """What a sensor keeps between ticks: when (epoch seconds) it asked for which day, for as long as the spacing lasts."""

    asked: dict[str, float] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str | None) -> "Cursor":
        """The cursor of the last tick; an empty one where the text is none or not readable."""
        try:
            asked = json.loads(text or "{}")
            return cls({str(day): float(at) for day, at in asked.items()})
        except (ValueError, TypeError, AttributeError):
            return cls()

    def text(self) -> str:
        """What the next tick parses."""
        return json.dumps(self.asked)


@dataclass(frozen=True)
class Plan:
    """Days to run now with the fingerprint that asks for it; days that wait, and those that are no partition."""

    run: dict[date, str]
    waiting: list[date]
    outside: list[date]
    cursor: Cursor


def plan_days(
    current: Mapping[date, str],
    processed: Mapping[date, str],
    in_flight: Collection[str],
    partitions: Collection[str],
    cursor: Cursor,
    now: float,
    spacing: float,
    most: int = 20,
) -> Plan:
    """Days whose input differs from what they were last made from, the newest first, at most `most` of them.

    A day that is being run, or was asked for less than `spacing` seconds ago, waits. A day that was processed but is marked stale
    counts as changed with that mark. A clock that jumped backwards makes nothing wait longer than `spacing`.
    """
    asked = {day: at for day, at in cursor.asked.items() if 0 <= now - at < spacing}
    stale = {day: mark for day, mark in processed.items() if is_stale(mark)}
    changed = {day: mark for day, mark in current.items() if processed.get(day) != mark and day not in stale}
    changed |= {day: f"{current.get(day, '')} {mark}".strip() for day, mark in stale.items()}
    run: dict[date, str] = {}
    waiting, outside = [], []
    for day in sorted(changed, reverse=True):
        key = day.isoformat()
        if key not in partitions:
            outside.append(day)
        elif key in in_flight or key in asked or len(run) >= most:
            waiting.append(day)
        else:
            run[day] = changed[day]
    return Plan(run, sorted(waiting), sorted(outside), Cursor({**asked, **{day.isoformat(): now for day in run}}))


def day_ranges(wanted: Collection[date], most: int) -> list[tuple[date, date]]:
    """First and last days of unbroken ranges of at most `most` days, the newest first. Long ranges break at the same days whatever else
    is wanted, so that a range that fails is known again."""
    ranges: list[tuple[date, date]] = []
    for day in sorted(set(wanted), reverse=True):
        if ranges and ranges[-1][0] - day == timedelta(days=1) and ranges[-1][0].toordinal() // most == day.toordinal() // most:
            ranges[-1] = (day, ranges[-1][1])
        else:
            ranges.append((day, day))
    return ranges


@dataclass(frozen=True)
class ModelPlan:
    """Models to fit now with the mark that asks for it; partitions to add and to remove; or why all of them wait.

    `unlabelled` counts models that have no labelled tag yet, `models` all that are defined.
    """

    run: dict[str, str] = field(default_factory=dict)
    added: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    waits: str = ""
    unlabelled: int = 0
    models: int = 0

    def skipped(self, given_up: int, after: int) -> str:
        """Why nothing is asked for."""
        failed = f", {given_up} of them failed {after} times and wait for other labels" if given_up else ""
        waiting = f", {self.unlabelled} wait for their first label" if self.unlabelled else ""
        return f"nothing to fit for {self.models} models{failed}{waiting}"


@dataclass(frozen=True)
class RoundLabels:
    """What a labelling round is to models: its tags, sources and days (ISO), and a mark that changes with the annotations made of it."""

    tags: Collection[str]
    sources: Collection[str]
    days: Collection[str]
    mark: str


def plan_models(
    specs: Mapping[str, dict[str, Any]],
    fitted: Collection[tuple[str, dict[str, Any], Mapping[str, str]]],
    *,
    rounds: Mapping[str, RoundLabels],
    known: Collection[str],
    tags: Collection[str],
    annotated: Mapping[date, str],
    in_snapshot: Mapping[date, str],
    features_in_flight: int,
    created: Mapping[str, str] = MappingProxyType({}),
) -> ModelPlan:
    """Models whose specification was never fitted, and of whose tags at least one is labelled; and those for whose tags, sources and days a
    labelling round has brought labels since.

    `fitted` are names with specifications that were, and the marks of all rounds at that fit, the newest last; `known` are partitions that
    exist; `created` says when each was first defined: one that was deleted and is defined again is another model; `annotated` and
    `in_snapshot` say what each day's labels are, and what the snapshot was made from: where they differ, all models wait. A fit that failed
    for want of labels is asked for again when labels have changed.
    """
    if features_in_flight:
        return ModelPlan(waits=f"features of {features_in_flight} days are being made; models wait for them")
    if pending := [day for day, mark in annotated.items() if in_snapshot.get(day) != mark]:
        return ModelPlan(waits=f"labels of {len(pending)} days are not yet in a snapshot; models wait for them")
    done = {(name, _spec_text(spec)): seen for name, spec, seen in fitted}
    unfitted = {name: spec for name, spec in specs.items() if (name, _spec_text(spec)) not in done}
    labels, labelled = digest(sorted(map(str, in_snapshot.items()))), set(tags)
    run = {
        name: f"{digest([_spec_text(spec), created.get(name, '')])} {labels}"
        for name, spec in unfitted.items()
        if labelled & set(spec["tags"] or labelled)
    }
    for name, spec in specs.items():
        seen = done.get((name, _spec_text(spec)), {})
        fresh = {one: of.mark for one, of in rounds.items() if seen.get(one) != of.mark and _may_learn(spec, of)}
        if name not in unfitted and fresh:
            run[name] = f"{digest([_spec_text(spec)])} rounds {digest(sorted(map(str, fresh.items())))}"
    added, removed = sorted(set(specs) - set(known)), sorted(set(known) - set(specs))
    return ModelPlan(run, added, removed, unlabelled=len(unfitted) - len(run.keys() & unfitted.keys()), models=len(specs))


def _may_learn(spec: Mapping[str, Any], of: RoundLabels) -> bool:
    """Whether a model may learn from a round, or be tested on it. Without days of its own it may on any."""
    named = {*spec["train_days"], *spec["test_days"]} if spec["train_days"] else ()
    pairs = ((spec["tags"], of.tags), (spec["sources"], of.sources), (named, of.days))
    return all(not ours or not theirs or set(ours) & set(theirs) for ours, theirs in pairs)


@dataclass(frozen=True)
class DetectionPlan:
    """How many days want detections, and the ranges of those that can be run now, the newest first."""

    wanted: int
    ranges: list[tuple[date, date]]


def plan_detections(
    label: str,
    segmented: Collection[date],
    made: Mapping[date, str],
    partitions: Collection[str],
    in_flight: Collection[str],
    most: int,
) -> DetectionPlan:
    """Segmented days whose detections are not by the version `label`, in ranges of at most `most` days."""
    wanted = [day for day in segmented if str(day) in partitions and made.get(day) != label]
    return DetectionPlan(len(wanted), day_ranges([day for day in wanted if str(day) not in in_flight], most))


def _spec_text(spec: dict[str, Any]) -> str:
    return json.dumps(spec, sort_keys=True)
