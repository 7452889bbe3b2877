"""What becomes of uploaded recordings: stored, written down, looked through, judged; told, analysed anew, deleted.

Each worker has a few threads. What it takes in it works on itself; what a worker leaves behind that is killed, another takes over.
"""

import logging
import os
import queue
import secrets
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from soundmill.audio import UndecodableAudio
from soundmill.audio.decode import Source
from soundmill.catalog import Account, Accounts, Catalog, Item, Upload, Uploads, lease, upload_key
from soundmill.catalog.uploads import SOURCE, WORKER
from soundmill.fingerprint import digest
from soundmill.ingest.conversion import convert_download
from soundmill.ingest.failures import FetchFailed
from soundmill.ingest.webhook import call
from soundmill.lake import Lake, NotInLake
from soundmill.settings import Settings
from soundmill.speech import (
    Keywords,
    NoSentimentModel,
    NoSpeechModel,
    Transcript,
    TranscriptionFailed,
    sentiment_model,
    sentiment_of,
    transcriber,
)
from soundmill.speech.tables import TRANSCRIPTS

log = logging.getLogger("soundmill.transcriber")
_MOST_ATTEMPTS = 3
_POLL_SECONDS = 1.0
_MOST_CALLS = 5
_LONGEST_CALL = timedelta(seconds=30)
_CALLS_AT_ONCE = 20
COMPAT_SECONDS = 60.0  # of a recording that the original looked at


@dataclass(frozen=True)
class UploadOptions:
    """How uploads are worked on.

    workers       recordings at a time; most_hours: of sound in one
    vosk          folder of the speech model; None: nothing is written down
    sentiment     folder of the sentiment model, or None for the lexicon; judged: whether it is asked at all
    allow         whom webhooks may reach although it is private
    """

    workers: int
    vosk: Path | None
    sentiment: Path | None = None
    judged: bool = True
    most_hours: float = 24.0
    allow: tuple[str, ...] = ()


def upload_options(settings: Settings) -> UploadOptions:
    """How the operator wants them worked on."""
    return UploadOptions(
        workers=settings.transcriber_workers or os.cpu_count() or 1,
        vosk=settings.vosk_folder if settings.transcription_enabled else None,
        sentiment=settings.sentiment_model,
        judged=settings.sentiment_enabled,
        most_hours=settings.transcriber_max_hours,
        allow=settings.download_exempt,
    )


@dataclass(frozen=True)
class Wanted:
    """What somebody asks for with a recording: see `catalog.Upload`. `crop_seconds`: how much of it is kept; None: all."""

    name: str
    file_name: str
    words: str = ""
    get_timestamps: bool = False
    stemming: str | None = None
    fuzzy: float = 1.0
    crop_seconds: float | None = None
    webhook: str | None = None
    idempotency_key: str | None = None

    @property
    def keywords(self) -> Keywords:
        """What is looked for. Raises `UnusableKeywords`."""
        return Keywords.parse(self.words, stemming=self.stemming, fuzzy=self.fuzzy)


class UploadWorker:
    """Takes recordings in and works on them; use as a context manager."""

    def __init__(self, lake: Lake, catalog: Catalog, options: UploadOptions) -> None:
        self.lake, self.catalog, self.options = lake, catalog, options
        self.uploads = Uploads(catalog)
        self._stack = ExitStack()
        self._todo: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._waiting: dict[str, list[Callable[[], None]]] = {}
        self._lock = threading.Lock()
        self.name = ""

    def __enter__(self) -> "UploadWorker":
        self.name = self._stack.enter_context(lease(self.catalog, WORKER + secrets.token_hex(6), wait=0)).owner
        threads = [threading.Thread(target=self._work, name=f"upload {n}") for n in range(self.options.workers)]
        threads.append(threading.Thread(target=self._look_around, name="uploads left behind"))
        for thread in threads:
            thread.start()
            self._stack.callback(thread.join)
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for _thread in range(self.options.workers):
            self._todo.put(None)
        self._stack.close()  # what is still queued is another worker's, or the next start's

    def receive(self, account: Account, wanted: Wanted, file: Source, sha256: str) -> Upload:
        """Stores a recording as 16 kHz mono WAV and queues it; the same request again is the same recording.

        Nothing is stored of what cannot be decoded, from end to end. Raises `UndecodableAudio`, `UnusableKeywords`, `OtherRequest`.
        """
        request_hash = _hash_of(wanted, sha256)
        if known := self.uploads.repeated(account.id, wanted.idempotency_key, request_hash):
            return known
        _ = wanted.keywords  # refused before anything is stored
        now, name = datetime.now(UTC), str(uuid.uuid4())
        path = f"audio/uploads/{now.date().isoformat()}/{name}.wav"
        with ExitStack() as aside:
            target = aside.enter_context(self.lake.writer(path))
            info, (sound,) = convert_download(file, [target], self.options.most_hours * 3600, wanted.crop_seconds)
            upload = Upload(
                uuid=name,
                account=account.id,
                username=account.username,
                name=wanted.name,
                words=wanted.words,
                get_timestamps=wanted.get_timestamps,
                stemming=wanted.stemming,
                fuzzy=wanted.fuzzy,
                state="queued",
                day=now.date(),
                path=path,
                content=sound.content_hash,
                seconds=sound.seconds,
                request_hash=request_hash,
                idempotency_key=wanted.idempotency_key,
                webhook=wanted.webhook,
                claimed_by=self.name,
                created_at=now,
                updated_at=now,
            )
            item = Item(
                upload_key(name),
                "upload",
                SOURCE,
                upload.day,
                "ready",
                request_hash,
                seconds=sound.seconds,
                path=path,
                content_hash=sound.content_hash,
                measures={"samples": sound.samples, "file": wanted.file_name, "codec": info.codec, "rate": info.sample_rate},
            )
            placed = aside.pop_all()
            try:
                stored = self.uploads.add(upload, item, TRANSCRIPTS.name, placed.close)
            except BaseException as error:
                placed.__exit__(type(error), error, None)
                raise
            if stored.uuid != name:  # another request with the same key was faster
                self._abandon(placed)
                return stored
        self._todo.put(name)
        return upload

    def again(self, upload: Upload) -> Upload | None:
        """Works on a failed recording anew; None where it is not failed any more."""
        queued = self.uploads.queue_again(upload, self.name)
        if queued:
            self._todo.put(queued.uuid)
        return queued

    @contextmanager
    def told(self, name: str, then: Callable[[], None]) -> Iterator[None]:
        """While the block runs, calls back, from another thread, when this worker is through with a recording, well or not."""
        with self._lock:
            self._waiting.setdefault(name, []).append(then)
        try:
            yield
        finally:
            with self._lock:
                if then in (waiting := self._waiting.get(name, [])):
                    waiting.remove(then)
                if not waiting:
                    self._waiting.pop(name, None)

    def look_for(self, upload: Upload, words: str, stemming: str | None, fuzzy: float, get_timestamps: bool) -> Upload:
        """Looks for other words in what was written down. Raises `UnusableKeywords`."""
        keywords = Keywords.parse(words, stemming=stemming, fuzzy=fuzzy)
        hits = [asdict(hit) for hit in keywords.hits(Transcript.from_json(upload.transcript))] if upload.transcript else []
        return self.uploads.set_words(upload, words=words, stemming=stemming, fuzzy=fuzzy, get_timestamps=get_timestamps, hits=hits)

    def _abandon(self, placed: ExitStack) -> None:
        """Drops a file that was made aside."""
        try:
            placed.__exit__(_Abandoned, _Abandoned(), None)
        except _Abandoned:
            pass

    def _work(self) -> None:
        while (name := self._todo.get()) is not None and not self._stopped.is_set():
            try:
                self._attempt(name)
            except Exception:  # say, the catalog is away: the recording stays queued or running, and is taken over
                log.exception("the recording %s could not be worked on", name)
            with self._lock:
                for then in self._waiting.pop(name, []):
                    then()

    def _attempt(self, name: str) -> None:
        upload = self.uploads.begin(name, self.name)
        if upload is None:
            return
        try:
            values = self._made_of(upload)
        except (UndecodableAudio, TranscriptionFailed, NotInLake, NoSpeechModel, NoSentimentModel, OSError, MemoryError) as error:
            values = {"state": "failed", "reason": _reason(error), "message": str(error)}
        except Exception as error:  # whatever it is, nobody waits for ever
            log.exception("the recording %s failed", name)
            values = {"state": "failed", "reason": "internal_error", "message": f"{type(error).__name__}: {error}"}
        settled = self.uploads.settle(upload, self.name, **values)
        if settled and settled.state == "failed":
            log.warning("the recording %s of %s failed: %s", name, upload.username, settled.message)

    def _made_of(self, upload: Upload) -> dict[str, Any]:
        """Everything that is said of a recording, all at once: it is never half there."""
        values: dict[str, Any] = {"state": "done", "reason": None, "message": None}
        if self.options.vosk is None:
            return values
        writer = transcriber(self.options.vosk)
        with self.lake.local_file(upload.path) as local:
            transcript = writer.transcribe(local)
        keywords = Keywords.parse(upload.words, stemming=upload.stemming, fuzzy=upload.fuzzy)
        values |= {"model": writer.model, "transcript": transcript.as_json(), "hits": [asdict(hit) for hit in keywords.hits(transcript)]}
        if self.options.judged:
            judge = sentiment_model(self.options.sentiment)
            whole, along = sentiment_of(transcript, judge)
            values["sentiment"] = {"model": judge.model, **asdict(whole), "along": [asdict(one) for one in along]}
        return values

    def _look_around(self) -> None:
        while True:
            try:
                for name in self.uploads.take_over(self.name, _MOST_ATTEMPTS):
                    log.info("the recording %s was left behind; it is taken over", name)
                    self._todo.put(name)
                self._call_webhooks()
            except Exception:  # the catalog may be away for a moment
                log.exception("looking for recordings that were left behind")
            if self._stopped.wait(_POLL_SECONDS):
                return

    def _call_webhooks(self) -> None:
        for upload in self.uploads.calls_due(datetime.now(UTC), _CALLS_AT_ONCE):
            attempts = upload.webhook_attempts + 1
            # put off first: killed during the call, it is made again later; of two workers one makes it
            if self._stopped.is_set() or not self.uploads.claim_call(upload, datetime.now(UTC) + _LONGEST_CALL * 2**attempts):
                continue
            body = {"uuid": upload.uuid, "name": upload.name, "status": upload.state, "failure": upload.message}
            try:
                call(upload.webhook or "", body, self.options.allow, _LONGEST_CALL.total_seconds())
            except FetchFailed as error:
                log.warning("the webhook of %s did not take the call: %s", upload.uuid, error)
                if attempts >= _MOST_CALLS or not error.transient:
                    self.uploads.called(upload, "failed")
            else:
                self.uploads.called(upload, "delivered")


def delete_upload(lake: Lake, catalog: Catalog, upload: Upload) -> None:
    """Deletes a recording and its file."""
    Uploads(catalog).remove(upload, TRANSCRIPTS.name)
    lake.delete(upload.path)


def delete_account(lake: Lake, catalog: Catalog, account: Account) -> None:
    """Deletes an account and all its recordings."""
    while found := Uploads(catalog).listed(account.id, limit=100)[0]:
        for upload in found:
            delete_upload(lake, catalog, upload)
    Accounts(catalog).remove(account.id)


class _Abandoned(Exception):
    pass


def _reason(error: Exception) -> str:
    reasons: Mapping[type[Exception], str] = {
        NoSpeechModel: "no_speech_model",
        NoSentimentModel: "no_sentiment_model",
        TranscriptionFailed: "transcription_failed",
        NotInLake: "audio_gone",
        MemoryError: "out_of_memory",
    }
    return error.code if isinstance(error, UndecodableAudio) else reasons.get(type(error), "storage")


def _hash_of(wanted: Wanted, sha256: str) -> str:
    return digest([sha256, repr(replace(wanted, idempotency_key=None))])
