"""Webhooks of uploads: calls that are due, a few at a time, so that a slow receiver stops neither the others nor the work."""

import logging
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from soundmill.catalog import Upload, Uploads
from soundmill.errors import FetchFailed
from soundmill.ingest.webhook import call

log = logging.getLogger("soundmill.transcriber")
_POLL_SECONDS = 1.0
_MOST_CALLS = 5  # of one webhook, until it is given up
_LONGEST_CALL = timedelta(seconds=10)
_CALLS_AT_ONCE = 8


class WebhookCaller:
    """Makes the calls that are due, in a thread and a small pool; use as a context manager."""

    def __init__(self, uploads: Uploads, allow: tuple[str, ...], ca_file: str = "") -> None:
        self._uploads, self._allow, self._ca_file = uploads, allow, ca_file
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhooks")

    def __enter__(self) -> "WebhookCaller":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        with ThreadPoolExecutor(_CALLS_AT_ONCE, "webhook") as pool:
            busy: set[Future[None]] = set()
            while not self._stopped.wait(_POLL_SECONDS):
                busy = {future for future in busy if not future.done()}
                try:
                    now = datetime.now(UTC)
                    for upload in self._uploads.calls_due(now, _CALLS_AT_ONCE - len(busy)) if len(busy) < _CALLS_AT_ONCE else ():
                        # put off first: killed during the call, it is made again later; of two workers one makes it
                        if claimed := self._uploads.claim_call(upload, now + 3 * _LONGEST_CALL * 2**upload.webhook_attempts):
                            busy.add(pool.submit(self._call, claimed))
                except Exception:  # the catalog may be away for a moment
                    log.exception("looking for webhooks that are due")

    def _call(self, upload: Upload) -> None:
        body = {"uuid": upload.uuid, "name": upload.name, "status": upload.state, "failure": upload.message}
        try:
            call(upload.webhook or "", body, self._allow, _LONGEST_CALL.total_seconds(), self._ca_file)
        except FetchFailed as error:
            log.warning("the webhook of %s did not take the call: %s", upload.uuid, error)
            if error.transient and upload.webhook_attempts < _MOST_CALLS:
                return
            self._uploads.called(upload, "failed", str(error))
        else:
            self._uploads.called(upload, "delivered")
