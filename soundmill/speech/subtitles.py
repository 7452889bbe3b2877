"""The forms in which transcripts leave: SRT and WebVTT for players, CTM for scoring tools, plain text, JSON."""

import json
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from soundmill.formats.rttm import without_blanks
from soundmill.speech.transcript import Transcript, Word

_MOST_LETTERS, _MOST_LINES = 42, 2  # of a line, and of a cue
_MOST_SECONDS = 7.0  # of a cue: no longer than people care to look at one
_LONGEST_HOLE = 1.5  # seconds between two words of one cue


@dataclass(frozen=True)
class Cue:
    """What a player shows from start to end, in seconds; a text of one line or two."""

    start: float
    end: float
    text: str


def cues(transcript: Transcript) -> list[Cue]:
    """Words in cues of at most two lines of 42 letters and seven seconds, never over a pause between utterances.

    A line is longer only where a single word is.
    """
    return [Cue(words[0].start, words[-1].end, "\n".join(_lines(words))) for words in _grouped(transcript)]


def _lines(words: Sequence[Word]) -> list[str]:
    """Words in as few lines as will do, the two of a cue as even as they can be, as readers like them."""
    texts = [word.word for word in words]
    whole = " ".join(texts)
    if _width(whole) <= _MOST_LETTERS:
        return [whole]
    halves = [(" ".join(texts[:n]), " ".join(texts[n:])) for n in range(1, len(texts))]
    fitting = [half for half in halves if max(map(_width, half)) <= _MOST_LETTERS]
    if fitting:
        first, second = min(fitting, key=lambda half: abs(_width(half[0]) - _width(half[1])))
        return [first, second]
    lines = [texts[0]]
    for text in texts[1:]:
        if _width(f"{lines[-1]} {text}") <= _MOST_LETTERS:
            lines[-1] += f" {text}"
        else:
            lines.append(text)
    return lines


def _width(text: str) -> int:
    """How wide a text is: marks that stand on a letter take no room, letters of East Asia take two."""
    return sum(
        0 if unicodedata.category(one) in ("Mn", "Me", "Cf") else 2 if unicodedata.east_asian_width(one) in ("W", "F") else 1
        for one in text
    )


def _grouped(transcript: Transcript) -> Iterator[list[Word]]:
    for utterance in transcript.utterances:
        group: list[Word] = []
        for word in utterance:
            if group and (
                len(_lines([*group, word])) > _MOST_LINES
                or word.end - group[0].start > _MOST_SECONDS
                or word.start - group[-1].end > _LONGEST_HOLE
            ):
                yield group
                group = []
            group.append(word)
        if group:
            yield group


def srt(transcript: Transcript, name: str) -> str:
    """SubRip."""
    return "".join(
        f"{number}\n{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}\n{cue.text}\n\n" for number, cue in enumerate(cues(transcript), 1)
    )


def webvtt(transcript: Transcript, name: str) -> str:
    """WebVTT (https://www.w3.org/TR/webvtt1)."""
    escaped = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
    lines = [f"{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}\n{cue.text.translate(escaped)}\n\n" for cue in cues(transcript)]
    return "WEBVTT\n\n" + "".join(lines)


def ctm(transcript: Transcript, name: str) -> str:
    """NIST's CTM: recording, channel, start, length, word, confidence. In the name blanks become underscores, which CTM does not know."""
    recording = without_blanks(name)
    return "".join(
        f"{recording} 1 {word.start:.3f} {word.end - word.start:.3f} {word.word} {word.confidence:.4f}\n" for word in transcript.words
    )


def txt(transcript: Transcript, name: str) -> str:
    """A line for each utterance."""
    return "".join(" ".join(word.word for word in utterance) + "\n" for utterance in transcript.utterances)


def as_json(transcript: Transcript, name: str) -> str:
    """Text, words with times and confidence by utterance, length and model."""
    return json.dumps({"file": name, **transcript.as_json()}, ensure_ascii=False, indent=1) + "\n"


FORMS: dict[str, Callable[[Transcript, str], str]] = {"json": as_json, "srt": srt, "vtt": webvtt, "ctm": ctm, "txt": txt}


def _clock(seconds: float, point: str) -> str:
    ms = round(seconds * 1000)
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}{point}{ms % 1000:03d}"
