"""Drawing a round's sessions from the sound of its days: which stretches people are asked about, why, and with what predictions."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from soundmill.capture import SEGMENTS
from soundmill.catalog import Annotations, Catalog, Labels, Ledger, ModelVersion, Rounds, RoundSession
from soundmill.catalog.rounds import GOLD
from soundmill.errors import MissingFeatures, RoundRefused
from soundmill.labelling.audit import STRATA, draw, strata_of
from soundmill.labelling.choosing import Pick, at_random, least_sure, near_copies, projected, session_margin, typical
from soundmill.labelling.spec import RoundSpec
from soundmill.lake import Lake
from soundmill.osr.detections import DETECTIONS
from soundmill.osr.sounds import Sounds
from soundmill.osr.spec import ModelSpec
from soundmill.times import from_ms, midnight, to_ms
from soundmill.workflows.predictions import Predicted, joined, predictions, version_named
from soundmill.workflows.rounds.gold import known_answers
from soundmill.workflows.training.data import segment_sounds
from soundmill.workflows.training.models import load_version

if TYPE_CHECKING:
    from soundmill.osr.recogniser import Recogniser

_COLD_EXTRACTOR = "pooled_spectral"
_LEAST_PER_STRATUM = 3  # of the audit's labels; with fewer labels there are fewer strata
_FEW_LABELS = 4  # of a tag: with fewer, a model's doubts say little
_SLIVER = timedelta(seconds=0.25)
_FIRST_OVERLAPPED = 20  # sessions, so that everybody's first ones are labelled by others too
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Drawn:
    """How many sessions of how many stretches were drawn, by which rules, and the model version whose predictions they show."""

    sessions: int
    candidates: int
    by_rule: dict[str, int]
    model: str | None


@dataclass(frozen=True)
class _Window:
    """A stretch of a source that could be a session, and the segments in it."""

    source: str
    start: datetime
    end: datetime
    segments: tuple[int, ...]
    is_labelled: bool


@dataclass(frozen=True)
class _Scores:
    """What a model says of each window: its least margins between best and second answer, and its highest score of any of the tags."""

    margins: Floats
    best: Floats
    faint: tuple[Predicted, ...]  # what falls short of its threshold by no more than the round allows, and what no detections tell yet


def draw_round(lake: Lake, catalog: Catalog, name: str, zone: ZoneInfo) -> Drawn:
    """Draws the sessions of a round that nobody has worked on yet. The same recipe on the same data draws the same.

    Raises `UnknownRound`, `RoundRefused`, `UnknownModel`.
    """
    rounds = Rounds(catalog)
    spec = RoundSpec.of(rounds.get(name))
    version = version_named(catalog, spec.model)
    sound = _Sound(lake, spec, zone)
    windows = _windows(catalog, spec, sound)
    if not windows:
        where = ", ".join(spec.sources) or "no source"
        raise RoundRefused(
            f"round {name!r} has no sound: {where} has none on its days that is cut into segments (soundmill materialize day)"
        )
    predicted = _predicted(lake, catalog, spec, version) if version else {}
    vectors = _vectors(sound, windows)
    scores = (
        _scores(spec, sound, windows, version, load_version(lake, version), _detected(catalog, version, predicted)) if version else None
    )
    for one in scores.faint if scores else ():
        predicted.setdefault(one.source, []).append(one)
    inside = [_clipped(window, predicted.get(window.source, ())) for window in windows]
    labelled = _labelled(windows, vectors)
    audits, strata = _audit(spec, windows, scores, inside, labelled)
    sessions = _sessions(spec, windows, vectors, scores, inside, labelled, audits, is_cold=_is_cold(catalog, spec, version))
    sessions = _with_gold(sessions, _gold(lake, catalog, name, spec, version), spec.seed)
    model = f"{version.name}/{version.version}" if version else None
    left_out = set(labelled)
    open_ones = [{one.tag for one in found} for place, found in enumerate(inside) if place not in left_out]
    heard = {tag: sum(tag in found for found in open_ones) for tag in spec.tags}
    population = {"stretches": len(open_ones), "heard": heard, "heard_any": sum(map(bool, open_ones)), "strata": strata}
    rounds.put(name, [replace(one, round=name) for one in sessions], model, population)
    return Drawn(len(sessions), len(windows), dict(Counter(one.rule for one in sessions)), model)


class _Sound:
    """The segments of a round's days and sources, by source and start, and their vectors, each read once."""

    def __init__(self, lake: Lake, spec: RoundSpec, zone: ZoneInfo) -> None:
        where = pc.field("source").isin(spec.sources) if spec.sources else None
        self._lake, self._days, self._zone = lake, sorted(spec.days), zone
        self.table = lake.read_days(SEGMENTS, self._days, where=where).sort_by([("source", "ascending"), ("started_at", "ascending")])
        self._vectors: dict[str, Sounds | None] = {}

    def places(self) -> list[tuple[str, datetime, float]]:
        """Source, start and seconds of each segment."""
        columns = (self.table[name].to_pylist() for name in ("source", "started_at", "seconds"))
        return list(zip(*columns, strict=True))

    def vectors(self, extractor: str) -> Sounds | None:
        """The segments with an extractor's vectors; None where the days have none yet."""
        if extractor not in self._vectors:
            try:
                self._vectors[extractor] = segment_sounds(self._lake, self._days, self.table, extractor, self._zone)
            except MissingFeatures:
                self._vectors[extractor] = None
        return self._vectors[extractor]


def _windows(catalog: Catalog, spec: RoundSpec, sound: _Sound) -> list[_Window]:
    """Stretches of the sessions' length, counted from midnight, that hold sound."""
    length = round(1000 * spec.session_seconds)
    found: dict[tuple[str, int], list[int]] = {}
    for number, (source, start, _) in enumerate(sound.places()):
        begins = to_ms(midnight(start.date()))
        found.setdefault((source, begins + (to_ms(start) - begins) // length * length), []).append(number)
    days = sorted(spec.days)
    labelled: dict[str, list[tuple[datetime, datetime]]] = {}
    for one in Annotations(catalog).of_days(days[0], days[-1]):
        labelled.setdefault(one.source, []).append((one.start, one.end))
    for source, _, span in Labels(catalog).reviewed(days[0], days[-1]):
        labelled.setdefault(source, []).append((span.start, span.end))
    windows = []
    for (source, begin), numbers in sorted(found.items()):
        start = from_ms(begin)
        end = min(from_ms(begin + length), midnight(start.date() + timedelta(days=1)))  # no two share sound over midnight
        has_labels = any(first < end and last > start for first, last in labelled.get(source, ()))
        windows.append(_Window(source, start, end, tuple(numbers), has_labels))
    return windows


def _predicted(lake: Lake, catalog: Catalog, spec: RoundSpec, version: ModelVersion) -> dict[str, list[Predicted]]:
    """What the model predicted of the round's tags on its days, by source."""
    found: dict[str, list[Predicted]] = {}
    seen = set[Predicted]()  # one over midnight is of two days
    for day in sorted(spec.days):
        for one in predictions(lake, catalog, version, None, midnight(day), midnight(day + timedelta(days=1))):
            if one.tag in spec.tags and one.score >= spec.threshold and one not in seen:
                seen.add(one)
                found.setdefault(one.source, []).append(one)
    return found


def _vectors(sound: _Sound, windows: Sequence[_Window]) -> Floats | None:
    """The mean vector of each window's segments, projected; None where the days have no features yet."""
    sounds = sound.vectors(_COLD_EXTRACTOR)
    if sounds is None:
        return None
    pooled = sounds.pooled().astype(float)
    return projected(np.array([pooled[list(window.segments)].mean(axis=0) for window in windows]))


def _detected(catalog: Catalog, version: ModelVersion, predicted: Mapping[str, Sequence[Predicted]]) -> set[date]:
    """Days whose detections by the version are made. Elsewhere nothing is known yet of what it hears."""
    made = {day for day, label in Ledger(catalog).processed(DETECTIONS.name).items() if label == f"{version.name}/{version.version}"}
    return made | {one.start.date() for found in predicted.values() for one in found}


def _scores(
    spec: RoundSpec, sound: _Sound, windows: Sequence[_Window], version: ModelVersion, model: "Recogniser", detected: Collection[date]
) -> _Scores | None:
    """What the model says of each window, and on days that are not `detected` yet also what it hears; None without the features that it
    needs."""
    sounds = sound.vectors(ModelSpec.parse((version.card or {})["spec"]).extractor)
    if sounds is None:
        return None
    _, margins, _, probabilities = model.verdicts(sounds)
    answers = margins if probabilities is None else probabilities
    ordered = np.sort(answers, axis=1)
    doubt = ordered[:, -1] - ordered[:, -2] if answers.shape[1] > 1 else np.abs(margins[:, 0])
    mine = [place for place, tag in enumerate(model.tags_) if tag in spec.tags]
    best = margins[:, mine].max(axis=1) if mine else np.full(len(margins), -np.inf)
    names = [model.tags_[mine[place]] for place in margins[:, mine].argmax(axis=1)] if mine else [""] * len(margins)
    faint = [
        Predicted(source, start, start + timedelta(seconds=seconds), tag, float(margin), None, version.name, version.version)
        for (source, start, seconds), margin, tag in zip(sound.places(), best, names, strict=True)
        if spec.threshold <= margin and (margin < 0 or start.date() not in detected)
    ]
    return _Scores(
        np.array([session_margin(doubt[list(window.segments)]) for window in windows]),
        np.array([best[list(window.segments)].max() for window in windows]),
        tuple(joined(sorted(faint, key=lambda one: (one.start, one.source, one.tag)))),
    )


def _is_cold(catalog: Catalog, spec: RoundSpec, version: ModelVersion | None) -> bool:
    """Whether too little is known for a model's doubts to mean much."""
    if version is None:
        return True
    support: dict[str, int] = (version.card or {}).get("data", {}).get("support", {})
    return any(support.get(tag, 0) < _FEW_LABELS for tag in spec.tags)


def _labelled(windows: Sequence[_Window], vectors: Floats | None) -> list[int]:
    """Windows that are left out: labelled ones, and copies of them, which teach nothing more. None where that would be all."""
    labelled = [number for number, window in enumerate(windows) if window.is_labelled]
    if vectors is not None and labelled:
        labelled = sorted({*labelled, *np.flatnonzero(near_copies(vectors, vectors[labelled])).tolist()})
    return [] if len(labelled) == len(windows) else labelled


def _sessions(
    spec: RoundSpec,
    windows: Sequence[_Window],
    vectors: Floats | None,
    scores: _Scores | None,
    inside: Sequence[Sequence[Predicted]],
    labelled: Sequence[int],
    audits: Sequence[tuple[int, int | None, float]],
    *,
    is_cold: bool,
) -> list[RoundSession]:
    taken = [*labelled, *(number for number, *_ in audits)]
    wanted = max(min(spec.sessions, len(windows) - len(labelled)) - len(audits), 0)
    picks = _picks(spec, windows, vectors, scores, inside, taken, wanted, is_cold=is_cold)
    if len(picks) < wanted:  # never too few for want of scores
        picks += at_random(len(windows), [*taken, *(pick.index for pick in picks)], wanted - len(picks), spec.seed)
    rng = np.random.default_rng(spec.seed)
    drawn: list[tuple[int, RoundSession]] = []
    for pick in picks:
        share = wanted / (len(windows) - len(taken)) if pick.rule == "random" and spec.rule == "random" else None
        drawn.append((pick.index, _session(windows[pick.index], pick.rule, inside[pick.index], pick.score, pick.cluster, None, share)))
    for number, stratum, share in audits:
        score = float(scores.best[number]) if scores else None
        drawn.append((number, _session(windows[number], "audit", inside[number], score, None, stratum, share)))
    order = rng.permutation(len(drawn))
    overlapped = rng.random(len(drawn)) < spec.overlap
    return [
        replace(drawn[place][1], number=number, wanted=spec.annotators if number <= _FIRST_OVERLAPPED or overlapped[place] else 1)
        for number, place in enumerate(map(int, order), 1)
    ]


def _gold(lake: Lake, catalog: Catalog, name: str, spec: RoundSpec, version: ModelVersion | None) -> list[RoundSession]:
    """Sessions whose answer is known: by them it shows how right each person is."""
    once = sorted(known_answers(catalog, name, spec))
    picked = np.random.default_rng(spec.seed + 2).permutation(len(once))[: round(spec.gold * spec.sessions)]
    found = []
    for source, start, end in (once[place] for place in picked):
        window = _Window(source, start, end, (), is_labelled=True)
        said = predictions(lake, catalog, version, source, start, end) if version else ()
        inside = _clipped(window, [each for each in said if each.tag in spec.tags and each.score >= spec.threshold])
        found.append(replace(_session(window, GOLD, inside, None, None, None, None), wanted=spec.annotators))
    return found


def _with_gold(sessions: Sequence[RoundSession], gold: Sequence[RoundSession], seed: int) -> list[RoundSession]:
    """Sessions with those of known answers among them, at places that tell nothing; numbered anew."""
    places = np.sort(np.random.default_rng(seed + 3).integers(0, len(sessions) + 1, len(gold)))
    mixed = list(sessions)
    for place, one in reversed(list(zip(places.tolist(), gold, strict=True))):
        mixed.insert(place, one)
    return [replace(one, number=number) for number, one in enumerate(mixed, 1)]


def _audit(
    spec: RoundSpec, windows: Sequence[_Window], scores: _Scores | None, inside: Sequence[Sequence[Predicted]], labelled: Sequence[int]
) -> tuple[list[tuple[int, int | None, float]], list[int]]:
    """Windows drawn by chance: half of them of those with a prediction (stratum None), and half of the others, from strata of the model's
    score: index, stratum, probability. And the size of each stratum."""
    number = round(spec.audit * min(spec.sessions, len(windows)))
    if scores is None or not number:
        return [], []
    held_back = set(labelled)
    quiet, heard = (
        np.array([place for place in range(len(windows)) if bool(inside[place]) == is_heard and place not in held_back], np.int64)
        for is_heard in (False, True)
    )
    share = min(number // 2, len(heard))
    rng = np.random.default_rng(spec.seed + 1)
    found: list[tuple[int, int | None, float]] = [
        (int(place), None, share / len(heard)) for place in (rng.choice(heard, share, replace=False) if share else ())
    ]
    sizes: list[int] = []
    if len(quiet):
        strata = strata_of(scores.best[quiet], max(1, min(STRATA, (number - share) // _LEAST_PER_STRATUM)))
        sizes = np.bincount(strata).tolist()
        picked, shares = draw(strata, number - share, spec.seed)
        found += [(int(quiet[place]), int(strata[place]), float(each)) for place, each in zip(picked, shares, strict=True)]
    return found, sizes


def _picks(
    spec: RoundSpec,
    windows: Sequence[_Window],
    vectors: Floats | None,
    scores: _Scores | None,
    inside: Sequence[Sequence[Predicted]],
    taken: Sequence[int],
    wanted: int,
    *,
    is_cold: bool,
) -> list[Pick]:
    rule = spec.rule if spec.rule != "auto" else "typical" if is_cold or scores is None else "margin"
    if rule == "typical" and vectors is not None:
        return typical(vectors, taken, wanted, spec.seed)
    if rule == "margin" and scores is not None and vectors is not None:
        hours = [f"{window.source} {window.start:%Y-%m-%d %H}" for window in windows]
        return least_sure(scores.margins, taken, wanted, burst=hours, vectors=vectors)
    if rule == "candidates":
        without = [place for place in range(len(windows)) if not inside[place]]
        found = at_random(len(windows), [*taken, *without], wanted, spec.seed)
        return [Pick(pick.index, "candidates", max(one.score for one in inside[pick.index])) for pick in found]
    return at_random(len(windows), taken, wanted, spec.seed)


def _clipped(window: _Window, found: Sequence[Predicted]) -> list[Predicted]:
    """Predictions in a window, cut off at its edges; of what only just reaches in, nothing."""
    cut = [(one, replace(one, start=max(one.start, window.start), end=min(one.end, window.end))) for one in found]
    return [piece for one, piece in cut if piece.end - piece.start >= min(_SLIVER, one.end - one.start)]


def _session(
    window: _Window,
    rule: str,
    inside: Sequence[Predicted],
    score: float | None,
    cluster: int | None,
    stratum: int | None,
    probability: float | None,
) -> RoundSession:
    said = tuple(
        {"start": to_ms(one.start), "end": to_ms(one.end), "tag": one.tag, "score": one.score, "probability": one.probability}
        for one in inside
    )
    return RoundSession("", 0, window.source, window.start, window.end, rule, 1, score, cluster, stratum, probability, predictions=said)
