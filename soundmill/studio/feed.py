"""What changes, told to everybody who watches: parts that are looked at again and again while somebody does, and sent where they differ."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from sqlalchemy.exc import SQLAlchemyError

from soundmill.errors import SoundmillError

log = logging.getLogger("soundmill.studio")
_SHARE = 0.1  # of one core that looking at a part may take
_HEARTBEAT = 15.0  # seconds


@dataclass
class Part:
    """Something to watch. `look` returns it as JSON text; it is called in a thread, every so many seconds."""

    look: Callable[[], str]
    every: float
    text: str = ""
    number: int = 0  # of its versions so far
    task: "asyncio.Task[None] | None" = field(default=None, repr=False)


class Feed:
    """Parts by name. However many follow, each part is looked at once; while nobody does, none is."""

    def __init__(self, parts: Mapping[str, Part]) -> None:
        self._parts = dict(parts)
        self._followers = 0
        self._changed = asyncio.Condition()
        self._threads = CapacityLimiter(len(self._parts))  # of its own: a part that takes long keeps no request waiting

    async def follow(self, seconds: float) -> AsyncIterator[tuple[str, str]]:
        """Name and text of every part as soon as it is known, and then whenever it changes, for so long. Empty ones keep the line open."""
        self._followers += 1
        self._start()
        seen = dict.fromkeys(self._parts, 0)
        until = time.monotonic() + seconds
        try:
            while time.monotonic() < until:
                news = [(name, part) for name, part in self._parts.items() if part.number > seen[name]]
                for name, part in news:
                    seen[name] = part.number
                    yield name, part.text
                if not news:
                    try:
                        async with asyncio.timeout(_HEARTBEAT):
                            await self._wait(seen)
                    except TimeoutError:
                        yield "", ""
        finally:
            self._followers -= 1
            if not self._followers:
                self._stop()

    async def _wait(self, seen: Mapping[str, int]) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: any(part.number > seen[name] for name, part in self._parts.items()))

    def _start(self) -> None:
        for name, part in self._parts.items():
            if part.task is None or part.task.done():
                part.task = asyncio.create_task(self._watch(name, part), name=f"feed of {name}")

    def _stop(self) -> None:
        for part in self._parts.values():
            if part.task is not None:
                part.task.cancel()
                part.task = None

    async def _watch(self, name: str, part: Part) -> None:
        is_well = True
        while True:
            begun = time.monotonic()
            try:
                text = await run_sync(part.look, limiter=self._threads)
                is_well = True
            except (OSError, ValueError, SQLAlchemyError, SoundmillError) as error:  # the next look may be better
                if is_well:
                    log.warning("the dashboard's %s cannot be read: %s: %s", name, type(error).__name__, error)
                is_well, text = False, part.text
            if text and text != part.text:
                async with self._changed:
                    part.text, part.number = text, part.number + 1
                    self._changed.notify_all()
            await asyncio.sleep(max(part.every, (time.monotonic() - begun) / _SHARE))
