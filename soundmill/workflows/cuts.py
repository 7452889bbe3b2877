"""A day as a lhotse CutSet: every recording with what is known of it, words with their times and annotated sounds alike."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from soundmill.capture import SEGMENTS
from soundmill.catalog import Item
from soundmill.formats.lhotse import cut, manifest, recording, spoken, supervision
from soundmill.ingest.conversion import SAMPLE_RATE
from soundmill.ingest.downloads import DOWNLOADS
from soundmill.labelling.snapshot import ANNOTATIONS
from soundmill.lake import Lake
from soundmill.speech.tables import joined_segments, transcripts_of
from soundmill.speech.transcript import Transcript, Word
from soundmill.times import to_ms
from soundmill.workflows.takes import PROMPTED_TAKES

_LEAST_SECONDS = 0.01


def cuts_folder(day: date) -> str:
    """Where a day's manifest lies below the lake's root."""
    return f"manifests/cuts/{day.isoformat()}"


def update_cuts(lake: Lake, day: date, uploads: Sequence[Item]) -> tuple[dict[str, int], bool]:
    """Writes `cuts.jsonl.gz` of a day: cuts by kind, and whether anything is new. Paths in it are relative to the lake.

    A captured segment is a cut of its own: a word over a seam belongs to the segment that its middle lies in, cut at the seam.
    """
    made = {kind: list(cuts) for kind, cuts in _cuts(lake, day, uploads).items()}
    path = f"{cuts_folder(day)}/cuts.jsonl.gz"
    data = manifest(entry for kind in sorted(made) for entry in sorted(made[kind], key=lambda entry: str(entry["id"])))
    counts = {kind: len(cuts) for kind, cuts in made.items() if cuts}
    if counts:
        return counts, lake.write_if_changed(path, data)
    there = lake.exists(path)
    lake.delete(path)
    return counts, there


def _cuts(lake: Lake, day: date, uploads: Sequence[Item]) -> dict[str, Iterator[dict[str, Any]]]:
    transcripts = {row["key"]: transcript for row, transcript in transcripts_of(lake, day)}
    return {
        "download": _downloads(lake, day, transcripts),
        "segment": _segments(lake, day, transcripts),
        "upload": (
            _whole(f"upload-{item.key.rpartition('/')[2]}", item.path or "", item.measures["samples"], transcripts.get(item.key), "speaker")
            for item in uploads
        ),
        "take": _takes(lake, day, transcripts),
    }


def _downloads(lake: Lake, day: date, transcripts: Mapping[str, Transcript]) -> Iterator[dict[str, Any]]:
    for row in lake.read_days(DOWNLOADS, [day], where=pc.field("state") == "ready").to_pylist():
        name = f"{row['conversation']}--{row['speaker']}"
        yield _whole(name, row["path"], row["samples"], transcripts.get(row["key"]), row["speaker"], conversation=row["conversation"])


def _takes(lake: Lake, day: date, transcripts: Mapping[str, Transcript]) -> Iterator[dict[str, Any]]:
    """Takes that count, each with the sentence that was read, and what a recogniser heard beside it."""
    for row in lake.read_days(PROMPTED_TAKES, [day], where=pc.field("counts")).to_pylist():
        name = Path(row["path"]).stem
        entry, heard = recording(name, row["path"], row["samples"], row["sample_rate"]), transcripts.get(row["key"])
        facts = {name: row[name] for name in ("set", "utterance", "entity", "accent", "licence", "verdict", "review") if row[name]}
        more = {"recognised": heard.text, "speech_model": heard.model} if heard else {}
        whole = supervision(0, name, 0.0, row["seconds"], row["speaker"], **facts, **more)
        yield cut(entry, [{**whole, "text": row["text"]}], recorded_at=row["recorded_at"].isoformat(timespec="milliseconds"))


def _whole(name: str, path: str, samples: int, transcript: Transcript | None, speaker: str, **custom: Any) -> dict[str, Any]:
    """A file of its own, with a supervision for each utterance."""
    entry = recording(name, path, samples, SAMPLE_RATE)
    utterances = transcript.utterances if transcript else ()
    spoken_in = [spoken(number, name, [_as_tuple(word) for word in words], speaker) for number, words in enumerate(utterances)]
    return cut(entry, spoken_in, **custom, **({"speech_model": transcript.model} if transcript else {}))


def _segments(lake: Lake, day: date, transcripts: Mapping[str, Transcript]) -> Iterator[dict[str, Any]]:
    rows = lake.read_days(SEGMENTS, [day]).to_pylist()
    words, models = _words_of_segments(rows, transcripts)
    around = [day - timedelta(days=1), day, day + timedelta(days=1)]
    tags = lake.read_days(ANNOTATIONS, around).to_pylist() if rows else []
    by_source: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for tag in tags:
        by_source[tag["source"]].append(tag)
    for row in rows:
        name = f"{row['source']}-{to_ms(row['started_at'])}"
        entry = recording(name, row["path"], row["samples"], row["sample_rate"])
        found = [spoken(0, name, words[row["key"]], row["source"])] if words[row["key"]] else []
        ends_at = row["started_at"] + timedelta(seconds=row["seconds"])
        for tag in by_source[row["source"]]:
            start, end = max(tag["start"], row["started_at"]), min(tag["end"], ends_at)
            if (end - start).total_seconds() >= _LEAST_SECONDS:
                inside = [(moment - row["started_at"]).total_seconds() for moment in (start, end)]
                found.append(supervision(len(found), name, inside[0], inside[1], row["source"], tag=tag["tag"], author=tag["author"]))
        custom = {"source": row["source"], "started_at": row["started_at"].isoformat(timespec="milliseconds")}
        yield cut(entry, found, **custom, **({"speech_model": models[row["key"]]} if row["key"] in models else {}))


def _words_of_segments(
    rows: Sequence[Mapping[str, Any]], transcripts: Mapping[str, Transcript]
) -> tuple[dict[str, list[tuple[str, float, float, float]]], dict[str, str]]:
    """The words of each segment, in its own seconds, and the models that recognised them, by the segments' keys."""
    words: dict[str, list[tuple[str, float, float, float]]] = defaultdict(list)
    models: dict[str, str] = {}
    by_path = {row["path"]: row for row in rows}
    for part in joined_segments(rows):
        transcript = transcripts.get(part.key)
        if transcript is None or part.started_at is None:
            continue
        left = list(transcript.words)
        for path in part.paths:
            row = by_path[path]
            models[row["key"]] = transcript.model
            start = (row["started_at"] - part.started_at).total_seconds()
            while left and (left[0].start + left[0].end) / 2 < start + row["seconds"]:
                word = left.pop(0)
                first, last = max(0.0, word.start - start), min(row["seconds"], word.end - start)
                if last - first >= _LEAST_SECONDS:
                    words[row["key"]].append((word.word, first, last, word.confidence))
    return words, models


def _as_tuple(word: Word) -> tuple[str, float, float, float]:
    return word.word, word.start, word.end, word.confidence
