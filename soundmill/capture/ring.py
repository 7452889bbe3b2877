"""Between the thread that reads and the one that writes: blocks wait here, up to a bound, and what does not fit is counted."""

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

from soundmill.audio.reader import Int16


class Block(NamedTuple):
    """Samples as they came.

    samples    (n,) int16, mono
    position   of the first one in the source's stream; it jumps where the source lost some
    wall       seconds since 1970 when the last one was there; None where the source is its own clock
    monotonic  the same by the clock that nobody sets
    """

    samples: Int16
    position: int
    wall: float | None = None
    monotonic: float = 0.0


@dataclass
class Ring:
    """Holds at most `capacity` samples. One thread puts, another takes; neither waits for a disk."""

    capacity: int
    overruns: int = 0
    lost: int = 0
    _blocks: deque[Block] = field(default_factory=deque)
    _held: int = 0
    _ended: bool = False
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def put(self, block: Block, wait: bool = False) -> bool:
        """Hands a block over. Where there is no room: waits if asked to, else drops and counts it. False once the ring has ended."""
        with self._changed:
            while wait and not self._ended and self._blocks and self._held + len(block.samples) > self.capacity:
                self._changed.wait(0.5)
            if self._ended:
                return False
            if self._blocks and self._held + len(block.samples) > self.capacity:
                self.overruns += 1
                self.lost += len(block.samples)
                return True
            self._blocks.append(block)
            self._held += len(block.samples)
            self._changed.notify_all()
            return True

    def take(self, timeout: float) -> list[Block] | None:
        """Everything that waits, after at most `timeout` seconds; None when all has been taken and no more will come."""
        with self._changed:
            if not self._blocks and not self._ended:
                self._changed.wait(timeout)
            if not self._blocks and self._ended:
                return None
            taken = list(self._blocks)
            self._blocks.clear()
            self._held = 0
            self._changed.notify_all()
            return taken

    def end(self) -> None:
        """No block will come any more."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    @property
    def held(self) -> int:
        """Samples that wait."""
        return self._held
