"""How well a recogniser does on days it has not seen."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from soundmill.osr import metrics
from soundmill.osr.gaussian_votes import GaussianVotes
from soundmill.osr.sounds import Sounds
from soundmill.osr.spec import OTHER, NothingToLearnFrom


@dataclass(frozen=True)
class TagResult:
    """Results of one tag; None where there was nothing to divide by. `promised` is the recall its threshold was set for."""

    precision: float | None
    recall: float | None
    f1: float | None
    average_precision: float | None
    support: int
    promised: float


@dataclass(frozen=True)
class Evaluation:
    """Results on test sounds: tagged ones, and background that ought to be "other".

    `confusion` has a row for each name the model can say and a column for each true name; `curves` holds (precision, recall) lists.
    `closed_accuracy` counts taught sounds only, the right name without regard to thresholds; `known_auroc` tells taught sounds from
    background by the largest margin. `unheard` are test sounds without any vector.
    """

    tags: dict[str, TagResult]
    rows: list[str]
    columns: list[str]
    confusion: list[list[int]]
    curves: dict[str, tuple[list[float], list[float]]]
    closed_accuracy: float | None
    known_auroc: float | None
    unknown_rejected: int
    unknown_support: int
    background_hours: float
    false_positives_per_hour: float | None
    unheard: int

    def as_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def evaluate(model: GaussianVotes, tagged: Sounds, background: Sounds, background_seconds: float) -> Evaluation:
    """Results on tagged test sounds and on background of so many seconds. Sounds of tags that the model was not taught count as
    unknown. Raises `NothingToLearnFrom` where there is no tagged sound."""
    if not len(tagged):
        raise NothingToLearnFrom("the test days hold no annotated sound; name other --test-days")
    said, margins, nearest = model.verdicts(tagged)
    said_background, margins_background, _ = model.verdicts(background) if len(background) else ([], np.empty((0, len(model.tags_))), [])
    truth = np.array(tagged.tags)
    known = np.isin(truth, model.tags_)
    columns = sorted(set(tagged.tags) | set(model.tags_)) + ([OTHER] if len(background) else [])
    rows = [*model.tags_, OTHER]
    table = metrics.confusion([*tagged.tags, *[OTHER] * len(background)], [*said, *said_background], rows, columns)
    all_margins = np.concatenate([margins, margins_background])
    results: dict[str, TagResult] = {}
    curves = {}
    for k, tag in enumerate(model.tags_):
        hits = int(table[k, columns.index(tag)])
        support = int(np.count_nonzero(truth == tag))
        is_tag = np.concatenate([truth == tag, np.zeros(len(background), bool)])
        f1 = metrics.ratio(2 * hits, int(table[k].sum()) + support)
        precision = metrics.ratio(hits, int(table[k].sum()))
        area = metrics.average_precision(all_margins[:, k], is_tag)
        results[tag] = TagResult(precision, metrics.ratio(hits, support), f1, area, support, model.least_recall)
        curve = metrics.precision_recall_curve(all_margins[:, k], is_tag)
        curves[tag] = (curve[0].round(4).tolist(), curve[1].round(4).tolist())
    closed = (np.array(nearest) == truth)[known]
    unknown_said = [name for name, is_known in zip(said, known, strict=True) if not is_known] + list(said_background)
    unknown_margins = np.concatenate([margins[~known], margins_background])
    alarms = sum(name != OTHER for name in said_background)
    return Evaluation(
        tags=results,
        rows=rows,
        columns=columns,
        confusion=table.tolist(),
        curves=curves,
        closed_accuracy=float(closed.mean()) if len(closed) else None,
        known_auroc=metrics.auroc(margins[known].max(axis=1), unknown_margins.max(axis=1)),
        unknown_rejected=sum(name == OTHER for name in unknown_said),
        unknown_support=len(unknown_said),
        background_hours=background_seconds / 3600,
        false_positives_per_hour=metrics.ratio(alarms, background_seconds / 3600),
        unheard=int(np.count_nonzero(~tagged.heard())),
    )
