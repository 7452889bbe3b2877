"""An immutable snapshot of a day's annotations, as the table that everything later is made from."""

from collections.abc import Sequence
from datetime import date

import pyarrow as pa

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


def write_snapshot(lake: Lake, day: date, annotations: Sequence[Annotation]) -> bool:
    """Writes a day's annotations; says whether they differ from the snapshot that was there."""
    rows = [{name: getattr(annotation, name) for name in ANNOTATIONS.schema.names} for annotation in annotations]
    content = digest(sorted(f"{row['key']} by {row['author']}" for row in rows))
    return lake.write_day(ANNOTATIONS, day, ANNOTATIONS.from_rows(rows), made_from=content)
