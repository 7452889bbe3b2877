"""An annotation: the one shape in which labels pass between files, catalog and tables."""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from soundmill.times import to_ms, utc

_TAG = re.compile(r"[^\W_][\w .&'()/+-]{0,63}")
LONGEST = timedelta(hours=1)
RESERVED = frozenset({"other"})  # the recogniser's word for everything it was not trained on


@dataclass(frozen=True, order=True)
class Annotation:
    """A tag from `start` to `end` (UTC) on a source's timeline, by an author; between `low_hz` and `high_hz` where it was drawn so.

    Raises `ValueError` for one that cannot be.
    """

    source: str
    start: datetime
    end: datetime
    tag: str
    author: str = ""
    low_hz: float | None = None
    high_hz: float | None = None

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ValueError(f"an annotation must end after it starts, and {self.tag!r} at {self.start:%Y-%m-%d %H:%M:%S} does not")
        if self.end - self.start > LONGEST:
            raise ValueError(f"the annotation {self.tag!r} at {self.start:%Y-%m-%d %H:%M:%S} is longer than an hour; is its end mistyped?")
        if len(self.author) > 64:
            raise ValueError(f"the author {self.author[:20]!r}... is longer than 64 characters")
        if not _TAG.fullmatch(self.tag):
            raise ValueError(f"{self.tag!r} is no tag: it takes 1 to 64 letters, digits, spaces and - _ . & ' ( ) / +")
        if self.tag.lower() in RESERVED:
            raise ValueError(f"the tag {self.tag!r} is the recogniser's own word for sounds it was not trained on")
        if (self.low_hz or 0.0) < 0 or (self.low_hz is not None and self.high_hz is not None and self.high_hz <= self.low_hz):
            raise ValueError(f"the band of {self.tag!r}, {self.low_hz} to {self.high_hz} Hz, is none")

    @property
    def day(self) -> date:
        """The UTC date it starts on."""
        return utc(self.start).date()

    @property
    def key(self) -> str:
        """The sound that it marks, whoever marks it: source, start and end in ms, tag, and its band in Hz where it has one."""
        band = "" if self.low_hz is None and self.high_hz is None else f"@{_hertz(self.low_hz)}-{_hertz(self.high_hz)}"
        return f"{self.source}/{to_ms(self.start)}-{to_ms(self.end)}/{self.tag}{band}"


def _hertz(value: float | None) -> str:
    return "" if value is None else f"{value:g}"
