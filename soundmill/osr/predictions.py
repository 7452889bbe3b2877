"""What a version predicted of each test sound, as a table: from it come the lists behind a confusion matrix, and what another threshold
would give."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from soundmill.osr.evaluation import Predictions
from soundmill.osr.metrics import ratio

Floats = npt.NDArray[np.float64]
Place = tuple[str, datetime, datetime]  # source, start, end
SCHEMA = pa.schema(
    [
        pa.field("key", pa.string()),
        pa.field("source", pa.string()),
        pa.field("start", pa.timestamp("us", "UTC")),
        pa.field("end", pa.timestamp("us", "UTC")),
        pa.field("true", pa.string()),  # the annotated tag; "other" for background
        pa.field("predicted", pa.string()),
        pa.field("nearest", pa.string()),  # the tag it would have, if it had to have one
        pa.field("background", pa.bool_()),
        pa.field("group", pa.int64()),  # what belongs together: a recording, a day
        pa.field("probability", pa.float64()),  # of the predicted name; null where the recogniser gives none
        pa.field("margins", pa.list_(pa.float64())),  # to the threshold of each tag, in the order of `tags` in the metadata
    ]
)
_MOST_POINTS = 400  # of a curve


@dataclass(frozen=True)
class OperatingPoints:
    """What a tag's threshold gives wherever it is put; every list has an entry for each point, from the strictest to the loosest.

    offset           how far the threshold is moved, in units of the margin; 0 where it is
    precision        of the test sounds that get the name, the share that it is true of; None where none gets it
    recall           of the test sounds of the tag, the share that gets the name; None where there is none
    false_alarms     an hour of background; None without background
    named            test sounds that get the name, background included
    """

    offset: list[float]
    precision: list[float | None]
    recall: list[float | None]
    false_alarms: list[float | None]
    named: list[int]


def prediction_table(predictions: Predictions, tags: list[str], places: Mapping[str, Place]) -> pa.Table:
    """Verdicts on test sounds as rows; sounds whose place is not known are left out."""
    rows = [at for at, key in enumerate(predictions.keys) if key in places]
    where = [places[predictions.keys[at]] for at in rows]
    probability = None if predictions.probability is None else predictions.probability[rows]
    return pa.table(
        {
            "key": [predictions.keys[at] for at in rows],
            "source": [one[0] for one in where],
            "start": [one[1] for one in where],
            "end": [one[2] for one in where],
            "true": [str(name) for name in predictions.truth[rows]],
            "predicted": [str(name) for name in predictions.names[rows]],
            "nearest": [str(name) for name in predictions.nearest[rows]],
            "background": predictions.background[rows],
            "group": predictions.groups[rows],
            "probability": pa.nulls(len(rows), pa.float64()) if probability is None else probability,
            "margins": pa.array(list(predictions.margins[rows]), pa.list_(pa.float64())),
        },
        schema=SCHEMA.with_metadata({"tags": "\n".join(tags)}),
    )


def tags_of(table: pa.Table) -> list[str]:
    """The tags in the order of the margins."""
    tags: bytes = (table.schema.metadata or {}).get(b"tags", b"")
    return tags.decode().split("\n")


def operating_points(table: pa.Table, tag: str, background_hours: float) -> OperatingPoints:
    """What a tag's threshold would give elsewhere, the thresholds of the others left alone: a sound gets the name where the tag is the
    nearest and the margin reaches the offset. Not for `gaussian_votes`, whose vectors vote."""
    place = tags_of(table).index(tag)
    is_nearest = table["nearest"].to_numpy(zero_copy_only=False) == tag
    margins = np.array([row[place] for row in table["margins"].to_pylist()], float).reshape(len(table))
    true = table["true"].to_numpy(zero_copy_only=False) == tag
    background = table["background"].to_numpy(zero_copy_only=False).astype(bool)
    scores = margins[is_nearest]
    support = int(np.count_nonzero(true))
    wanted = _offsets(scores)
    order = np.sort(scores)
    hits, alarms = np.sort(margins[is_nearest & true]), np.sort(margins[is_nearest & background])
    named = len(order) - np.searchsorted(order, wanted, "left")
    right = len(hits) - np.searchsorted(hits, wanted, "left")
    wrong = len(alarms) - np.searchsorted(alarms, wanted, "left")
    return OperatingPoints(
        [round(float(value), 4) for value in wanted],
        [ratio(int(a), int(b)) for a, b in zip(right, named, strict=True)],
        [ratio(int(a), support) for a in right],
        [ratio(float(a), background_hours) for a in wrong],
        [int(count) for count in named],
    )


def _offsets(scores: Floats) -> Floats:
    """Where something changes, from the strictest on, and 0: just under each score, so that it is within."""
    finite = scores[np.abs(scores) < 1e6]
    steps = np.unique(np.floor(finite * 1e4) / 1e4)
    if len(steps) > _MOST_POINTS:
        steps = np.unique(steps[np.linspace(0, len(steps) - 1, _MOST_POINTS).astype(int)])
    return np.unique(np.concatenate([steps, [0.0]]))[::-1]
