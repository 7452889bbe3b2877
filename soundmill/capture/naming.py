"""Names of captured segments: when each began, and where it lies in its stream, so that what is missing shows in a listing."""

import re
from dataclasses import dataclass
from datetime import date, datetime

from soundmill.times import from_ms, to_ms

SILENCE = ".silence"
_NAME = re.compile(r"(\d{13})_s(\d{13})_n(\d{8,15})_p(\d{14,15})(\.wav|\.flac|\.silence)")


@dataclass(frozen=True, slots=True)
class SegmentName:
    """What the name of a captured segment, or of a silence, says.

    started_at  UTC moment of its first sample, to the millisecond
    session     start of the capture's run, ms since 1970: positions of one session belong together
    sequence    number of the segment in its session; a silence has that of its first segment
    position    of its first sample in the session, lost samples counted
    suffix      `.wav`, `.flac`, or `.silence` for sound that the gate held back
    """

    started_at: datetime
    session: int
    sequence: int
    position: int
    suffix: str = ".wav"

    def __str__(self) -> str:
        return f"{to_ms(self.started_at):013d}_s{self.session:013d}_n{self.sequence:08d}_p{self.position:014d}{self.suffix}"

    @classmethod
    def parse(cls, name: str) -> "SegmentName | None":
        """What a file's name says; None for a file that no capture named."""
        match = _NAME.fullmatch(name)
        if not match:
            return None
        start, session, sequence, position = (int(group) for group in match.groups()[:4])
        return cls(from_ms(start), session, sequence, position, match.group(5))

    @property
    def day(self) -> date:
        """The UTC day it begins on: its folder in the landing area."""
        return self.started_at.date()
