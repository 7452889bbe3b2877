"""Detections: a model version's verdict on each segment of a day."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pyarrow as pa

from soundmill.lake import column, day_table
from soundmill.osr.sounds import Sounds
from soundmill.osr.spec import OTHER

if TYPE_CHECKING:
    from soundmill.osr.recogniser import Recogniser

DETECTIONS = day_table(
    "detections",
    pa.schema(
        [
            column("model", pa.string(), "model name"),
            column("version", pa.int32(), "model version"),
            column("key", pa.string(), "the segment's key"),
            column("source", pa.string(), "microphone or collection"),
            column("started_at", pa.timestamp("us", "UTC"), "UTC start of the segment"),
            column("seconds", pa.float64(), "length of the segment"),
            column("tag", pa.string(), "the predicted tag; other for what it was not trained on"),
            column("score", pa.float32(), "margin to the threshold of that tag, of the nearest for other: above 0 within it"),
            column("probability", pa.float32(), "how probable that tag is; null where the recogniser gives no probability", nullable=True),
        ]
    ),
    key=("model", "version", "source", "started_at"),
)


def detection_rows(model: "Recogniser", name: str, version: int, segments: pa.Table, sounds: Sounds) -> pa.Table:
    """One row per segment (of a table `captured_segments`, in the order of `sounds`).

    `score` is the margin of the named tag, of the nearest tag for "other": above 0 within its threshold.
    """
    names, margins, _, probabilities = model.verdicts(sounds)
    place = {tag: k for k, tag in enumerate([*model.tags_, OTHER])}
    scores = [score_of(tag, dict(zip(model.tags_, map(float, row), strict=True))) for tag, row in zip(names, margins, strict=True)]
    columns = {
        "model": pa.repeat(name, len(names)),
        "version": pa.repeat(pa.scalar(version, pa.int32()), len(names)),
        **{column: segments[column] for column in ("key", "source", "started_at", "seconds")},
        "tag": pa.array(names, pa.string()),
        "score": pa.array(scores, pa.float32()),
        "probability": pa.nulls(len(names), pa.float32())
        if probabilities is None
        else pa.array([float(row[place[tag]]) for tag, row in zip(names, probabilities, strict=True)], pa.float32()),
    }
    return pa.table(columns, schema=DETECTIONS.schema)


def score_of(tag: str, margins: Mapping[str, float]) -> float:
    """The margin of the named tag, of the nearest tag for "other"."""
    return max(margins.values()) if tag == OTHER else margins[tag]
