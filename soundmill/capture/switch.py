"""On or off: a file that says so, `{"capture_state": true}`, as scripts for the original system know it."""

import json
from pathlib import Path

from soundmill.disk import write_whole

HUB = "hub"  # the switch of a hub, for edges without one of their own


class Switch:
    """Whether a capture is to record. Written atomically; a file that is missing or broken counts as `default`."""

    def __init__(self, path: Path, default: bool = False) -> None:
        self.path, self.default = path, default
        self._seen: tuple[int, int] | None = None
        self._value = default

    def is_on(self) -> bool:
        """What the file says now; it is read again only when it has changed."""
        try:
            found = self.path.stat()
        except OSError:
            return self._value if self._seen else self.default
        if (found.st_mtime_ns, found.st_ino) != self._seen:
            try:
                self._value = bool(json.loads(self.path.read_text())["capture_state"])
            except (OSError, ValueError, KeyError, TypeError):
                return self._value
            self._seen = (found.st_mtime_ns, found.st_ino)
        return self._value

    def set(self, on: bool) -> None:
        """Turns it on or off."""
        write_whole(self.path, json.dumps({"capture_state": on}) + "\n")
