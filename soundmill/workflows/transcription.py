"""A day's speech: which recordings may hold some, how each becomes a file, and what its transcripts are made from."""

import json
import wave
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from soundmill.capture import SEGMENTS, Timeline
from soundmill.catalog import AudioCollection, Catalog, Ledger, Prompts, Uploads
from soundmill.catalog.takes import TAKE_SOURCES
from soundmill.catalog.uploads import SOURCE as UPLOADED
from soundmill.errors import NoSpeechModel
from soundmill.fingerprint import digest
from soundmill.ingest.downloader import SOURCE as DOWNLOADED
from soundmill.ingest.downloads import DOWNLOADS
from soundmill.lake import Lake
from soundmill.options import SpeechOptions
from soundmill.prompts.spec import PromptSetSpec
from soundmill.speech.loading import load_transcriber
from soundmill.speech.tables import TRANSCRIPTS, Spoken, joined_segments, update_transcripts
from soundmill.speech.transcript import Transcript

if TYPE_CHECKING:
    from soundmill.speech.tables import DayOfTranscripts
    from soundmill.speech.transcriber import Transcriber


def recordings_of(lake: Lake, catalog: Catalog, day: date, language: str = "") -> list[Spoken]:
    """All recordings of a day that may hold speech: captured segments joined where they follow each other, downloads, uploads, and takes of
    sentences in this language (of all where none is given); but for what is apart from the collection."""
    apart = tuple(AudioCollection(catalog).apart())
    found = joined_segments([row for row in lake.read_days(SEGMENTS, [day]).to_pylist() if not row["key"].startswith(apart)])
    for row in lake.read_days(DOWNLOADS, [day], columns=["key", "state", "seconds", "content_hash", "path"]).to_pylist():
        if row["state"] == "ready" and not row["key"].startswith(apart):
            name = Path(row["path"]).stem
            found.append(Spoken(row["key"], "download", DOWNLOADED, name, None, row["seconds"], row["content_hash"], (row["path"],)))
    for item in Ledger(catalog).uploads(day):
        name, path = Path(item.measures["file"]).stem, item.path or ""
        found.append(Spoken(item.key, "upload", UPLOADED, name, None, item.seconds, item.content_hash or "", (path,)))
    if takes := Ledger(catalog).takes(day):
        sets = {one.name: PromptSetSpec.of(one) for one in Prompts(catalog).all()}
        for item in takes:
            if not language or sets[item.source].is_in(language):
                source, path = f"{TAKE_SOURCES}{item.source}", item.path or ""
                found.append(Spoken(item.key, "take", source, Path(path).stem, None, item.seconds, item.content_hash or "", (path,)))
    return found


def transcribe_day(
    lake: Lake,
    catalog: Catalog,
    day: date,
    recordings: Sequence[Spoken],
    model: "Transcriber",
    progress: Callable[[int, int], None] | None = None,
) -> "DayOfTranscripts":
    """Brings the day's transcripts up to these recordings; what an upload's worker has transcribed already is taken over."""
    known = {content: Transcript.from_json(stored) for content, stored in Uploads(catalog).transcripts(day, model.model).items()}
    timeline = Timeline(lake, lake.read_days(SEGMENTS, [day]))

    def sound_of(recording: Spoken) -> AbstractContextManager[Path]:
        return audio_file(lake, timeline, recording)

    return update_transcripts(lake, day, recordings, model, sound_of, known, progress)


@contextmanager
def audio_file(lake: Lake, timeline: Timeline, recording: Spoken) -> Iterator[Path]:
    """A recording as a file: itself, or its segments written after each other."""
    if recording.kind != "segments":
        with lake.local_file(recording.paths[0]) as local:
            yield local
        return
    assert recording.started_at is not None
    with TemporaryDirectory(prefix="soundmill-") as folder:
        path = Path(folder) / "segments.wav"
        rate, pieces = timeline.pieces(recording.source, recording.started_at, recording.started_at + timedelta(seconds=recording.seconds))
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, rate, 0, "NONE", "not compressed"))
            for samples, _ in pieces:
                file.writeframes(samples.astype("<i2").tobytes())
        yield path


def speech_marks(ledger: Ledger, options: SpeechOptions, days: Sequence[date] | None = None) -> dict[date, str]:
    """What each day's speech is made from: a mark that changes when recordings, models or keywords do.

    For the given days, or for all that have recordings, or had them.
    """
    segments, downloads = ledger.processed(SEGMENTS.name), ledger.processed(DOWNLOADS.name)
    how = json.dumps({**asdict(options), "model": _model_name(options)}, sort_keys=True, default=str)
    wanted = days if days is not None else sorted({*segments, *downloads, *ledger.processed(TRANSCRIPTS.name)})
    return {day: digest([how, segments.get(day, ""), downloads.get(day, "")]) for day in wanted}


def _model_name(options: SpeechOptions) -> str:
    try:
        model = load_transcriber(options)
    except NoSpeechModel:
        return ""
    return model.model if model else ""
