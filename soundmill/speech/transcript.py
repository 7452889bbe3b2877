"""A transcript: words with their times, in utterances, and the one form in which it is stored."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

_LEAST = 0.01  # seconds: a word is no shorter, where there is room
_MS = 1000


@dataclass(frozen=True, slots=True)
class Word:
    """A word as it was recognised: start and end in seconds of the file, confidence between 0 and 1."""

    word: str
    start: float
    end: float
    confidence: float


@dataclass(frozen=True)
class Transcript:
    """The transcript of a file of so many seconds, by one model: utterances, parted where the speaker paused.

    For all words 0 <= start < end <= seconds, and each begins when the one before has ended, or later.
    """

    seconds: float
    model: str
    utterances: tuple[tuple[Word, ...], ...]

    @property
    def words(self) -> list[Word]:
        """All words in order."""
        return [word for utterance in self.utterances for word in utterance]

    @property
    def text(self) -> str:
        """All words between blanks."""
        return " ".join(word.word for word in self.words)

    def as_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        return {
            "text": self.text,
            "seconds": self.seconds,
            "model": self.model,
            "utterances": [[asdict(word) for word in utterance] for utterance in self.utterances],
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Transcript":
        """A transcript from what `as_json` gave. Raises `KeyError`, `TypeError` for what is none."""
        utterances = tuple(tuple(Word(**word) for word in utterance) for utterance in values["utterances"])
        return cls(values["seconds"], values["model"], utterances)

    def to_bytes(self) -> bytes:
        """As JSON text; the same transcript gives the same bytes."""
        return (json.dumps(self.as_json(), ensure_ascii=False) + "\n").encode()


def in_order(utterances: Iterable[Sequence[Word]], seconds: float, sample_rate: int = 16_000) -> tuple[tuple[Word, ...], ...]:
    """Utterances whose words lie inside the file, one after another, to the millisecond; empty utterances are left out.

    A recogniser's frames may end beyond the last sample, and its words overlap. A word that has no room left within the file is
    pressed against its end; words for which a file has not even a millisecond each are dropped.
    """
    parts = [list(utterance) for utterance in utterances if utterance]
    # a sample less than it is: who counts in samples of another rate may find the file that much shorter
    end = int((seconds - 1 / sample_rate) * _MS)
    count = sum(len(part) for part in parts)
    least = max(1, min(round(_LEAST * _MS), end // max(1, count)))
    spans: list[list[int]] = []
    for word in (word for part in parts for word in part):
        start = max(round(word.start * _MS), spans[-1][1] if spans else 0)
        spans.append([start, max(round(word.end * _MS), start + least)])
    limit = end
    for span in reversed(spans):
        span[1] = min(span[1], limit)
        span[0] = limit = min(span[0], span[1] - least)
    placed, numbers = [], iter(spans)
    for part in parts:
        words = [
            Word(word.word, start / _MS, stop / _MS, min(1.0, max(0.0, round(float(word.confidence), 4))))
            for word, (start, stop) in zip(part, numbers, strict=False)
            if start >= 0
        ]
        if words:
            placed.append(tuple(words))
    return tuple(placed)
