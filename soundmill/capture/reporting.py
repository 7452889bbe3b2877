"""How a station says how it is: its status file, and a message whenever its state changes."""

import logging
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from soundmill.capture.status import ALARMING, Status, now_text, write_status

log = logging.getLogger("soundmill.capture")
STATUS_EVERY = 1.0  # seconds

Notify = Callable[[str, bool], None]


class Reporter:
    """A station's status, kept in its file; `notify` gets a sentence, and whether it is good news. Without it, the log does."""

    def __init__(self, status: Status, file: Path, notify: Notify | None = None) -> None:
        self.status, self._file, self._notify = status, file, notify
        self._written_at = 0.0

    def change_state(self, state: str, why: str) -> None:
        """Sets the state; one that alarms, or no longer does, is announced."""
        before = self.status.state
        self.status.state, self.status.why = state, why
        if state == before:
            return
        if state in ALARMING or before in ALARMING:
            self.announce(f"{self.status.name} is {state}{': ' + why if why else ''} (was {before})", good=state not in ALARMING)
        self.write()

    def announce(self, text: str, *, good: bool) -> None:
        """Passes a sentence on."""
        if self._notify:
            self._notify(text, good)
        else:
            (log.info if good else log.warning)(text)

    def set(self, **values: Any) -> None:
        """Sets fields of the status, and writes it at once where any of them changed."""
        changed = any(getattr(self.status, key) != value for key, value in values.items())
        for key, value in values.items():
            setattr(self.status, key, value)
        self.write(every=0.0 if changed else STATUS_EVERY)

    def write(self, every: float = 0.0) -> None:
        """Writes the status file, unless that was less than `every` seconds ago."""
        now = time.monotonic()
        if now - self._written_at < every:
            return
        self._written_at = now
        self.status.updated_at = now_text()
        try:
            write_status(self._file, asdict(self.status))
        except OSError as error:  # a full disk stops no capture
            log.warning("the status cannot be written: %s", error)
