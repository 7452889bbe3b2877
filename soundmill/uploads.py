"""What becomes of uploaded recordings: stored, written down, looked through, judged; told, analysed anew, deleted.

Each worker has a few threads. What it takes in it works on itself; what a worker leaves behind that is killed, another takes over.
"""

import logging
import os
import queue
import secrets
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from soundmill.audio import UndecodableAudio
from soundmill.audio.decode import Source
from soundmill.catalog import Account, Accounts, Catalog, Item, Ledger, Upload, Uploads, lease, upload_key
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
_FOLDER = "audio/uploads"
_MOST_ATTEMPTS = 3
_POLL_SECONDS = 1.0
_SWEEP_SECONDS = 600.0
_MOST_CALLS = 5
_LONGEST_CALL = timedelta(seconds=10)
_CALLS_AT_ONCE = 8
COMPAT_SECONDS = 60.0  # of a recording that the original looked at


@dataclass(frozen=True)
class UploadOptions:
    """How uploads are worked on.

    workers       recordings at a time; most_hours: of sound in one; account_hours: of all that an account has here
    vosk          folder of the speech model; None: nothing is written down
    sentiment     folder of the sentiment model, or None for the lexicon; judged: whether it is asked at all
    allow         whom webhooks may reach although it is private
    """

    workers: int
    vosk: Path | None
    sentiment: Path | None = None
    judged: bool = True
    most_hours: float = 24.0
    account_hours: float = 100.0
    allow: tuple[str, ...] = ()


def upload_options(settings: Settings) -> UploadOptions:
    """How the operator wants them worked on."""
    return UploadOptions(
        workers=settings.transcriber_workers or os.cpu_count() or 1,
        vosk=settings.vosk_folder if settings.transcription_enabled else None,
        sentiment=settings.sentiment_model,
        judged=settings.sentiment_enabled,
        most_hours=settings.transcriber_max_hours,
        account_hours=settings.transcriber_account_hours,
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
        self._mine: set[str] = set()  # what is queued here, or worked on
        self.name = ""

    def __enter__(self) -> "UploadWorker":
        self.name = self._stack.enter_context(lease(self.catalog, WORKER + secrets.token_hex(6), wait=0)).owner
        threads = [threading.Thread(target=self._work, name=f"upload {n}") for n in range(self.options.workers)]
        threads += [threading.Thread(target=each, name=each.__name__) for each in (self._look_around, self._call_webhooks)]
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

        Nothing is stored of what cannot be decoded, from end to end. Raises `UndecodableAudio`, `UnusableKeywords`, `OtherRequest`,
        `AccountGone`, `TooMuch`; `OSError` where the lake has no room for it.
        """
        request_hash = _hash_of(wanted, sha256)
        if known := self.uploads.repeated(account.id, wanted.idempotency_key, request_hash):
            return known
        _ = wanted.keywords  # refused before anything is stored
        hours_left = self.options.account_hours - self.uploads.seconds_of(account.id) / 3600
        if hours_left <= 0:
            raise TooMuch(f"this account has uploaded {self.options.account_hours:g} hours: delete some of them first")
        now, name = datetime.now(UTC), str(uuid.uuid4())
        path = f"{_FOLDER}/{now.date().isoformat()}/{name}.wav"
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
            self._mine.add(name)
            try:
                stored = self.uploads.add(upload, item, TRANSCRIPTS.name, placed.close)
            except BaseException as error:
                self._mine.discard(name)
                placed.__exit__(type(error), error, None)
                self.lake.delete(path)  # it may be in place, and its row not
                raise
            if stored.uuid != name:  # another request with the same key was faster
                self._mine.discard(name)
                self._abandon(placed)
                return stored
        self._todo.put(name)
        return upload

    def again(self, upload: Upload) -> Upload | None:
        """Works on a failed recording anew; None where it is not failed any more."""
        queued = self.uploads.queue_again(upload, self.name)
        if queued:
            self._mine.add(queued.uuid)
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

    def look_for(self, upload: Upload, words: str, stemming: str | None, fuzzy: float, get_timestamps: bool) -> Upload | None:
        """Looks for other words in what was written down; None where the recording was deleted. Raises `UnusableKeywords`."""
        asked: dict[str, Any] = {"words": words, "stemming": stemming, "fuzzy": fuzzy, "get_timestamps": get_timestamps}
        now: Upload | None = upload
        while now is not None:
            changed = self.uploads.set_words(now, **asked, hits=_hits(replace(now, **asked)))
            if changed is not None:
                return changed
            now = self.uploads.get(upload.uuid)  # it was finished, or asked for other words, meanwhile
        return None

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
            except Exception:  # say, the catalog is away: it is taken up again as one that this worker lost sight of
                log.exception("the recording %s could not be worked on", name)
            self._mine.discard(name)
            with self._lock:
                for then in self._waiting.pop(name, []):
                    then()

    def _attempt(self, name: str) -> None:
        upload = self.uploads.begin(name, self.name)
        if upload is None:
            return
        try:
            values = self._made_of(upload)
        except _Stopped:
            self.uploads.give_back(upload, self.name)
            return
        except (UndecodableAudio, TranscriptionFailed, NotInLake, NoSpeechModel, NoSentimentModel, OSError, MemoryError) as error:
            log.warning("the recording %s of %s failed: %s", name, upload.username, error)
            values = {"state": "failed", "reason": _reason(error), "message": _said(error)}
        except Exception:  # whatever it is, nobody waits for ever
            log.exception("the recording %s failed", name)
            values = {"state": "failed", "reason": "internal_error", "message": "something went wrong here; the operator's log says what"}
        while upload and not self.uploads.settle(upload, self.name, **values):
            upload = self.uploads.get(name)
            if upload is None or upload.claimed_by != self.name or upload.state != "running":
                return
            if "transcript" in values:  # other words were asked for meanwhile
                values["hits"] = _hits(replace(upload, transcript=values["transcript"]))

    def _made_of(self, upload: Upload) -> dict[str, Any]:
        """Everything that is said of a recording, all at once: it is never half there."""
        values: dict[str, Any] = {"state": "done", "reason": None, "message": None}
        if self.options.vosk is None:
            return values

        def progress(_: float) -> None:
            if self._stopped.is_set():
                raise _Stopped

        writer = transcriber(self.options.vosk)
        with self.lake.local_file(upload.path) as local:
            transcript = writer.transcribe(local, progress)
        written = transcript.as_json()
        values |= {
            "model": writer.model,
            "text": transcript.text,
            "transcript": written,
            "hits": _hits(replace(upload, transcript=written)),
        }
        if self.options.judged:
            judge = sentiment_model(self.options.sentiment)
            whole, along = sentiment_of(transcript, judge)
            values["sentiment"] = {"model": judge.model, **asdict(whole), "along": [asdict(one) for one in along]}
        return values

    def _look_around(self) -> None:
        """Takes up what was left behind, and every ten minutes deletes files that nothing names any more."""
        swept, strays = -_SWEEP_SECONDS, set[str]()
        while True:
            try:
                for name in self.uploads.take_over(self.name, self._mine, _MOST_ATTEMPTS):
                    log.info("the recording %s was left behind; it is taken over", name)
                    self._mine.add(name)
                    self._todo.put(name)
                if time.monotonic() - swept >= _SWEEP_SECONDS:
                    swept, strays = time.monotonic(), self._sweep(strays)
            except Exception:  # the catalog may be away for a moment
                log.exception("looking for recordings that were left behind")
            if self._stopped.wait(_POLL_SECONDS):
                return

    def _sweep(self, strays: set[str]) -> set[str]:
        """Deletes files of deleted recordings, and those of the last two days that had no row the time before either; returns those that
        have none now: a kill parted them from it, or it is about to be written."""
        for item in self.uploads.withdrawn_files():
            self.lake.delete(str(item.measures["lay_at"]))
            self.uploads.file_is_gone(item)
        today = datetime.now(UTC).date()
        paths = [entry.path for day in (today, today - timedelta(days=1)) for entry in self.lake.files(f"{_FOLDER}/{day}")]
        known = Ledger(self.catalog).known([upload_key(Path(path).stem) for path in paths])
        without = {path for path in paths if upload_key(Path(path).stem) not in known}
        for path in without & strays:
            self.lake.delete(path)
        return without - strays

    def _call_webhooks(self) -> None:
        """Makes the calls that are due, a few at a time: a receiver that is slow stops neither the others nor the work."""
        with ThreadPoolExecutor(_CALLS_AT_ONCE, "webhook") as pool:
            busy: set[Future[None]] = set()
            while not self._stopped.wait(_POLL_SECONDS):
                busy = {future for future in busy if not future.done()}
                try:
                    now = datetime.now(UTC)
                    for upload in self.uploads.calls_due(now, _CALLS_AT_ONCE - len(busy)) if len(busy) < _CALLS_AT_ONCE else ():
                        # put off first: killed during the call, it is made again later; of two workers one makes it
                        if claimed := self.uploads.claim_call(upload, now + 3 * _LONGEST_CALL * 2**upload.webhook_attempts):
                            busy.add(pool.submit(self._call, claimed))
                except Exception:  # the catalog may be away for a moment
                    log.exception("looking for webhooks that are due")

    def _call(self, upload: Upload) -> None:
        body = {"uuid": upload.uuid, "name": upload.name, "status": upload.state, "failure": upload.message}
        try:
            call(upload.webhook or "", body, self.options.allow, _LONGEST_CALL.total_seconds())
        except FetchFailed as error:
            log.warning("the webhook of %s did not take the call: %s", upload.uuid, error)
            if error.transient and upload.webhook_attempts < _MOST_CALLS:
                return
            self.uploads.called(upload, "failed", str(error))
        else:
            self.uploads.called(upload, "delivered")


def _hits(upload: Upload) -> list[dict[str, Any]]:
    """Where an upload's words were said, as far as it is written down. Raises `UnusableKeywords`."""
    keywords = Keywords.parse(upload.words, stemming=upload.stemming, fuzzy=upload.fuzzy)
    return [asdict(hit) for hit in keywords.hits(Transcript.from_json(upload.transcript))] if upload.transcript else []


def delete_upload(lake: Lake, catalog: Catalog, upload: Upload) -> None:
    """Deletes a recording and its file; a file that cannot be deleted now is deleted later by a worker."""
    uploads = Uploads(catalog)
    uploads.remove(upload, TRANSCRIPTS.name)
    for item in Ledger(catalog).known([upload_key(upload.uuid)]).values():
        try:
            lake.delete(upload.path)
        except OSError:
            log.exception("the file of the deleted recording %s could not be deleted yet", upload.uuid)
        else:
            uploads.file_is_gone(item)


def delete_account(lake: Lake, catalog: Catalog, account: Account) -> None:
    """Deletes an account and all its recordings, also those that come meanwhile."""
    uploads = Uploads(catalog)
    while True:
        for upload in uploads.listed(account.id, limit=100)[0]:
            delete_upload(lake, catalog, upload)
        if uploads.listed(account.id, limit=1)[1] == 0 and Accounts(catalog).remove(account.id):
            return


class TooMuch(ValueError):
    """More sound than an account may have here."""


class _Stopped(Exception):
    pass


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


def _said(error: Exception) -> str:
    """What clients are told: nothing of this machine's paths."""
    if isinstance(error, UndecodableAudio | TranscriptionFailed):
        return str(error)
    told = {"audio_gone": "its sound is not there any more", "no_speech_model": "there is no speech model here"}
    return told.get(_reason(error), "it could not be worked on; the operator's log says why")


def _hash_of(wanted: Wanted, sha256: str) -> str:
    return digest([sha256, repr(replace(wanted, idempotency_key=None))])
