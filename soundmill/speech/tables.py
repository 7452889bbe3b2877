"""Speech by day: transcripts of every recording, the keywords in them, and their sentiment; only what is new or changed is made anew."""

import json
import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from soundmill.errors import NotInLake, TranscriptionFailed, UndecodableAudio
from soundmill.fingerprint import digest
from soundmill.formats.spreadsheets import decoded
from soundmill.lake import DayTable, Lake, column, day_table
from soundmill.speech.keywords import Keywords
from soundmill.speech.sentiment import Scores, SentimentModel, TimedScores, sentiment_of
from soundmill.speech.transcriber import Transcriber
from soundmill.speech.transcript import Transcript, Word
from soundmill.speech.word_errors import WordErrors, parse_references, reference_name, total, word_errors

_SECONDS = pa.float64()
_WORDS = pa.list_(
    pa.struct(
        [
            pa.field("word", pa.string(), nullable=False),
            pa.field("start", _SECONDS, nullable=False),
            pa.field("end", _SECONDS, nullable=False),
            pa.field("confidence", pa.float32(), nullable=False),
            pa.field("utterance", pa.int32(), nullable=False),
        ]
    )
)
TRANSCRIPTS = day_table(
    "transcripts",
    pa.schema(
        [
            column("key", pa.string(), "the ledger's key; of captured sound that of the first segment joined"),
            column("kind", pa.string(), "download, upload, take, or segments: those that follow each other without a gap"),
            column("source", pa.string(), "microphone or collection"),
            column("recording", pa.string(), "name of the file it came in, without its ending: what references are found by"),
            column("started_at", pa.timestamp("us", "UTC"), "UTC moment of the first sample; null where nobody knows", nullable=True),
            column("seconds", pa.float64(), "length"),
            column("content", pa.string(), "hash of the samples"),
            column("model", pa.string(), "the speech model and a hash of it"),
            column("text", pa.string(), "the words between blanks; empty where nobody speaks"),
            column("words", _WORDS, "each word: start and end in seconds of the recording, confidence, number of its utterance"),
        ]
    ),
    key=("key",),
)
KEYWORD_HITS = day_table(
    "keyword_hits",
    pa.schema(
        [
            column("key", pa.string(), "key of the transcript"),
            column("source", pa.string(), "microphone or collection"),
            column("keyword", pa.string(), "the word or phrase that was looked for"),
            column("start", pa.float64(), "where it begins, in seconds of the recording"),
            column("end", pa.float64(), "where it ends"),
            column("said_at", pa.timestamp("us", "UTC"), "UTC moment at which it begins; null where that is unknown", nullable=True),
            column("matched", pa.string(), "the words of the transcript that match"),
            column("confidence", pa.float32(), "of the speech model, between 0 and 1; the mean over a phrase"),
            column("score", pa.float32(), "how alike they are to the keyword, between 0 and 1"),
        ]
    ),
    key=("key", "start", "keyword"),
)
SENTIMENT = day_table(
    "sentiment",
    pa.schema(
        [
            column("key", pa.string(), "key of the transcript"),
            column("source", pa.string(), "microphone or collection"),
            column("number", pa.int32(), "0 for the whole recording, from 1 on its sentences in order"),
            column("start", pa.float64(), "where the sentence begins, in seconds of the recording"),
            column("end", pa.float64(), "where it ends"),
            column("text", pa.string(), "the sentence; empty for the whole"),
            column("negative", pa.float64(), "share; the three are 1 together"),
            column("neutral", pa.float64(), "share"),
            column("positive", pa.float64(), "share"),
            column("model", pa.string(), "the sentiment model and its version"),
        ]
    ),
    key=("key", "number"),
)
REFERENCES = "references"
REFERENCE_SUFFIX = ".trans.txt"
_LONGEST_PART, _LOOK_BACK = 200, 20  # segments: ten minutes, and the last minute of them
_JOINED_SECONDS = 0.05
_LANDED = re.compile(r"^\d{13}_(?:[0-9a-f]{8}_)?")


@dataclass(frozen=True)
class Spoken:
    """Sound to be transcribed: a file, or segments that follow each other. `content` is a hash that changes when its samples do."""

    key: str
    kind: str
    source: str
    recording: str
    started_at: datetime | None
    seconds: float
    content: str
    paths: tuple[str, ...]


@dataclass(frozen=True)
class DayOfTranscripts:
    """What an update of a day did: recordings, those worked on now, those that could not be used with the reason, and word errors by
    recording where references are known."""

    recordings: int
    worked_on: int
    seconds: float
    words: int
    changed: bool
    failed: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, WordErrors] = field(default_factory=dict)

    @property
    def all_errors(self) -> WordErrors:
        """Word errors of the day."""
        return total(self.errors.values())


def joined_segments(segments: Sequence[Mapping[str, Any]]) -> list[Spoken]:
    """Segments of a day, as rows of `captured_segments` in order of source and start, joined where one follows the other.

    Segments without an end are parted after ten minutes at the softest seam of the last one, so that few words are cut in two and the
    parts stay the same while a day grows.
    """
    found = []
    for run in _runs(segments):
        while run:
            part = run[: _part_length(run)]
            run = run[len(part) :]
            first, last = part[0], part[-1]
            found.append(
                Spoken(
                    first["key"],
                    "segments",
                    first["source"],
                    _LANDED.sub("", PurePosixPath(first["recording"]).stem),
                    first["started_at"],
                    (last["started_at"] - first["started_at"]).total_seconds() + last["seconds"],
                    digest(f"{row['content_hash']} {row['started_at']}" for row in part),
                    tuple(row["path"] for row in part),
                )
            )
    return found


def _runs(segments: Sequence[Mapping[str, Any]]) -> Iterator[Sequence[Mapping[str, Any]]]:
    start = 0
    for number, row in enumerate(segments):
        if number > start:
            before = segments[number - 1]
            apart = (row["started_at"] - before["started_at"]).total_seconds() - before["seconds"]
            together = row["session"] == before["session"] if row["session"] is not None else row["recording"] == before["recording"]
            if row["source"] != before["source"] or not together or abs(apart) > _JOINED_SECONDS:
                yield segments[start:number]
                start = number
    if start < len(segments):
        yield segments[start:]


def _part_length(run: Sequence[Mapping[str, Any]]) -> int:
    if len(run) <= _LONGEST_PART:
        return len(run)
    seams = range(_LONGEST_PART - _LOOK_BACK, _LONGEST_PART)
    return min(seams, key=lambda seam: (run[seam - 1]["rms"] + run[seam]["rms"], -seam))


def update_transcripts(
    lake: Lake,
    day: date,
    spoken: Sequence[Spoken],
    model: Transcriber,
    sound_of: Callable[[Spoken], AbstractContextManager[Path]],
    known: Mapping[str, Transcript] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> DayOfTranscripts:
    """Brings a day's transcripts up to its recordings: kept where neither samples nor model changed, transcribed elsewhere, as many at
    a time as there are cores.

    `sound_of` gives a recording as a file while its block runs; `known` are transcripts by content that somebody made already. Each
    is kept aside as soon as it is there, so that a killed run loses none. One that cannot be used stops nothing; it is tried again
    with the next run.
    """
    references = read_references(lake)
    wanted = digest([model.model, *sorted(f"{one.key} {one.content} {one.recording}" for one in spoken)])
    rows = {row["key"]: row for row in lake.read_days(TRANSCRIPTS, [day], where=pc.field("model") == model.model).to_pylist()}
    aside, failed = _Aside(lake, day, model.model), dict[str, str]()
    if lake.made_from(TRANSCRIPTS, day) == wanted:
        aside.clear()
        return _summary(list(rows.values()), 0, {}, False, references)
    kept = {one.key: row for one in spoken if (row := rows.get(one.key)) and row["content"] == one.content}
    todo = [one for one in spoken if one.key not in kept]

    def work(one: Spoken) -> Transcript:
        found = (known or {}).get(one.content) or aside.read(one.content)
        if found is None or found.model != model.model:
            with sound_of(one) as path:
                found = model.transcribe(path)
            aside.write(one.content, found)
        return found

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        futures = {pool.submit(work, one): one for one in todo}
        try:
            for done, future in enumerate(as_completed(futures), 1):
                one = futures[future]
                try:
                    kept[one.key] = _row(one, future.result())
                except (UndecodableAudio, TranscriptionFailed, NotInLake) as error:
                    failed[one.key] = str(error)
                if progress:
                    progress(done, len(todo))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    # rows that stayed are written anew, for a recording may have another name or time by now
    fresh = [kept[one.key] | _facts(one) for one in spoken if one.key in kept]
    made_from = f"{wanted} without {len(failed)}" if failed else wanted
    changed = lake.write_day(TRANSCRIPTS, day, TRANSCRIPTS.from_rows(fresh), made_from=made_from)
    aside.clear()
    return _summary(fresh, len(todo), failed, changed, references)


def forget_gone(lake: Lake, table: DayTable, day: date, keys: Collection[str]) -> bool:
    """Drops the rows of a day that belong to none of these recordings, and what a killed run left of them; says whether there were any.
    For days on which nothing can be made anew: what was deleted is not to live on in them."""
    if table is TRANSCRIPTS:
        _Aside(lake, day, "").clear()
    rows = lake.read_days(table, [day])
    stays = pc.is_in(rows["key"], value_set=pa.array(sorted(keys), pa.string()))
    if pc.all(stays).as_py() is not False:
        return False
    return lake.write_day(table, day, rows.filter(stays), made_from=digest([lake.made_from(table, day) or "", *sorted(keys)]))


def update_keyword_hits(lake: Lake, day: date, keywords: Keywords) -> tuple[dict[str, int], bool]:
    """Finds the keywords in a day's transcripts, without transcribing anything again; how often each occurs, and whether that is new."""
    wanted = digest([lake.made_from(TRANSCRIPTS, day) or "", *keywords.words, keywords.stemming or "", str(keywords.fuzzy)])
    if lake.made_from(KEYWORD_HITS, day) == wanted:
        found = Counter(lake.read_days(KEYWORD_HITS, [day], columns=["keyword"])["keyword"].to_pylist())
        return {word: found[word] for word in keywords.words}, False
    rows = []
    for row, transcript in transcripts_of(lake, day):
        for hit in keywords.hits(transcript):
            said_at = row["started_at"] and row["started_at"] + timedelta(seconds=hit.start)
            rows.append({"key": row["key"], "source": row["source"], "said_at": said_at, **asdict(hit)})
    changed = lake.write_day(KEYWORD_HITS, day, KEYWORD_HITS.from_rows(rows), made_from=wanted)
    found = Counter(row["keyword"] for row in rows)
    return {word: found[word] for word in keywords.words}, changed


def update_sentiment(lake: Lake, day: date, model: SentimentModel) -> tuple[dict[str, list[TimedScores]], Scores, bool]:
    """Rates a day's transcripts: scores along each recording with speech in it, the mean over all of them, and whether that is new."""
    wanted = digest([lake.made_from(TRANSCRIPTS, day) or "", model.model])
    changed = False
    if lake.made_from(SENTIMENT, day) != wanted:
        rows = []
        for row, transcript in transcripts_of(lake, day):
            if not row["text"]:
                continue
            whole, along = sentiment_of(transcript, model)
            everything = [TimedScores(0.0, row["seconds"], "", whole), *along]
            for number, one in enumerate(everything):
                facts = {"start": one.start, "end": one.end, "text": one.text, "number": number, "model": model.model}
                rows.append({"key": row["key"], "source": row["source"], **facts, **asdict(one.scores)})
        changed = lake.write_day(SENTIMENT, day, SENTIMENT.from_rows(rows), made_from=wanted)
    along_each: dict[str, list[TimedScores]] = defaultdict(list)
    wholes = []
    for row in lake.read_days(SENTIMENT, [day]).to_pylist():
        scores = Scores(row["negative"], row["neutral"], row["positive"])
        if row["number"]:
            along_each[row["key"]].append(TimedScores(row["start"], row["end"], row["text"], scores))
        else:
            wholes.append(scores)
    count = len(wholes) or 1
    mean = Scores(*(sum(getattr(one, name) for one in wholes) / count for name in ("negative", "neutral", "positive")))
    return dict(along_each), mean, changed


def transcripts_of(lake: Lake, day: date) -> Iterator[tuple[dict[str, Any], Transcript]]:
    """The rows of a day, each with its transcript."""
    for row in lake.read_days(TRANSCRIPTS, [day]).to_pylist():
        yield row, transcript_of(row)


def transcript_of(row: Mapping[str, Any]) -> Transcript:
    """The transcript in a row of the table."""
    utterances: dict[int, list[Word]] = defaultdict(list)
    for word in row["words"]:
        utterances[word["utterance"]].append(Word(word["word"], word["start"], word["end"], round(word["confidence"], 4)))
    return Transcript(row["seconds"], row["model"], tuple(tuple(words) for words in utterances.values()))


def read_references(lake: Lake) -> dict[str, str]:
    """Reference transcripts by recording, from the files `references/**/*.trans.txt`, as LibriSpeech has them."""
    found: dict[str, str] = {}
    for entry in lake.files(REFERENCES):
        if entry.path.endswith(REFERENCE_SUFFIX):
            found |= parse_references(decoded(lake.read_bytes(entry.path)))
    return found


class _Aside:
    """Transcripts of a day that is not finished, each in a file of its own."""

    def __init__(self, lake: Lake, day: date, model: str) -> None:
        self._lake, self._folder = lake, f"unfinished/transcripts/{day.isoformat()}"
        self._suffix = f"-{model}.json"

    def read(self, content: str) -> Transcript | None:
        try:
            return Transcript.from_json(json.loads(self._lake.read_bytes(self._path(content))))
        except NotInLake:
            return None

    def write(self, content: str, transcript: Transcript) -> None:
        self._lake.write_bytes(self._path(content), transcript.to_bytes())

    def clear(self) -> None:
        for entry in list(self._lake.files(self._folder)):
            self._lake.delete(entry.path)

    def _path(self, content: str) -> str:
        return f"{self._folder}/{content}{self._suffix}"


def _facts(one: Spoken) -> dict[str, Any]:
    values = asdict(one)
    del values["paths"], values["seconds"]
    return values


def _row(one: Spoken, transcript: Transcript) -> dict[str, Any]:
    words = [{**asdict(word), "utterance": number} for number, utterance in enumerate(transcript.utterances) for word in utterance]
    return {**_facts(one), "seconds": transcript.seconds, "model": transcript.model, "text": transcript.text, "words": words}


def _summary(
    rows: Sequence[Mapping[str, Any]], worked_on: int, failed: Mapping[str, str], changed: bool, references: Mapping[str, str]
) -> DayOfTranscripts:
    recognised: dict[str, list[str]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (row["recording"], str(row["started_at"]), row["key"])):
        if (name := reference_name(row["recording"])) in references:
            recognised[name].append(row["text"])
    errors = {name: word_errors(references[name], " ".join(texts)) for name, texts in recognised.items()}
    seconds, words = sum(row["seconds"] for row in rows), sum(len(row["words"]) for row in rows)
    return DayOfTranscripts(len(rows), worked_on, seconds, words, changed, failed, errors)
