"""An immutable snapshot of a day's annotations, as the table that everything later is made from."""

from collections.abc import Sequence
from datetime import date

import pyarrow as pa

from soundmill.fingerprint import digest
from soundmill.formats.annotation import Annotation
from soundmill.lake import Lake, column, day_table
from soundmill.times import to_ms

ANNOTATIONS = day_table(
    "annotations",
    pa.schema(
        [
            column("key", pa.string(), "source, start and end in ms, tag"),
            column("source", pa.string(), "whose timeline it lies on"),
            column("start", pa.timestamp("us", "UTC"), "UTC"),
            column("end", pa.timestamp("us", "UTC"), "UTC"),
            column("tag", pa.string(), "the sound's name"),
            column("author", pa.string(), "who labelled"),
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
    content = digest(sorted(str(row["key"]) for row in rows))
    return lake.write_day(ANNOTATIONS, day, ANNOTATIONS.from_rows(rows), made_from=content)


def annotation_key(annotation: Annotation) -> str:
    """A stable name: source, start and end in ms, tag."""
    return f"{annotation.source}/{to_ms(annotation.start)}-{to_ms(annotation.end)}/{annotation.tag}"
