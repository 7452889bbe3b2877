"""Metrics of open-set recognition, each from predictions or scores alone. Scores are higher for what is more like something known."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def confusion(truth: Sequence[str], predicted: Sequence[str], rows: Sequence[str], columns: Sequence[str]) -> npt.NDArray[np.int64]:
    """Counts, shape (rows, columns): row = predicted name, column = true name."""
    row = {name: i for i, name in enumerate(rows)}
    column = {name: i for i, name in enumerate(columns)}
    out = np.zeros((len(rows), len(columns)), np.int64)
    for true, name in zip(truth, predicted, strict=True):
        out[row[name], column[true]] += 1
    return out


def ratio(part: float, whole: float) -> float | None:
    """part / whole; None where the whole is nothing, because no number would be true."""
    return None if whole == 0 else float(part / whole)


def precision_recall_curve(scores: Floats, is_tag: Bools) -> tuple[Floats, Floats]:
    """Precision and recall, shape (points,), at every distinct score from the highest down; both arguments have shape (n,)."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(is_tag[order])
    last_of_equal = np.append(np.diff(scores[order]) < 0, True) if len(scores) else np.empty(0, bool)
    precision = (hits / np.arange(1, len(scores) + 1))[last_of_equal]
    recall = (hits / max(1, int(is_tag.sum())))[last_of_equal]
    return precision, recall


def average_precision(scores: Floats, is_tag: Bools) -> float | None:
    """The area under the stepwise precision-recall curve; None without a positive."""
    if not is_tag.any():
        return None
    precision, recall = precision_recall_curve(scores, is_tag)
    return float(np.sum(np.diff(np.concatenate([[0.0], recall])) * precision))


def auroc(known: Floats, unknown: Floats) -> float | None:
    """The chance that a known sound scores above an unknown one, ties counting half; None where either is missing."""
    if not len(known) or not len(unknown):
        return None
    ordered = np.sort(unknown)
    below = np.searchsorted(ordered, known, side="left")
    equal = np.searchsorted(ordered, known, side="right") - below
    return float((below + 0.5 * equal).mean() / len(unknown))


def false_positive_rate(known: Floats, unknown: Floats, recall: float = 0.95) -> float | None:
    """FPR95: the share of unknown sounds accepted by the highest threshold that accepts a share `recall` of the known ones."""
    if not len(known) or not len(unknown):
        return None
    at = np.sort(known)[::-1][min(len(known), math.ceil(recall * len(known) - 1e-9)) - 1]
    return float((unknown >= at).mean())


def oscr(known: Floats, right: Bools, unknown: Floats) -> float | None:
    """The area under the share of known sounds accepted under their right name against the share of unknown ones accepted, over all
    thresholds (Dhamija, Günther and Boult, "Reducing network agnostophobia", 2018). `known` and `right` have shape (n,)."""
    if not len(known) or not len(unknown):
        return None
    at = np.unique(np.concatenate([known, unknown]))
    accepted = np.searchsorted(np.sort(known[right]), at, side="left")
    correct = np.append((right.sum() - accepted) / len(known), 0.0)[::-1]
    alarms = np.append(1 - np.searchsorted(np.sort(unknown), at, side="left") / len(unknown), 0.0)[::-1]
    return float(np.trapezoid(correct, alarms))


def weighted_accuracy(named_rightly: Bools, rejected: Bools) -> float | None:
    """ACCw: half the share of known sounds accepted under their right name, and half the share of unknown ones rejected."""
    if not len(named_rightly) or not len(rejected):
        return None
    return float(0.5 * named_rightly.mean() + 0.5 * rejected.mean())


def openness(known: int, met: int) -> float:
    """1 - sqrt(2 T / (T + E)) of T classes met in training and E classes met in all: 0 where nothing new is met (Scheirer et al., 2013)."""
    return 1 - math.sqrt(2 * known / (known + met))


def calibration_error(probabilities: Floats, right: Bools, bins: int = 15) -> float | None:
    """Expected calibration error: how far the mean probability of predictions and the share that was right are apart, in equal
    bins of probability, weighted by how many fall into each (Guo et al., 2017). Both arguments have shape (n,)."""
    if not len(probabilities):
        return None
    given, delivered, count = reliability(probabilities, right, bins)
    return float((np.abs(given - delivered) * count).sum() / count.sum())


def reliability(probabilities: Floats, right: Bools, bins: int) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
    """Mean probability, share that was right, and how many there are, of every equal bin of probability that holds any."""
    place = np.minimum((probabilities * bins).astype(int), bins - 1)
    count = np.bincount(place, minlength=bins)
    held = count > 0
    means = (np.bincount(place, weights, bins)[held] / count[held] for weights in (probabilities, right.astype(float)))
    given, delivered = means
    return given, delivered, count[held]


@dataclass(frozen=True)
class Span:
    """A sound event: tag, and onset and offset in seconds."""

    tag: str
    onset: float
    offset: float


@dataclass(frozen=True)
class EventCounts:
    """Events found, called without cause, and missed; add counts before dividing."""

    hits: int = 0
    false_alarms: int = 0
    misses: int = 0

    def __add__(self, other: "EventCounts") -> "EventCounts":
        return EventCounts(self.hits + other.hits, self.false_alarms + other.false_alarms, self.misses + other.misses)

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall."""
        return ratio(2 * self.hits, 2 * self.hits + self.false_alarms + self.misses)


def count_events(
    reference: Sequence[Span], found: Sequence[Span], onset_collar: float, offset_collar: float, offset_share: float = 0.5
) -> EventCounts:
    """Event-based counts of one recording (Mesaros, Heittola and Virtanen, "Metrics for polyphonic sound event detection", 2016).

    A found event is a hit where tag and onset agree within `onset_collar` seconds, and offset within the larger of `offset_collar`
    seconds and `offset_share` of the reference's length; each event counts once, in the largest matching there is.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_bipartite_matching

    if not reference or not found:
        return EventCounts(0, len(found), len(reference))
    rows, columns = [], []
    for i, true in enumerate(reference):
        late = max(offset_collar, offset_share * (true.offset - true.onset))
        for k, event in enumerate(found):
            if event.tag == true.tag and abs(event.onset - true.onset) <= onset_collar and abs(event.offset - true.offset) <= late:
                rows.append(i)
                columns.append(k)
    graph = csr_array((np.ones(len(rows)), (rows, columns)), shape=(len(reference), len(found)))
    hits = int((maximum_bipartite_matching(graph, perm_type="column") >= 0).sum())
    return EventCounts(hits, len(found) - hits, len(reference) - hits)


def bootstrap_intervals(
    groups: npt.NDArray[np.int64],
    statistics: Callable[[npt.NDArray[np.int64]], Mapping[str, float | None]],
    draws: int = 400,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, tuple[float, float]]:
    """For each of the `statistics` the interval that holds a share `level` of what it gives when whole groups are drawn again, with
    replacement; left out where it is mostly undefined, and all of them with fewer than two groups.

    `groups` has shape (n,); `statistics` gets places in it.
    """
    names, place = np.unique(groups, return_inverse=True)
    if len(names) < 2:
        return {}
    members = [np.flatnonzero(place == k) for k in range(len(names))]
    rng = np.random.default_rng(seed)
    values: dict[str, list[float]] = {}
    for _ in range(draws):
        for name, value in statistics(np.concatenate([members[k] for k in rng.integers(0, len(names), len(names))])).items():
            if value is not None:
                values.setdefault(name, []).append(value)
    enough = {name: np.quantile(there, ((1 - level) / 2, (1 + level) / 2)) for name, there in values.items() if len(there) >= draws / 2}
    return {name: (float(low), float(high)) for name, (low, high) in enough.items()}
