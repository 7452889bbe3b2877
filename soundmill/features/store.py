"""Feature tables: one row per vector, one file per day, only what is new computed anew."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from soundmill.features.extractor import Extractor, Vectors, fingerprint, vectors_of
from soundmill.fingerprint import digest
from soundmill.lake import DayTable, Lake, column

_AT_ONCE = 16  # sounds whose samples are in memory together


@dataclass(frozen=True)
class AudioSpan:
    """A sound whose features are wanted: its key, when it began, and a hash that changes when its samples do."""

    key: str
    source: str
    started_at: datetime
    content: str


@dataclass(frozen=True)
class DayOfFeatures:
    """What an update of a day did, in sounds and vectors."""

    sounds: int
    computed: int
    vectors: int
    without_audio: tuple[str, ...]
    changed: bool


def feature_table(of: str, extractor: Extractor) -> DayTable:
    """The table that keeps an extractor's vectors of segments or annotations: one row per vector, numbered within its sound."""
    vector = pa.list_(pa.field("item", pa.float32(), nullable=False), extractor.size)
    return DayTable(
        f"{of}_features/{extractor.name}",
        pa.schema(
            [
                column("key", pa.string(), "key of the segment or annotation"),
                column("source", pa.string(), "microphone or collection"),
                column("started_at", pa.timestamp("us", "UTC"), "UTC start of the sound"),
                column("content", pa.string(), "hash of the samples the vector was made from"),
                column("extractor", pa.string(), "fingerprint of the extractor"),
                column("number", pa.int16(), "place among the sound's vectors"),
                column("vector", vector, "the numbers"),
            ]
        ),
        key=("key", "number"),
    )


def update_features(
    lake: Lake,
    table: DayTable,
    day: date,
    spans: Sequence[AudioSpan],
    extractor: Extractor,
    read: Callable[[AudioSpan], tuple[npt.NDArray[np.int16], int] | None],
    progress: Callable[[int, int], None] | None = None,
) -> DayOfFeatures:
    """Brings a day's vectors up to its sounds: kept where neither sound nor extractor changed, computed elsewhere.

    `read` gives the int16 samples of a sound and their rate in Hz, or None where there are none.
    """
    mark = fingerprint(extractor)
    wanted = made_from(spans, mark)
    if lake.made_from(table, day) == wanted:
        kept = lake.read_days(table, [day], columns=["key"])
        have = set(kept["key"].to_pylist())
        missing = tuple(span.key for span in spans if span.key not in have)
        return DayOfFeatures(len(spans), 0, len(kept), missing, changed=False)
    kept = _kept(lake, table, day, spans, mark)
    have = set(kept["key"].to_pylist())
    todo = [span for span in spans if span.key not in have]
    parts, missing_now = [kept], []
    for start in range(0, len(todo), _AT_ONCE):
        some = todo[start : start + _AT_ONCE]
        sounds = [read(span) for span in some]
        there = [(samples.astype(np.float32) / np.float32(32_768), rate) for samples, rate in (one for one in sounds if one is not None)]
        found = iter(vectors_of(extractor, there))
        for done, (span, sound) in enumerate(zip(some, sounds, strict=True), start + 1):
            rows_of = next(found) if sound is not None else np.empty((0, extractor.size), np.float32)
            if len(rows_of):
                parts.append(_rows(table, span, mark, rows_of.astype(np.float32, copy=False)))
            else:
                missing_now.append(span.key)
            if progress:
                progress(done, len(todo))
    rows = pa.concat_tables(parts)
    changed = lake.write_day(table, day, rows, made_from=wanted)
    return DayOfFeatures(len(spans), len(todo), len(rows), tuple(missing_now), changed)


def made_from(spans: Iterable[AudioSpan], mark: str) -> str:
    """The fingerprint of a day of features."""
    return digest([mark, *sorted(f"{span.key} {span.content}" for span in spans)])


def vectors(table: pa.Table) -> Vectors:
    """The vectors of a feature table, shape (rows, size), float32, without a copy where the table is one chunk."""
    column = table["vector"]
    size = column.type.list_size
    column = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    flat: Vectors = column.flatten().to_numpy(zero_copy_only=True) if len(column) else np.empty(0, np.float32)
    return flat.reshape(-1, size)


def _kept(lake: Lake, table: DayTable, day: date, spans: Sequence[AudioSpan], mark: str) -> pa.Table:
    content = {span.key: span.content for span in spans}
    old = lake.read_days(table, [day], where=pc.field("extractor") == mark)
    keep = [content.get(key) == held for key, held in zip(old["key"].to_pylist(), old["content"].to_pylist(), strict=True)]
    return old.filter(pa.array(keep, pa.bool_()))


def _rows(table: DayTable, span: AudioSpan, mark: str, found: Vectors) -> pa.Table:
    count = len(found)
    columns = {
        "key": pa.repeat(span.key, count),
        "source": pa.repeat(span.source, count),
        "started_at": pa.repeat(pa.scalar(span.started_at, pa.timestamp("us", "UTC")), count),
        "content": pa.repeat(span.content, count),
        "extractor": pa.repeat(mark, count),
        "number": pa.array(np.arange(count, dtype=np.int16)),
        "vector": pa.FixedSizeListArray.from_arrays(pa.array(found.reshape(-1)), type=table.schema.field("vector").type),
    }
    return pa.table(columns, schema=table.schema)
