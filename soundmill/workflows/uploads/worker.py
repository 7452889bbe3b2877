"""The worker on uploads: a few threads that claim recordings from the queue, transcribe and search them, and write what they found."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from soundmill.audio.reader import Source
from soundmill.catalog import Account, Catalog, Upload, Uploads
from soundmill.errors import NoSentimentModel, NoSpeechModel, NotInLake, TranscriptionFailed, UndecodableAudio
from soundmill.lake import LEFT_SECONDS, Lake
from soundmill.options import UploadOptions
from soundmill.speech import Keywords, Transcript, sentiment_of
from soundmill.speech.loading import load_sentiment, load_transcriber
from soundmill.workflows.uploads.intake import FOLDER, Wanted, receive
from soundmill.workflows.uploads.sweep import Sweeper
from soundmill.workflows.uploads.webhooks import WebhookCaller

log = logging.getLogger("soundmill.transcriber")
MOST_CLAIMS = 3
_POLL_SECONDS = 1.0


class UploadWorker:
    """Takes recordings in and works on them; use as a context manager. What it holds is free again when it ends, even by a kill."""

    def __init__(self, lake: Lake, catalog: Catalog, options: UploadOptions) -> None:
        self.lake, self.catalog, self.options = lake, catalog, options
        self.uploads = Uploads(catalog)
        self.name = ""
        self._stack = ExitStack()
        self._stopped, self._news = threading.Event(), threading.Event()
        self._waiting: dict[str, list[Callable[[], None]]] = {}
        self._lock = threading.Lock()
        self._busy: set[str] = set()

    def __enter__(self) -> "UploadWorker":
        self.name = self._stack.enter_context(self.uploads.work.worker()).owner
        self.lake.sweep_partials(LEFT_SECONDS, time.time(), FOLDER)
        self._stack.enter_context(Sweeper(self.lake, self.catalog))
        self._stack.enter_context(WebhookCaller(self.uploads, self.options.allow, self.options.ca_file))
        for number in range(self.options.workers):
            thread = threading.Thread(target=self._work, name=f"upload {number}")
            thread.start()
            self._stack.callback(thread.join)
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._news.set()
        self._stack.close()  # what is still queued is another worker's, or the next start's

    def receive(self, account: Account, wanted: Wanted, file: Source, sha256: str) -> Upload:
        """Takes a recording in; see `intake.receive`."""
        upload = receive(self.lake, self.catalog, self.options, account, wanted, file, sha256)
        self._news.set()
        return upload

    def retry(self, upload: Upload) -> Upload | None:
        """Works on a failed recording anew; None where it is not failed any more."""
        queued = self.uploads.requeue(upload)
        self._news.set()
        return queued

    @contextmanager
    def on_finished(self, name: str, then: Callable[[], None]) -> Iterator[None]:
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

    def search(self, upload: Upload, words: str, stemming: str | None, fuzzy: float, get_timestamps: bool) -> Upload | None:
        """Searches the transcript for other keywords; None where the recording was deleted. Raises `KeywordsRefused`."""
        asked: dict[str, Any] = {"words": words, "stemming": stemming, "fuzzy": fuzzy, "get_timestamps": get_timestamps}
        now: Upload | None = upload
        while now is not None:
            changed = self.uploads.set_words(now, **asked, hits=_hits(replace(now, **asked)))
            if changed is not None:
                return changed
            now = self.uploads.get(upload.uuid)  # it was finished, or asked for other keywords, meanwhile
        return None

    def _work(self) -> None:
        while not self._stopped.is_set():
            self._news.clear()
            try:
                upload = self._claim()
            except Exception:  # the catalog may be away for a moment
                log.exception("looking for recordings to work on")
                upload = None
            if upload is None:
                self._news.wait(_POLL_SECONDS)
                continue
            try:
                self._attempt(upload)
            except Exception:  # say, the catalog is away: it is claimed again, as one that this worker holds and is not busy with
                log.exception("the recording %s could not be settled", upload.uuid)
            with self._lock:
                self._busy.discard(upload.uuid)
                for then in self._waiting.pop(upload.uuid, []):
                    then()

    def _claim(self) -> Upload | None:
        with self._lock:  # one thread at a time: what another has just claimed is not lost
            upload = self.uploads.claim(self.name, datetime.now(UTC), self._busy)
            if upload is not None:
                self._busy.add(upload.uuid)
            return upload

    def _attempt(self, upload: Upload) -> None:
        if upload.claims > MOST_CLAIMS:
            message = f"its worker was ended {MOST_CLAIMS} times while it was at it"
            self._settle(upload, {"state": "failed", "reason": "interrupted", "message": message})
            return
        try:
            values = self._analyse(upload)
        except _Stopped:
            self.uploads.work.release(self.name, upload.uuid)
            return
        except (UndecodableAudio, TranscriptionFailed, NotInLake, NoSpeechModel, NoSentimentModel, OSError, MemoryError) as error:
            log.warning("the recording %s of %s failed: %s", upload.uuid, upload.username, error)
            values = {"state": "failed", "reason": _reason(error), "message": _public_message(error)}
        except Exception:  # whatever it is, nobody waits for ever
            log.exception("the recording %s failed", upload.uuid)
            values = {"state": "failed", "reason": "internal_error", "message": "something went wrong here; the operator's log has details"}
        self._settle(upload, values)

    def _settle(self, upload: Upload, values: dict[str, Any]) -> None:
        now: Upload | None = upload
        while now is not None and not self.uploads.settle(now, self.name, **values):
            now = self.uploads.get(upload.uuid)
            if now is None or now.claimed_by != self.name or now.state not in ("queued", "running"):
                return
            if "transcript" in values:  # other keywords were asked for meanwhile
                values["hits"] = _hits(replace(now, transcript=values["transcript"]))

    def _analyse(self, upload: Upload) -> dict[str, Any]:
        """Transcript, hits and sentiment, all at once: a recording is never half done."""
        values: dict[str, Any] = {"state": "done", "reason": None, "message": None}
        model = load_transcriber(self.options.speech)
        if model is None:
            return values

        def progress(_: float) -> None:
            if self._stopped.is_set():
                raise _Stopped

        with self.lake.local_file(upload.path) as local:
            transcript = model.transcribe(local, progress)
        plain = transcript.as_json()
        values |= {
            "model": model.model,
            "text": transcript.text,
            "transcript": plain,
            "hits": _hits(replace(upload, transcript=plain)),
        }
        if sentiment := load_sentiment(self.options.speech):
            whole, along = sentiment_of(transcript, sentiment)
            values["sentiment"] = {"model": sentiment.model, **asdict(whole), "along": [asdict(part) for part in along]}
        return values


class _Stopped(Exception):
    pass


def _hits(upload: Upload) -> list[dict[str, Any]]:
    """Where an upload's keywords occur, as far as it is transcribed. Raises `KeywordsRefused`."""
    keywords = Keywords.parse(upload.words, stemming=upload.stemming, fuzzy=upload.fuzzy)
    return [asdict(hit) for hit in keywords.hits(Transcript.from_json(upload.transcript))] if upload.transcript else []


def _reason(error: Exception) -> str:
    reasons: Mapping[type[Exception], str] = {
        NoSpeechModel: "no_speech_model",
        NoSentimentModel: "no_sentiment_model",
        TranscriptionFailed: "transcription_failed",
        NotInLake: "audio_gone",
        MemoryError: "out_of_memory",
    }
    return error.code if isinstance(error, UndecodableAudio) else reasons.get(type(error), "storage")


def _public_message(error: Exception) -> str:
    """What clients read: nothing of this machine's paths."""
    if isinstance(error, UndecodableAudio | TranscriptionFailed):
        return str(error)
    messages = {"audio_gone": "its audio has been deleted", "no_speech_model": "there is no speech model here"}
    return messages.get(_reason(error), "it could not be worked on; the operator's log has details")
