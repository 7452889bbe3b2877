"""Two recognisers on the same test sounds: every figure of both, and how sure the difference is."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from soundmill.errors import NotEnoughData
from soundmill.osr import metrics
from soundmill.osr.evaluation import HeldOut, Predictions, headline
from soundmill.osr.spec import OTHER

if TYPE_CHECKING:
    from soundmill.osr.recogniser import Recogniser

_NO_MATTER = ("expected_recall", "event_f1")  # of single test sounds


@dataclass(frozen=True)
class Difference:
    """A figure of both, None where it cannot be had, and 95 % of bootstraps of the second less the first, over the same groups for both."""

    name: str
    first: float | None
    second: float | None
    interval: tuple[float, float] | None


@dataclass(frozen=True)
class SideBySide:
    """Two recognisers on the same sounds. A tag counts as known where either was trained on it.

    figures      of the headline; tags: F1 of each tag
    rows, columns, first, second   the confusion matrices of both, with the same rows and columns
    differ       keys of the sounds that they name differently, with what each is, and what it is called by the first and by the second
    sounds, groups   how many test sounds there are, background included, and in how many groups
    """

    figures: list[Difference]
    tags: list[Difference]
    rows: list[str]
    columns: list[str]
    first: list[list[int]]
    second: list[list[int]]
    differ: list[tuple[str, str, str, str]]
    sounds: int
    groups: int


def side_by_side(first: "tuple[Recogniser, HeldOut]", second: "tuple[Recogniser, HeldOut]") -> SideBySide:
    """The comparison of two recognisers on test sounds with the same keys, each as vectors of its own. Raises `NotEnoughData`."""
    tags = sorted({*first[0].tags_, *second[0].tags_})
    one, other = (Predictions.of(model, data) for model, data in (first, second))
    if not np.array_equal(one.keys, other.keys):
        raise NotEnoughData("the two models see different sounds on these days: materialise annotation_features and segment_features there")
    known = np.isin(one.truth, tags)
    one, other = replace(one, known=known), replace(other, known=known)
    hours = first[1].background_seconds / 3600
    every = np.arange(len(one.truth))

    def figures(of: Predictions, chosen: npt.NDArray[np.int64]) -> dict[str, float | None]:
        found = asdict(headline(of, chosen, {}, hours, None))
        delivered = [float((of.names[chosen] == tag)[of.truth[chosen] == tag].mean()) for tag in tags if (of.truth[chosen] == tag).any()]
        found["delivered_recall"] = float(np.mean(delivered)) if delivered else None
        return {name: value for name, value in found.items() if name not in _NO_MATTER} | {
            f"f1 {tag}": _f1(of, tag, chosen) for tag in tags
        }

    def differences(chosen: npt.NDArray[np.int64]) -> dict[str, float | None]:
        a, b = figures(one, chosen), figures(other, chosen)
        return {name: _less(b[name], a[name]) for name in a}

    a, b, intervals = figures(one, every), figures(other, every), metrics.bootstrap_intervals(one.groups, differences)
    rows = [*tags, OTHER]
    columns = [*sorted(set(one.truth) - {OTHER}), *([OTHER] if OTHER in one.truth else [])]
    tables = [metrics.confusion(of.truth.tolist(), of.names.tolist(), rows, columns).tolist() for of in (one, other)]
    apart = np.flatnonzero(one.names != other.names)
    return SideBySide(
        [_difference(name, a, b, intervals) for name in a if not name.startswith("f1 ")],
        [_difference(f"f1 {tag}", a, b, intervals) for tag in tags],
        rows,
        columns,
        tables[0],
        tables[1],
        [(str(one.keys[at]), str(one.truth[at]), str(one.names[at]), str(other.names[at])) for at in apart],
        len(one.truth),
        len(np.unique(one.groups)),
    )


def _difference(
    name: str, a: Mapping[str, float | None], b: Mapping[str, float | None], intervals: Mapping[str, tuple[float, float]]
) -> Difference:
    return Difference(name.removeprefix("f1 "), a[name], b[name], intervals.get(name))


def _less(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a - b


def _f1(of: Predictions, tag: str, chosen: npt.NDArray[np.int64]) -> float | None:
    named, true = of.names[chosen] == tag, of.truth[chosen] == tag
    return metrics.ratio(2 * int((named & true).sum()), int(named.sum()) + int(true.sum()))
