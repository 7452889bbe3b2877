"""How many words a transcript got wrong, compared with a reference."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from soundmill.speech.keywords import fold

_LINE = re.compile(r"(\S+)\s+(.*)")


@dataclass(frozen=True)
class WordErrors:
    """Words of the reference that were recognised, recognised wrongly, or missed, and words that were not in it."""

    correct: int = 0
    substituted: int = 0
    deleted: int = 0
    inserted: int = 0

    @property
    def spoken(self) -> int:
        """Words of the reference."""
        return self.correct + self.substituted + self.deleted

    @property
    def errors(self) -> int:
        """Whatever is wrong."""
        return self.substituted + self.deleted + self.inserted

    @property
    def rate(self) -> float:
        """The word error rate; without any word in the reference 0, or 1 where words were recognised all the same."""
        return self.errors / self.spoken if self.spoken else float(self.inserted > 0)

    def __add__(self, other: "WordErrors") -> "WordErrors":
        return WordErrors(
            self.correct + other.correct,
            self.substituted + other.substituted,
            self.deleted + other.deleted,
            self.inserted + other.inserted,
        )


def word_errors(reference: str, recognised: str) -> WordErrors:
    """What differs in the alignment with the fewest errors; case and punctuation do not count."""
    spoken, found = fold(reference), fold(recognised)
    if not spoken or not found:  # which jiwer refuses
        return WordErrors(deleted=len(spoken), inserted=len(found))
    import jiwer

    result = jiwer.process_words(" ".join(spoken), " ".join(found))
    return WordErrors(result.hits, result.substitutions, result.deletions, result.insertions)


def character_errors(reference: str, recognised: str) -> float:
    """The character error rate, with blanks between words; case and punctuation do not count."""
    spoken, found = " ".join(fold(reference)), " ".join(fold(recognised))
    if not spoken or not found:
        return float(bool(spoken or found))
    import jiwer

    return float(jiwer.process_characters(spoken, found).cer)


def reference_name(recording: str) -> str:
    """A recording's name as references are found by: in Unicode's composed form, however its file system spells it."""
    return unicodedata.normalize("NFC", recording)


def parse_references(text: str) -> dict[str, str]:
    """References by the name of the recording without its ending, as LibriSpeech writes them: a name, a blank, and its words."""
    return {
        reference_name(found[1]): found[2].strip()
        for line in text.removeprefix("\ufeff").splitlines()
        if (found := _LINE.match(line.strip()))
    }


def total(found: Iterable[WordErrors]) -> WordErrors:
    """The sum."""
    return sum(found, WordErrors())
