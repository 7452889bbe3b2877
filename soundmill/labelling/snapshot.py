"""Immutable snapshots of a day's annotations and of its rejected predictions, as the tables that everything later is made from."""

from collections.abc import Sequence
from datetime import date

import pyarrow as pa

from soundmill.catalog import Box
from soundmill.fingerprint import digest
from soundmill.formats.annotation import Annotation
from soundmill.lake import Lake, column, day_table

ANNOTATIONS = day_table(
    "annotations",
    pa.schema(
        [
            column("key", pa.string(), "the sound: source, start and end in ms, tag, and its band where it has one"),
            column("source", pa.string(), "whose timeline it lies on"),
            column("start", pa.timestamp("us", "UTC"), "UTC"),
            column("end", pa.timestamp("us", "UTC"), "UTC"),
            column("tag", pa.string(), "the sound's name"),
            column("author", pa.string(), "who labelled; a sound that two people labelled alike has two rows"),
            column("low_hz", pa.float64(), "lower edge of the box in Hz; none where it was not drawn", nullable=True),
            column("high_hz", pa.float64(), "upper edge of the box in Hz; none where it was not drawn", nullable=True),
        ]
    ),
    key=("source", "start", "end", "tag", "author", "low_hz", "high_hz"),
    version=2,
)
REJECTIONS = day_table(
    "rejections",
    pa.schema(
        [
            column("source", pa.string(), "whose timeline it lies on"),
            column("start", pa.timestamp("us", "UTC"), "UTC"),
            column("end", pa.timestamp("us", "UTC"), "UTC"),
            column("tag", pa.string(), "what was predicted, and is not there"),
            column("author", pa.string(), "who said so"),
            column("model", pa.string(), "whose prediction it was", nullable=True),
            column("model_version", pa.int32(), "of the model", nullable=True),
            column("score", pa.float64(), "the prediction's margin to its tag's threshold", nullable=True),
        ]
    ),
    key=("source", "start", "end", "tag", "author"),
)


def write_snapshot(lake: Lake, day: date, annotations: Sequence[Annotation], rejected: Sequence[tuple[str, str, Box]] = ()) -> bool:
    """Writes a day's annotations, and its rejected predictions (source, author, box); says whether they differ from what was there."""
    differ = _write_rejections(lake, day, rejected)
    rows = [{name: getattr(annotation, name) for name in ANNOTATIONS.schema.names} for annotation in annotations]
    content = digest(sorted(f"{row['key']} by {row['author']}" for row in rows))
    return lake.write_day(ANNOTATIONS, day, ANNOTATIONS.from_rows(rows), made_from=content) or differ


def _write_rejections(lake: Lake, day: date, rejected: Sequence[tuple[str, str, Box]]) -> bool:
    """Most days have none, and no table of them."""
    if not rejected and not lake.exists(lake.table_path(REJECTIONS, day)):
        return False
    names = [name for name in REJECTIONS.schema.names if name not in ("source", "author")]
    once = {(source, author, box.start, box.end, box.tag): (source, author, box) for source, author, box in rejected}
    rows = [{"source": source, "author": author} | {name: getattr(box, name) for name in names} for source, author, box in once.values()]
    return lake.write_day(REJECTIONS, day, REJECTIONS.from_rows(rows), made_from=digest(sorted(map(repr, rejected))))
