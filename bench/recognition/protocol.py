"""The protocol: some classes are known and some are not, over many draws of which, and five folds of each.

Unknown classes are never in training and never set a threshold; everything is fitted inside the fold. Metrics are taken per fold,
averaged over the folds, then over the draws; the spread is over draws, and so of the choice of classes, not an interval of confidence.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.recognition.collection import Clips, Float32
from soundmill.features.extractor import Extractor
from soundmill.osr import metrics
from soundmill.osr.classifier import OpenSetClassifier
from soundmill.osr.gaussian_votes import GaussianVotes
from soundmill.osr.sounds import Sounds, Verdicts

KNOWN_SHARE = 0.6
_VERDICTS_TIMED = 100


@dataclass(frozen=True)
class Features:
    """Vectors of clips, of background, and what they cost: each clip's vectors have shape (n, d)."""

    clips: list[npt.NDArray[np.float32]]
    background: list[npt.NDArray[np.float32]]
    blocks: tuple[int, ...]
    extract: Callable[[Float32], npt.NDArray[np.float32]]


def features(tool: Extractor, clips: Clips, background: Sequence[Float32]) -> Features:
    """Vectors of everything, once."""
    return Features(
        [tool(sound, clips.sample_rate) for sound in clips.samples],
        [tool(sound, clips.sample_rate) for sound in background],
        tuple(size for _, size in tool.groups),
        lambda sound: tool(sound, clips.sample_rate),
    )


@dataclass
class Result:
    """What a pipeline reached with and without background: each figure's values, one a draw."""

    closed: list[float] = field(default_factory=list)
    background: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    fit_seconds: list[float] = field(default_factory=list)
    verdict_ms: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """Means, and standard deviations over draws."""
        table = {
            name: {**{key: _mean(of) for key, of in figures.items()}, "spread": {key: _spread(of) for key, of in figures.items()}}
            for name, figures in self.background.items()
        }
        for figures in table.values():
            figures["promised_recall"] = figures["expected_recall"]  # the name under which earlier reports have it
        return {
            "closed": _mean(self.closed),
            "background": table,
            "fit_seconds": _mean(self.fit_seconds),
            "verdict_ms": round(self.verdict_ms, 3),
        }


class Pipeline:
    """A recogniser on the vectors of one extractor: how to fit it to clips, and what it says of others."""

    def __init__(self, name: str, data: Features, clips: Clips, original: bool = False) -> None:
        self.name, self.data, self.clips, self.original = name, data, clips, original

    def fit(self, chosen: npt.NDArray[np.intp], background: bool) -> Any:
        """Fitted to these clips, cross-validated on whole folds of them."""
        away = self.data.background if background else []
        if self.original:
            model = GaussianVotes(time_of_day=False, least_dbfs=-200.0)
            others = Sounds.of_vectors(away) if background else None
            return model.fit(Sounds.of_vectors([self.data.clips[i] for i in chosen], self.clips.classes[chosen].tolist()), others)
        # no class may be missing from all but one group: folds where there are enough, else the groups themselves
        folds = self.clips.folds[chosen]
        groups = folds if len(chosen) >= 60 else self.clips.groups[chosen]
        return OpenSetClassifier(blocks=self.data.blocks).fit(
            _matrix([self.data.clips[i] for i in chosen]),
            self.clips.classes[chosen],
            background=_matrix(away) if background else None,
            groups=groups,
        )

    def verdicts(self, model: Any, chosen: npt.NDArray[np.intp]) -> Verdicts:
        """What the model says of these clips."""
        vectors = [self.data.clips[i] for i in chosen]
        found: Verdicts = model.verdicts(Sounds.of_vectors(vectors) if self.original else _matrix(vectors))
        return found

    def expected_recall(self, model: Any) -> float:
        """The recall that the model expects."""
        return float(model.least_recall) if self.original else float(np.nanmean(model.expected_recall_))

    def verdict_ms(self) -> float:
        """Median milliseconds from the samples of three seconds to a verdict."""
        known = np.flatnonzero(np.isin(self.clips.classes, np.unique(self.clips.classes)[:6]))
        model = self.fit(known, background=False)
        rate = self.clips.sample_rate
        sound = np.resize(self.clips.samples[0], 3 * rate).astype(np.float32)
        times = []
        for _ in range(_VERDICTS_TIMED):
            began = time.perf_counter()
            vectors = self.data.extract(sound)
            model.verdicts(Sounds.of_vectors([vectors]) if self.original else vectors.astype(np.float64))
            times.append(1000 * (time.perf_counter() - began))
        return float(np.median(times))


def run(pipeline: Pipeline, draws: int, shots: int | None = None, backgrounds: Sequence[str] = ("none", "own")) -> Result:
    """The whole protocol for one pipeline; `shots` clips a class are trained on where that is given."""
    clips, result = pipeline.clips, Result()
    names = np.unique(clips.classes)
    if shots is None:
        result.closed = [float(np.mean([_closed(pipeline, fold) for fold in np.unique(clips.folds)]))]
    for draw in range(draws):
        rng = np.random.default_rng([0, draw])
        known = rng.permutation(names)[: max(2, round(KNOWN_SHARE * len(names)))]
        for background in backgrounds:
            rows = [_fold(pipeline, fold, known, background == "own", shots, rng, result) for fold in np.unique(clips.folds)]
            rows = [row for row in rows if row]
            kept = result.background.setdefault(background, {})
            for key in rows[0]:
                kept.setdefault(key, []).append(float(np.mean([row[key] for row in rows])))
    if shots is not None:
        result.closed = result.background[backgrounds[0]]["closed"]
    result.verdict_ms = pipeline.verdict_ms()
    return result


def _closed(pipeline: Pipeline, fold: int) -> float:
    held = pipeline.clips.folds == fold
    model = pipeline.fit(np.flatnonzero(~held), background=False)
    nearest = np.array(pipeline.verdicts(model, np.flatnonzero(held)).nearest)
    return float((nearest == pipeline.clips.classes[held]).mean())


def _fold(
    pipeline: Pipeline,
    fold: int,
    known: npt.NDArray[np.str_],
    background: bool,
    shots: int | None,
    rng: np.random.Generator,
    result: Result,
) -> dict[str, float]:
    clips = pipeline.clips
    is_known = np.isin(clips.classes, known)
    train, test = np.flatnonzero(is_known & (clips.folds != fold)), np.flatnonzero(clips.folds == fold)
    if shots is not None:
        train = np.concatenate([rng.permutation(train[clips.classes[train] == name])[:shots] for name in known])
    if not is_known[test].any() or is_known[test].all():
        return {}
    began = time.perf_counter()
    model = pipeline.fit(train, background)
    result.fit_seconds.append(time.perf_counter() - began)
    verdicts = pipeline.verdicts(model, test)
    thresholds = 0 if pipeline.original else model.thresholds_
    return {**figures(verdicts, thresholds, clips.classes[test], known), "expected_recall": pipeline.expected_recall(model)}


def figures(verdicts: Verdicts, thresholds: Any, classes: npt.NDArray[np.str_], known: npt.NDArray[np.str_]) -> dict[str, float]:
    """How verdicts on test clips of these classes, shape (n,), do, where some of them are known. Scores are margins and thresholds."""
    chosen, nearest = np.isin(classes, known), np.array(verdicts.nearest)
    score = (verdicts.margins + thresholds).max(axis=1)
    right = nearest == classes
    named = np.array([str(name) for name in verdicts.names]) == classes
    accepted = np.isin(np.array([str(name) for name in verdicts.names]), known)
    return {
        "closed": float(right[chosen].mean()),
        "auroc": metrics.auroc(score[chosen], score[~chosen]) or 0.0,
        "fpr95": metrics.false_positive_rate(score[chosen], score[~chosen]) or 0.0,
        "oscr": metrics.oscr(score[chosen], right[chosen], score[~chosen]) or 0.0,
        "accw": metrics.weighted_accuracy(named[chosen], ~accepted[~chosen]) or 0.0,
        "delivered_recall": float(named[chosen].mean()),
    }


def _matrix(vectors: Sequence[npt.NDArray[np.float32]]) -> npt.NDArray[np.float64]:
    return np.stack([rows.mean(axis=0) for rows in vectors]).astype(np.float64)


def _mean(values: Sequence[float]) -> float:
    return round(float(np.mean(values)), 4) if values else 0.0


def _spread(values: Sequence[float]) -> float:
    return round(float(np.std(values)), 4)
