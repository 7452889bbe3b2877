"""An immutable snapshot of a day's annotations, as the table that everything later is made from."""

import hashlib
from collections.abc import Sequence
from datetime import date

import pyarrow as pa

from soundmill.catalog import Annotation
from soundmill.lake import DayTable, Lake
from soundmill.times import to_ms

ANNOTATIONS = DayTable(
    "annotations",
    pa.schema(
        [
            pa.field("key", pa.string(), nullable=False),
            pa.field("source", pa.string(), nullable=False),
            pa.field("start", pa.timestamp("us", "UTC"), nullable=False),
            pa.field("end", pa.timestamp("us", "UTC"), nullable=False),
            pa.field("tag", pa.string(), nullable=False),
            pa.field("author", pa.string(), nullable=False),
        ]
    ),
    key=("source", "start", "end", "tag"),
)


def write_snapshot(lake: Lake, day: date, annotations: Sequence[Annotation]) -> bool:
    """Writes a day's annotations; says whether they differ from the snapshot that was there."""
    rows = [
        {"key": annotation_key(a), "source": a.source, "start": a.start, "end": a.end, "tag": a.tag, "author": a.author}
        for a in annotations
    ]
    content = hashlib.blake2b("\n".join(sorted(str(row["key"]) for row in rows)).encode(), digest_size=10).hexdigest()
    return lake.write_day(ANNOTATIONS, day, ANNOTATIONS.from_rows(rows), made_from=content)


def annotation_key(annotation: Annotation) -> str:
    """A stable name: source, start and end in ms, tag."""
    return f"{annotation.source}/{to_ms(annotation.start)}-{to_ms(annotation.end)}/{annotation.tag}"
