"""An annotation: the one shape in which labels pass between files, catalog and tables."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from soundmill.times import to_ms, utc

_LONGEST_TAG = 64
_SIGNS = frozenset(" .&'()/+-_")  # that a tag may hold beside letters, digits and the marks on them
_JOINERS = frozenset("\u200c\u200d")  # between letters of Persian, Hindi and others: without them it is another word
_APOSTROPHES = str.maketrans("\u2018\u2019\u02bc\u00b4`", "'''''")  # as keyboards and word processors write them
LONGEST = timedelta(hours=1)
RESERVED = frozenset({"other"})  # the recogniser's word for everything it was not trained on


@dataclass(frozen=True, order=True)
class Annotation:
    """A tag from `start` to `end` (UTC) on a source's timeline, by an author; between `low_hz` and `high_hz` where it was drawn so.

    The tag is in Unicode's composed form, so that one name is one tag however it was typed. Raises `ValueError` for one that cannot be.
    """

    source: str
    start: datetime
    end: datetime
    tag: str
    author: str = ""
    low_hz: float | None = None
    high_hz: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "tag", unicodedata.normalize("NFC", self.tag))
        if self.end <= self.start:
            raise ValueError(f"an annotation must end after it starts, and {self.tag!r} at {self.start:%Y-%m-%d %H:%M:%S} does not")
        if self.end - self.start > LONGEST:
            raise ValueError(f"the annotation {self.tag!r} at {self.start:%Y-%m-%d %H:%M:%S} is longer than an hour; is its end mistyped?")
        if len(self.author) > 64:
            raise ValueError(f"the author {self.author[:20]!r}... is longer than 64 characters")
        check_tag(self.tag)
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


def check_tag(tag: str) -> None:
    """Raises `ValueError` for a text that can be no tag."""
    kinds = [unicodedata.category(letter)[0] for letter in tag]
    holds = all(kind in "LNM" or letter in _SIGNS or letter in _JOINERS for letter, kind in zip(tag, kinds, strict=True))
    if not 1 <= len(tag) <= _LONGEST_TAG or kinds[0] not in "LN" or tag[-1] in _JOINERS or not holds:
        raise ValueError(
            f"{tag!r} is no tag: it begins with a letter or digit, and holds up to 64 letters, digits, spaces and - _ . & ' ( ) / +"
        )
    if tag.lower() in RESERVED:
        raise ValueError(f"the tag {tag!r} is the recogniser's own word for sounds it was not trained on")


def clean_tag(text: str) -> str:
    """The nearest text that can be a tag: other signs become `_`, and none is left at the ends; empty where nothing remains."""
    composed = unicodedata.normalize("NFC", text).translate(_APOSTROPHES)
    kept = "".join(
        letter if letter in _SIGNS or letter in _JOINERS or unicodedata.category(letter)[0] in "LNM" else "_" for letter in composed
    )
    kept = re.sub(r"[ _]*_[ _]*", "_", kept)
    return kept.strip(" _.&'()/+-")[:_LONGEST_TAG].rstrip()


def _hertz(value: float | None) -> str:
    return "" if value is None else f"{value:g}"
