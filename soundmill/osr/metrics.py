"""Metrics of open-set recognition, each from predictions or scores alone."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def confusion(truth: Sequence[str], predicted: Sequence[str], rows: Sequence[str], columns: Sequence[str]) -> npt.NDArray[np.int64]:
    """Counts, shape (rows, columns): row = predicted name, column = true name."""
    row = {name: i for i, name in enumerate(rows)}
    column = {name: i for i, name in enumerate(columns)}
    out = np.zeros((len(rows), len(columns)), np.int64)
    for true, said in zip(truth, predicted, strict=True):
        out[row[said], column[true]] += 1
    return out


def ratio(part: float, whole: float) -> float | None:
    """part / whole; None where the whole is nothing, because no number would be true."""
    return None if whole == 0 else part / whole


def precision_recall_curve(scores: Floats, is_tag: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Precision and recall, shape (points,), at every distinct score from the highest down; both arguments have shape (n,)."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(is_tag[order])
    last_of_equal = np.append(np.diff(scores[order]) < 0, True) if len(scores) else np.empty(0, bool)
    precision = (hits / np.arange(1, len(scores) + 1))[last_of_equal]
    recall = (hits / max(1, int(is_tag.sum())))[last_of_equal]
    return precision, recall


def average_precision(scores: Floats, is_tag: npt.NDArray[np.bool_]) -> float | None:
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
