"""How far people who labelled the same sessions agree: for each tag, whether it is there, and where it begins and ends.

Every measure is a function of counts that add up over sessions; its interval comes from drawing the sessions anew, with replacement.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Floats = NDArray[np.float64]
DRAWS = 2000
SHARE = 0.95
CLEAR_ALPHA = 2 / 3  # below it, no conclusion should rest on the labels (Krippendorff, Content Analysis, 4th edition, 12.3)
_MIN_IOU = 0.5
_COLLAR_MS = 200.0
_AT_ONCE = 4_000_000  # of draws times differences in memory


@dataclass(frozen=True)
class Event:
    """A label of a tag in a session, in milliseconds from any common origin."""

    start: float
    end: float
    tag: str


@dataclass(frozen=True)
class Interval:
    """A measure and its bootstrap interval; None where it is not defined, say because nobody used the tag."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class TagAgreement:
    """How far people agree on one tag.

    alpha       Krippendorff's, of whether a session has the tag; f1: of events matched one to one, over pairs of people
    kappa       Cohen's, over all pairs of people together; positive: agreement where at least one of two saw the tag
    prevalence  share of yes
    onset_ms    median, and 90th percentile, of how far the beginnings of matched events lie apart; offset_ms: of their ends
    onset       the median with its interval; offset: of the ends
    sessions    that two or more people labelled
    """

    tag: str
    sessions: int
    alpha: Interval
    f1: Interval
    kappa: Interval
    positive: Interval
    prevalence: float
    onset_ms: tuple[float, float] | None
    offset_ms: tuple[float, float] | None
    onset: Interval
    offset: Interval

    @property
    def is_unclear(self) -> bool:
        """Whether the guideline ought to be looked at: people do not mean the same by this tag."""
        return self.alpha.value is not None and self.alpha.value < CLEAR_ALPHA


Session = Mapping[str, Sequence[Event]]  # what each annotator of a session handed in


def agreement(sessions: Iterable[Session], tags: Sequence[str], seed: int = 0, draws: int = DRAWS) -> list[TagAgreement]:
    """The agreement on each tag over the sessions that at least two people labelled."""
    shared = [session for session in sessions if len(session) > 1]
    weights = _bootstrap_weights(len(shared), draws, seed)
    return [_of_tag(tag, [_only(session, tag) for session in shared], weights) for tag in tags]


def krippendorff_alpha(values: Floats) -> float:
    """Alpha for nominal values; `values` is (units, raters), NaN where a rater did not value a unit. NaN where all values are alike.

    alpha = 1 - (n - 1) (n - sum o_cc) / (n^2 - sum n_c^2), o the matrix of coincidences (Krippendorff 2011, "Computing Krippendorff's
    alpha-reliability").
    """
    classes = np.unique(values[~np.isnan(values)])
    counts = np.stack([(values == one).sum(axis=1) for one in classes], axis=1) if len(classes) else np.zeros((len(values), 0))
    return float(_alpha(_coincidences(counts).sum(axis=0)))


def match_events(one: Sequence[Event], other: Sequence[Event]) -> list[tuple[int, int]]:
    """Pairs of indices of events that are the same, each in at most one pair, as many as there can be.

    Two are the same when they overlap in at least half of what they cover together, or when they begin within 0.2 s of each other and
    end within 0.2 s or half the longer one's length.
    """
    if not one or not other:
        return []
    a_start, a_end = np.array([[e.start, e.end] for e in one]).T[:, :, None]
    b_start, b_end = np.array([[e.start, e.end] for e in other]).T[:, None, :]
    shared = np.clip(np.minimum(a_end, b_end) - np.maximum(a_start, b_start), 0, None)
    iou = shared / np.maximum(np.maximum(a_end, b_end) - np.minimum(a_start, b_start), 1e-9)
    longer = np.maximum(a_end - a_start, b_end - b_start)
    near = (np.abs(a_start - b_start) <= _COLLAR_MS) & (np.abs(a_end - b_end) <= np.maximum(_COLLAR_MS, longer / 2))
    same = (iou >= _MIN_IOU) | near
    rows, columns = linear_sum_assignment(same * (1 + iou / (2 * len(one) * len(other))), maximize=True)  # most pairs, then the closest
    return [(int(a), int(b)) for a, b in zip(rows, columns, strict=True) if same[a, b]]


def event_f1(one: Sequence[Event], other: Sequence[Event]) -> float | None:
    """F1 of two people's events of all tags, each tag matched by itself; the same whoever is asked first. None where neither has any."""
    if not one and not other:
        return None
    found = sum(len(match_events(_of(one, tag), _of(other, tag))) for tag in {event.tag for event in (*one, *other)})
    return 2 * found / (len(one) + len(other))


def _of_tag(tag: str, sessions: Sequence[Session], weights: Floats) -> TagAgreement:
    yes_no = np.array([_yes_and_no(session) for session in sessions], float).reshape(-1, 2)
    pairs, events, onsets, offsets, matches = [], [], list[float](), list[float](), list[int]()
    for number, session in enumerate(sessions):
        table, counts = np.zeros(4), np.zeros(3)
        for one, other in combinations(sorted(session), 2):
            a, b = session[one], session[other]
            table[2 * bool(a) + bool(b)] += 1
            matched = match_events(a, b)
            matches += [number] * len(matched)
            counts += (len(matched), len(a), len(b))
            onsets += [abs(a[i].start - b[j].start) for i, j in matched]
            offsets += [abs(a[i].end - b[j].end) for i, j in matched]
        pairs.append(table)
        events.append(counts)
    by_pair = np.array(pairs).reshape(-1, 4)
    return TagAgreement(
        tag,
        len(sessions),
        alpha=_interval(_alpha, _coincidences(yes_no), weights),
        f1=_interval(_f1, np.array(events).reshape(-1, 3), weights),
        kappa=_interval(_kappa, by_pair, weights),
        positive=_interval(_positive, by_pair, weights),
        prevalence=float(yes_no[:, 1].sum() / max(yes_no.sum(), 1)),
        onset_ms=_spread(onsets),
        offset_ms=_spread(offsets),
        onset=_median(onsets, matches, weights),
        offset=_median(offsets, matches, weights),
    )


def _coincidences(counts: Floats) -> Floats:
    """(units, classes, classes): how often a unit's values come in pairs, each pair weighted so that a unit counts as often as it has
    values. Units with one value count for nothing."""
    values = counts.sum(axis=1)
    pairs = counts[:, :, None] * counts[:, None, :] - counts[:, :, None] * np.eye(counts.shape[1])
    return np.asarray(pairs * (values > 1)[:, None, None] / np.maximum(values - 1, 1)[:, None, None])


def _alpha(coincidences: Floats) -> Floats:
    by_class = coincidences.sum(axis=-1)
    total = by_class.sum(axis=-1)
    agreed = np.trace(coincidences, axis1=-2, axis2=-1)
    expected = total**2 - (by_class**2).sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(expected > 0, 1 - (total - 1) * (total - agreed) / expected, np.nan))


def _f1(counts: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(2 * counts[..., 0] / (counts[..., 1] + counts[..., 2]))


def _kappa(table: Floats) -> Floats:
    """`table` is no-no, no-yes, yes-no, yes-yes, of pairs of people in order of name."""
    total = table.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        agreed = (table[..., 0] + table[..., 3]) / total
        first, second = (table[..., 2] + table[..., 3]) / total, (table[..., 1] + table[..., 3]) / total
        chance = first * second + (1 - first) * (1 - second)
        return np.asarray(np.where(chance < 1, (agreed - chance) / (1 - chance), np.nan))


def _positive(table: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(2 * table[..., 3] / (2 * table[..., 3] + table[..., 1] + table[..., 2]))


def _interval(measure: Callable[[Floats], Floats], counts: Floats, weights: Floats) -> Interval:
    """A measure of counts that are summed over sessions (the first axis), and its bootstrap interval."""
    if not len(counts) or np.isnan(value := float(measure(counts.sum(axis=0)))):
        return Interval(None, None, None)
    drawn = measure(np.tensordot(weights, counts, axes=1))
    drawn = drawn[~np.isnan(drawn)]
    low, high = np.quantile(drawn, [(1 - SHARE) / 2, (1 + SHARE) / 2])
    return Interval(value, float(low), float(high))


def _median(differences: Sequence[float], session: Sequence[int], weights: Floats) -> Interval:
    """The median of differences, each of a session by its index, and its bootstrap interval."""
    if not differences:
        return Interval(None, None, None)
    order = np.argsort(differences)
    values, owner = np.asarray(differences)[order], np.asarray(session)[order]
    drawn = []
    for some in np.array_split(weights, max(1, len(weights) * len(values) // _AT_ONCE)):
        counted = some[:, owner].cumsum(axis=1)
        counted = counted[counted[:, -1] > 0]
        drawn.append(values[(counted >= counted[:, -1:] / 2).argmax(axis=1)])
    low, high = np.quantile(np.concatenate(drawn), [(1 - SHARE) / 2, (1 + SHARE) / 2])
    return Interval(float(np.median(values)), float(low), float(high))


def _bootstrap_weights(sessions: int, draws: int, seed: int) -> Floats:
    """(draws, sessions): how often each session is drawn."""
    if not sessions:
        return np.zeros((draws, 0))
    return np.random.default_rng(seed).multinomial(sessions, np.full(sessions, 1 / sessions), draws).astype(float)


def _yes_and_no(session: Session) -> tuple[int, int]:
    yes = sum(bool(events) for events in session.values())
    return len(session) - yes, yes


def _only(session: Session, tag: str) -> Session:
    return {annotator: _of(events, tag) for annotator, events in session.items()}


def _of(events: Sequence[Event], tag: str) -> list[Event]:
    return [event for event in events if event.tag == tag]


def _spread(differences: Sequence[float]) -> tuple[float, float] | None:
    return (float(np.median(differences)), float(np.quantile(differences, 0.9))) if differences else None
