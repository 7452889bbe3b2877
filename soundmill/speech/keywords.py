"""Keywords in a transcript: how often they occur, when, and with which confidence.

Case and punctuation do not matter; stemming and fuzzy match are there for who asks for them.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import fmean

from soundmill.errors import KeywordsRefused
from soundmill.speech.transcript import Transcript, Word

_APOSTROPHES = re.compile(r"(?<=\S)['’ʼ](?=\w)")
_DOTTED = "i\u0307"  # what the Turkish capital İ becomes
MOST_WORDS, LONGEST_WORD = 500, 100
_WINDOWS_AT_ONCE = 4096
_Place = tuple[float, int, int, int]  # score below 0, words more or fewer than looked for, first word, words


@dataclass(frozen=True)
class Hit:
    """A keyword in a transcript: start and end in seconds, the recogniser's confidence (the mean over a phrase), the words of the
    transcript that match, and how alike they are to the keyword, between 0 and 1."""

    keyword: str
    start: float
    end: float
    confidence: float
    matched: str
    score: float = 1.0


class Keywords:
    """Words and phrases to look for, trimmed, in lower case, each once, in the order given.

    stemming  a language of Snowball (english, german, ...): words with the same stem are the same
    fuzzy     how alike words must be, from just over 0 to 1 (normalised Indel similarity, as rapidfuzz has it); 1: the same

    Raises `KeywordsRefused`.
    """

    def __init__(self, words: Iterable[str], *, stemming: str | None = None, fuzzy: float = 1.0) -> None:
        self.words = tuple(dict.fromkeys(word for given in words if (word := _lower(" ".join(given.split())))))
        if len(self.words) > MOST_WORDS:
            raise KeywordsRefused(f"{len(self.words)} words are more than {MOST_WORDS}")
        if long := next((word for word in self.words if len(word) > LONGEST_WORD), None):
            raise KeywordsRefused(f"{long[:20]}... is longer than {LONGEST_WORD} characters")
        if not 0 < fuzzy <= 1:
            raise KeywordsRefused("a fuzzy score lies above 0, and is at most 1")
        self.stemming, self.fuzzy = stemming, fuzzy
        self._stem = lru_cache(None)(_stemmer(stemming))  # of its own: Snowball's remember what they are at, and threads would mix that up

    @classmethod
    def parse(cls, text: str, *, stemming: str | None = None, fuzzy: float = 1.0) -> "Keywords":
        """From words between commas. Raises `KeywordsRefused`."""
        return cls(text.split(","), stemming=stemming, fuzzy=fuzzy)

    def hits(self, transcript: Transcript) -> list[Hit]:
        """Where they occur, in order of time; one word or phrase never twice at one place."""
        tokens = [(token, word) for word in transcript.words for token in self._tokens(word.word)]
        wanted = {word: parts for word in self.words if (parts := self._tokens(word))}
        found: dict[str, list[_Place]] = defaultdict(list)
        for length, words in self._by_length(wanted).items():
            windows = [" ".join(token for token, _ in tokens[at : at + length]) for at in range(len(tokens) - length + 1)]
            for word, at, score in self._alike({word: " ".join(wanted[word]) for word in words}, windows):
                found[word].append((-score, abs(length - len(wanted[word])), at, length))
        hits = [_hit(word, place, [spoken for _, spoken in tokens]) for word, places in found.items() for place in _apart(places)]
        return sorted(hits, key=lambda hit: (hit.start, hit.end, self.words.index(hit.keyword)))

    def counts(self, hits: Sequence[Hit]) -> dict[str, int]:
        """How often each occurs, also those that do not."""
        counts = dict.fromkeys(self.words, 0)
        for hit in hits:
            counts[hit.keyword] += 1
        return counts

    def _tokens(self, text: str) -> list[str]:
        return [self._stem(token) for token in fold(text)]

    def _by_length(self, wanted: dict[str, list[str]]) -> dict[int, list[str]]:
        """Keywords by how many words in a row may be one. What is nearly alike may be a word less, or one more: "sound mill" for
        "soundmill"."""
        lengths: dict[int, list[str]] = defaultdict(list)
        for word, tokens in wanted.items():
            for length in {len(tokens)} if self.fuzzy == 1 else {len(tokens) - 1, len(tokens), len(tokens) + 1}:
                if length:
                    lengths[length].append(word)
        return lengths

    def _alike(self, wanted: dict[str, str], windows: list[str]) -> Iterator[tuple[str, int, float]]:
        """Keywords, the places of the windows they are alike enough to, and how alike."""
        places: dict[str, list[int]] = defaultdict(list)
        for at, window in enumerate(windows):
            places[window].append(at)
        for word, text in wanted.items():
            yield from ((word, at, 1.0) for at in places.get(text, ()))
        if self.fuzzy == 1:
            return
        from rapidfuzz.fuzz import ratio
        from rapidfuzz.process import cdist

        names, distinct = list(wanted), list(places)
        for start in range(0, len(distinct), _WINDOWS_AT_ONCE):
            part = distinct[start : start + _WINDOWS_AT_ONCE]
            scores = cdist([wanted[name] for name in names], part, scorer=ratio, score_cutoff=100 * self.fuzzy)
            for row, column in zip(*scores.nonzero(), strict=True):
                word, window = names[row], part[column]
                if wanted[word] != window:
                    score = min(0.9999, round(float(scores[row, column]) / 100, 4))
                    yield from ((word, at, score) for at in places[window])


def _apart(places: list[_Place]) -> list[_Place]:
    """Of places that share words, the one that is most alike; of those that are as much so, the first."""
    taken: set[int] = set()
    chosen = []
    for place in sorted(places):
        _, _, at, length = place
        if taken.isdisjoint(range(at, at + length)):
            taken.update(range(at, at + length))
            chosen.append(place)
    return chosen


def _hit(keyword: str, place: _Place, spoken: Sequence[Word]) -> Hit:
    score, _, at, length = place
    # a word with a hyphen in it may stand for several of the phrase
    words = [word for n, word in enumerate(spoken[at : at + length]) if not n or word is not spoken[at + n - 1]]
    confidence = round(fmean(word.confidence for word in words), 4)
    return Hit(keyword, words[0].start, words[-1].end, confidence, " ".join(word.word for word in words), -score)


def fold(text: str) -> list[str]:
    """Words without case and punctuation, in any script: "Don't — STOP!" is dont, stop. Vowel signs and accents belong to their letter,
    however they are written; joiners and soft hyphens are left out."""
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold().replace(_DOTTED, "i"))
    return _APOSTROPHES.sub("", plain).translate(_LETTERS).split()


def _lower(text: str) -> str:
    return unicodedata.normalize("NFC", text.lower().replace(_DOTTED, "i"))


class _Letters(dict[int, int | str | None]):
    """What `str.translate` makes of each character: letters, digits and marks stay, format characters go, all else is a blank."""

    def __missing__(self, code: int) -> int | str | None:
        kind = unicodedata.category(chr(code))
        self[code] = None if kind == "Cf" else code if kind[0] in "LNM" else " "
        return self[code]


_LETTERS = _Letters()


def _stemmer(language: str | None) -> Callable[[str], str]:
    if language is None:
        return str
    import snowballstemmer

    if language not in snowballstemmer.algorithms():
        raise KeywordsRefused(f"no stems are known of {language!r}; there are: {', '.join(snowballstemmer.algorithms())}")
    stem: Callable[[str], str] = snowballstemmer.stemmer(language).stemWord
    return stem
