"""Words and phrases that somebody looks for in a transcript: how often they were said, when, and how sure that is.

Case and punctuation do not matter; stemming and fuzzy match are there for who asks for them.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import fmean
from typing import Any

from soundmill.speech.transcript import Transcript, Word

_APOSTROPHES = re.compile(r"(?<=\w)['’ʼ](?=\w)")
_NO_WORD = re.compile(r"[^\w]+|_")
MOST_WORDS, LONGEST_WORD = 500, 100


class UnusableKeywords(ValueError):
    """Too many words to look for, words that are too long, or a score that is none."""


@dataclass(frozen=True)
class Hit:
    """A word or phrase that was said: start and end in seconds, the recogniser's confidence (the mean over a phrase), the words as they
    were heard, and how alike they are to what was looked for, between 0 and 1."""

    keyword: str
    start: float
    end: float
    confidence: float
    heard: str
    score: float = 1.0


class Keywords:
    """Words and phrases to look for, trimmed, in lower case, each once, in the order given.

    stemming  a language of Snowball (english, german, ...): words with the same stem are the same
    fuzzy     how alike heard words must be, from just over 0 to 1 (normalised Indel similarity, as rapidfuzz has it); 1: the same

    Raises `UnusableKeywords`.
    """

    def __init__(self, words: Iterable[str], *, stemming: str | None = None, fuzzy: float = 1.0) -> None:
        self.words = tuple(dict.fromkeys(word for given in words if (word := " ".join(given.split()).lower())))
        if len(self.words) > MOST_WORDS:
            raise UnusableKeywords(f"{len(self.words)} words are more than {MOST_WORDS}")
        if long := next((word for word in self.words if len(word) > LONGEST_WORD), None):
            raise UnusableKeywords(f"{long[:20]}... is longer than {LONGEST_WORD} characters")
        if not 0 < fuzzy <= 1:
            raise UnusableKeywords("a fuzzy score lies above 0, and is at most 1")
        self.stemming, self.fuzzy = stemming, fuzzy
        self._stem = _stemmer(stemming)

    @classmethod
    def parse(cls, text: str, *, stemming: str | None = None, fuzzy: float = 1.0) -> "Keywords":
        """From words between commas. Raises `UnusableKeywords`."""
        return cls(text.split(","), stemming=stemming, fuzzy=fuzzy)

    def hits(self, transcript: Transcript) -> list[Hit]:
        """Where they were said, in order of time; one word or phrase never twice at one place."""
        said = [(token, word) for word in transcript.words for token in self._tokens(word.word)]
        found = [hit for word in self.words for hit in self._hits_of(word, said)]
        return sorted(found, key=lambda hit: (hit.start, hit.end, self.words.index(hit.keyword)))

    def counts(self, hits: Sequence[Hit]) -> dict[str, int]:
        """How often each was said, also those that were not."""
        counts = dict.fromkeys(self.words, 0)
        for hit in hits:
            counts[hit.keyword] += 1
        return counts

    def _tokens(self, text: str) -> list[str]:
        return [self._stem(token) for token in fold(text)]

    def _hits_of(self, keyword: str, said: Sequence[tuple[str, Word]]) -> Iterable[Hit]:
        wanted = self._tokens(keyword)
        if not wanted:
            return
        # what is nearly alike may be said in a word less, or one more: "sound mill" for "soundmill"
        lengths = [len(wanted)] if self.fuzzy == 1 else [n for n in (len(wanted), len(wanted) - 1, len(wanted) + 1) if n > 0]
        place = 0
        while place < len(said):
            tokens = [token for token, _ in said[place : place + len(wanted) + 1]]
            score, shorter = max(((self._likeness(wanted, tokens[:n]), -n) for n in lengths if n <= len(tokens)), default=(0.0, 0))
            if score < self.fuzzy:
                place += 1
                continue
            words = [word for _, word in said[place : place - shorter]]
            heard, confidence = " ".join(word.word for word in words), fmean(word.confidence for word in words)
            yield Hit(keyword, words[0].start, words[-1].end, round(confidence, 4), heard, round(score, 4))
            place -= shorter

    def _likeness(self, wanted: list[str], heard: list[str]) -> float:
        if wanted == heard:
            return 1.0
        if self.fuzzy == 1:
            return 0.0
        from rapidfuzz.fuzz import ratio

        return min(0.9999, ratio(" ".join(wanted), " ".join(heard)) / 100)


def fold(text: str) -> list[str]:
    """Words without case and punctuation: "Don't — STOP!" is dont, stop."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return _NO_WORD.sub(" ", _APOSTROPHES.sub("", plain)).split()


@lru_cache
def _stemmer(language: str | None) -> Any:
    if language is None:
        return str
    import snowballstemmer

    if language not in snowballstemmer.algorithms():
        raise UnusableKeywords(f"no stems are known of {language!r}; there are: {', '.join(snowballstemmer.algorithms())}")
    return snowballstemmer.stemmer(language).stemWord
