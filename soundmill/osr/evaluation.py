"""How well a recogniser does on days it has not seen."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from soundmill.errors import NotEnoughData
from soundmill.osr import metrics
from soundmill.osr.metrics import EventCounts, Span
from soundmill.osr.sounds import Sounds, Verdicts
from soundmill.osr.spec import OTHER

if TYPE_CHECKING:
    from soundmill.osr.recogniser import Recogniser

WORST = 12
_SWEEP_DRAWS = 20


@dataclass(frozen=True)
class TagResult:
    """Results of one tag; None where there was nothing to divide by. `expected_recall` is what cross-validation found."""

    precision: float | None
    recall: float | None
    f1: float | None
    average_precision: float | None
    support: int
    expected_recall: float | None


@dataclass(frozen=True)
class Headline:
    """The figures by which models are compared. `expected_recall` and `delivered_recall` are means over tags."""

    closed_accuracy: float | None
    known_auroc: float | None
    fpr95: float | None
    oscr: float | None
    accw: float | None
    calibration_error: float | None
    expected_recall: float | None
    delivered_recall: float | None
    false_positives_per_hour: float | None
    event_f1: float | None


@dataclass(frozen=True)
class Example:
    """A test sound that went wrong: what it was, what was predicted, and with which probability."""

    key: str
    true: str
    predicted: str
    probability: float | None
    margin: float


@dataclass(frozen=True)
class Openness:
    """AUROC and ACCw when so many unknown tags are met, averaged over which ones they are."""

    unknown_tags: int
    openness: float
    auroc: float | None
    accw: float | None


@dataclass(frozen=True)
class Stream:
    """A source's segments of one test day, in order of time: start and length in seconds, what they were called, and the annotated
    events."""

    starts: Sequence[float]
    seconds: Sequence[float]
    names: Sequence[str]
    events: Sequence[Span]


@dataclass(frozen=True)
class HeldOut:
    """Tagged sounds, also of tags that the model was not trained on; background of so many seconds; and whole streams."""

    tagged: Sounds
    background: Sounds
    background_seconds: float
    streams: Sequence[Stream] = ()


@dataclass(frozen=True)
class Evaluation:
    """Results on test sounds: tagged ones, and background that ought to be "other".

    `confusion` has a row for each name the model can predict and a column for each true name; `curves` holds (precision, recall) lists.
    `closed_accuracy` counts known sounds only, the right name without regard to thresholds; unknown are sounds of other tags, and
    background. `intervals` are 95 % of bootstraps over groups of test sounds. `without_hours` is the headline without the hour,
    None where it does not count anyway. `without_vectors` counts test sounds without any vector. `hours` holds the weights of each name at
    73 points of the day, where the hour counts.
    """

    tags: dict[str, TagResult]
    rows: list[str]
    columns: list[str]
    confusion: list[list[int]]
    curves: dict[str, tuple[list[float], list[float]]]
    headline: Headline
    intervals: dict[str, tuple[float, float]]
    without_hours: Headline | None
    openness: list[Openness]
    worst: list[Example]
    events: dict[str, EventCounts]
    unknown_rejected: int
    unknown_support: int
    background_hours: float
    without_vectors: int
    groups: int = 0
    mistakes: int = 0
    reliability: list[tuple[float, float, int]] = field(default_factory=list)
    hours: dict[str, list[float]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def evaluate(model: "Recogniser", data: HeldOut, predictions: "Predictions | None" = None) -> Evaluation:
    """Results on test sounds; `predictions` are the model's on them, where they are known. Sounds of tags that the model was not trained
    on count as unknown. Raises `NotEnoughData` where there is no tagged sound."""
    tagged, background = data.tagged, data.background
    predictions = predictions or Predictions.of(model, data)
    columns = sorted(set(tagged.tags) | set(model.tags_)) + ([OTHER] if len(background) else [])
    rows = [*model.tags_, OTHER]
    table = metrics.confusion(predictions.truth.tolist(), predictions.names.tolist(), rows, columns)
    results, curves = _of_tags(model, predictions, table, columns)
    predicted = [(stream, merge_verdicts(stream.starts, stream.seconds, stream.names)) for stream in data.streams]
    counted = {tag: sum((_events(tag, stream, events) for stream, events in predicted), EventCounts()) for tag in model.tags_}
    hours = data.background_seconds / 3600
    event_f1 = sum(counted.values(), EventCounts()).f1 if data.streams else None
    everything = np.arange(len(predictions.truth))
    expected_recall = model.expected_recall_
    overall = headline(predictions, everything, expected_recall, hours, event_f1)
    left_out = {"expected_recall", "event_f1"}  # the one is no matter of test sounds, the other one of whole streams

    def figures(chosen: npt.NDArray[np.int64]) -> dict[str, float | None]:
        drawn = asdict(headline(predictions, chosen, expected_recall, hours, None))
        return {name: value for name, value in drawn.items() if name not in left_out}

    intervals = metrics.bootstrap_intervals(predictions.groups, figures)
    hour_counts = bool(np.ptp(model.time_weights_, axis=1).any())
    without = Predictions.of(model, data, use_hours=False) if hour_counts else None
    unknown = ~predictions.known
    return Evaluation(
        tags=results,
        rows=rows,
        columns=columns,
        confusion=table.tolist(),
        curves=curves,
        headline=overall,
        intervals=intervals,
        without_hours=None if without is None else headline(without, everything, expected_recall, hours, None),
        openness=_openness(predictions, len(model.tags_)),
        worst=_worst(predictions),
        events=counted if data.streams else {},
        unknown_rejected=int(np.count_nonzero(predictions.names[unknown] == OTHER)),
        unknown_support=int(np.count_nonzero(unknown)),
        background_hours=hours,
        without_vectors=int(np.count_nonzero(~tagged.has_vectors())),
        groups=len(np.unique(predictions.groups)),
        mistakes=int(np.count_nonzero(~predictions.right)),
        reliability=[] if predictions.probability is None else _reliability(predictions.probability, predictions.right),
        hours=_hours(model) if hour_counts else {},
    )


def merge_verdicts(starts: Sequence[float], seconds: Sequence[float], names: Sequence[str]) -> list[Span]:
    """Events from verdicts on segments in order of time: neighbours with the same name are one event; "other" is none."""
    named = [(start, length, name) for start, length, name in zip(starts, seconds, names, strict=True) if name != OTHER]
    spans = [Span(name, start, start + length) for start, length, name in named]
    return _joined(spans, [0.5 * length for _, length, _ in named])


def _joined(spans: Sequence[Span], gaps: Sequence[float]) -> list[Span]:
    """Spans in order of onset, each made one with the span before it where the tags are the same and less than its gap lies between."""
    out: list[Span] = []
    for span, gap in zip(spans, gaps, strict=True):
        if out and out[-1].tag == span.tag and span.onset - out[-1].offset < gap:
            out[-1] = Span(span.tag, out[-1].onset, max(out[-1].offset, span.offset))
        else:
            out.append(span)
    return out


@dataclass(frozen=True)
class Predictions:
    """Verdicts on tagged test sounds and, after them, on background; every array has shape (n,) but `margins` (n, tags)."""

    keys: npt.NDArray[np.object_]
    truth: npt.NDArray[np.object_]
    known: npt.NDArray[np.bool_]
    names: npt.NDArray[np.object_]
    nearest: npt.NDArray[np.object_]
    margins: npt.NDArray[np.float64]
    probability: npt.NDArray[np.float64] | None  # of the predicted name
    background: npt.NDArray[np.bool_]
    groups: npt.NDArray[np.int64]

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        """Whether known sounds were named, and all others called "other"."""
        right: npt.NDArray[np.bool_] = self.names == np.where(self.known, self.truth, OTHER)
        return right

    @classmethod
    def of(cls, model: "Recogniser", data: HeldOut, use_hours: bool = True) -> "Predictions":
        """What a model says of test sounds. Raises `NotEnoughData` where there is no tagged sound."""
        if not len(data.tagged):
            raise NotEnoughData("the test days hold no annotated sound: choose days with labels to test on")
        sets = [part for part in (data.tagged, data.background) if len(part)]
        parts: list[Verdicts] = [model.verdicts(part, use_hours) for part in sets]
        truth = np.array([*data.tagged.tags, *[OTHER] * len(data.background)], object)
        names = np.array([name for verdicts in parts for name in verdicts.names], object)
        probabilities = None
        if all(verdicts.probabilities is not None for verdicts in parts):
            every = np.concatenate([verdicts.probabilities for verdicts in parts if verdicts.probabilities is not None])
            place = {name: k for k, name in enumerate([*model.tags_, OTHER])}
            probabilities = every[np.arange(len(names)), [place[name] for name in names]]
        labels = [group for part in sets for group in (part.groups or part.keys)]
        return cls(
            np.array([key for part in sets for key in part.keys], object),
            truth,
            np.isin(truth, model.tags_),
            names,
            np.array([name for verdicts in parts for name in verdicts.nearest], object),
            np.concatenate([verdicts.margins for verdicts in parts]),
            probabilities,
            np.arange(len(truth)) >= len(data.tagged),
            np.unique(np.array(labels, object).astype(str), return_inverse=True)[1].astype(np.int64),
        )


def headline(
    predictions: Predictions, chosen: npt.NDArray[np.int64], expected_recall: Mapping[str, float], hours: float, event_f1: float | None
) -> Headline:
    """The figures on the predictions at these places; `hours` of background lie behind all of them."""
    truth, known, names, background = (
        predictions.truth[chosen],
        predictions.known[chosen],
        predictions.names[chosen],
        predictions.background[chosen],
    )
    scores = predictions.margins[chosen].max(axis=1)
    nearest, named = predictions.nearest[chosen] == truth, names == truth
    rejected = names == OTHER
    kept = [float(value) for tag, value in expected_recall.items() if not np.isnan(value) and (truth == tag).any()]
    delivered = [float(named[truth == tag].mean()) for tag in expected_recall if (truth == tag).any()]
    probability = None if predictions.probability is None else predictions.probability[chosen]
    return Headline(
        closed_accuracy=float(nearest[known].mean()) if known.any() else None,
        known_auroc=metrics.auroc(scores[known], scores[~known]),
        fpr95=metrics.false_positive_rate(scores[known], scores[~known]),
        oscr=metrics.oscr(scores[known], nearest[known], scores[~known]),
        accw=metrics.weighted_accuracy(named[known], rejected[~known]),
        calibration_error=None if probability is None else metrics.calibration_error(probability, predictions.right[chosen]),
        expected_recall=float(np.mean(kept)) if kept else None,
        delivered_recall=float(np.mean(delivered)) if delivered else None,
        false_positives_per_hour=metrics.ratio(
            float(np.count_nonzero(background & ~rejected)), hours * background.sum() / max(1, predictions.background.sum())
        ),
        event_f1=event_f1,
    )


def _of_tags(
    model: "Recogniser", predictions: Predictions, table: npt.NDArray[np.int64], columns: Sequence[str]
) -> tuple[dict[str, TagResult], dict[str, tuple[list[float], list[float]]]]:
    results, curves = {}, {}
    for k, tag in enumerate(model.tags_):
        is_tag = predictions.truth == tag
        hits, support, called = int(table[k, columns.index(tag)]), int(np.count_nonzero(is_tag)), int(table[k].sum())
        expected_recall = model.expected_recall_.get(tag, float("nan"))
        results[tag] = TagResult(
            metrics.ratio(hits, called),
            metrics.ratio(hits, support),
            metrics.ratio(2 * hits, called + support),
            metrics.average_precision(predictions.margins[:, k], is_tag),
            support,
            None if np.isnan(expected_recall) else expected_recall,
        )
        precision, recall = metrics.precision_recall_curve(predictions.margins[:, k], is_tag)
        curves[tag] = (precision.round(4).tolist(), recall.round(4).tolist())
    return results, curves


def _events(tag: str, stream: Stream, predicted: Sequence[Span]) -> EventCounts:
    """Counts of one tag among the events that were predicted in a stream; a segment is the finest step there is, so onsets and offsets
    may be one segment off, and sounds of the tag that follow one another within a segment's length are one event."""
    collar = max(stream.seconds, default=0.0)
    marked = sorted((span for span in stream.events if span.tag == tag), key=lambda span: span.onset)
    reference = _joined(marked, [collar] * len(marked))
    return metrics.count_events(reference, [span for span in predicted if span.tag == tag], collar, collar)


def _openness(predictions: Predictions, known_tags: int) -> list[Openness]:
    """The sweep from one unknown tag to all of them; background stays out of it."""
    foreign = sorted(set(predictions.truth[~predictions.known & ~predictions.background]))
    known = np.flatnonzero(predictions.known)
    scores, named = predictions.margins.max(axis=1), predictions.names == predictions.truth
    rng = np.random.default_rng(0)
    sweep = []
    for count in range(1, len(foreign) + 1):
        aurocs, accws = [], []
        for _ in range(_SWEEP_DRAWS if count < len(foreign) else 1):
            some = np.flatnonzero(np.isin(predictions.truth, rng.permutation(foreign)[:count]))
            aurocs.append(metrics.auroc(scores[known], scores[some]))
            accws.append(metrics.weighted_accuracy(named[known], predictions.names[some] == OTHER))
        openness = metrics.openness(known_tags, known_tags + count)
        sweep.append(Openness(count, openness, _mean(aurocs), _mean(accws)))
    return sweep


def _mean(values: Sequence[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    return float(np.mean(there)) if there else None


def _worst(predictions: Predictions) -> list[Example]:
    """Sounds that were named wrongly, then those of a known tag that were missed; the surest of each first."""
    wrong = np.flatnonzero(~predictions.right)
    missed = predictions.names[wrong] == OTHER
    margins = predictions.margins[wrong].max(axis=1)
    sure = np.where(missed, -margins, margins) if predictions.probability is None else predictions.probability[wrong]
    order = np.lexsort((-sure, missed))[:WORST]
    return [
        Example(
            str(predictions.keys[at]),
            str(predictions.truth[at]),
            str(predictions.names[at]),
            None if predictions.probability is None else float(predictions.probability[at]),
            float(predictions.margins[at].max()),
        )
        for at in wrong[order]
    ]


def _hours(model: "Recogniser") -> dict[str, list[float]]:
    """The time-of-day model by name."""
    names = model.classes_ if len(model.time_weights_) == len(model.classes_) else model.tags_
    return {name: weights.round(4).tolist() for name, weights in zip(names, model.time_weights_, strict=True)}


def _reliability(probability: npt.NDArray[np.float64], right: npt.NDArray[np.bool_]) -> list[tuple[float, float, int]]:
    """For each tenth of probability: its mean, the share that was right, and how many sounds."""
    return [
        (float(given), float(share), int(count)) for given, share, count in zip(*metrics.reliability(probability, right, 10), strict=True)
    ]
