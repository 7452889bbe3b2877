"""Subtitles and other forms, read back by what reads them elsewhere."""

import json
from itertools import pairwise

import srt as srt_library

from soundmill.speech import Transcript, Word
from soundmill.speech.subtitles import FORMS, cues


def spoken(*utterances: str, at: float = 0.25) -> Transcript:
    made = []
    for utterance in utterances:
        words = utterance.split()
        made.append(tuple(Word(word, at + n * 0.5, at + n * 0.5 + 0.4, 0.9) for n, word in enumerate(words)))
        at += len(words) * 0.5 + 1
    return Transcript(at, "m", tuple(made))


SAID = spoken("hello there", "how are <you> & yours")


def test_srt_is_read_back_by_a_parser() -> None:
    found = list(srt_library.parse(FORMS["srt"](SAID, "x")))
    assert [(one.content, one.start.total_seconds(), one.end.total_seconds()) for one in found] == [
        ("hello there", 0.25, 1.15),
        ("how are <you> & yours", 2.25, 4.65),
    ]


def test_webvtt_escapes_what_it_must() -> None:
    assert FORMS["vtt"](SAID, "x") == (
        "WEBVTT\n\n00:00:00.250 --> 00:00:01.150\nhello there\n\n00:00:02.250 --> 00:00:04.650\nhow are &lt;you&gt; &amp; yours\n\n"
    )


def test_ctm_has_a_line_for_each_word() -> None:
    assert FORMS["ctm"](SAID, "my call").splitlines()[:2] == ["my_call 1 0.250 0.400 hello 0.9000", "my_call 1 0.750 0.400 there 0.9000"]


def test_text_has_a_line_for_each_utterance_and_json_all_of_it() -> None:
    assert FORMS["txt"](SAID, "x") == "hello there\nhow are <you> & yours\n"
    assert Transcript.from_json(json.loads(FORMS["json"](SAID, "x"))) == SAID


def test_cues_are_short_enough_to_read_and_hold_every_word() -> None:
    long = spoken(" ".join(f"word{n}" for n in range(300)), at=3600.0)
    shown = cues(long)
    assert all(len(line) <= 42 for cue in shown for line in cue.text.split("\n"))
    assert all(cue.text.count("\n") <= 1 and cue.end - cue.start <= 7 for cue in shown)
    assert all(one.end <= other.start for one, other in pairwise(shown))
    assert " ".join(cue.text.replace("\n", " ") for cue in shown) == long.text
    assert "01:00:00,000 --> " in FORMS["srt"](long, "x")


def test_long_words_take_two_even_lines_and_no_more() -> None:
    said = spoken("international understanding of communication between municipalities responsibility departments")
    lines = [cue.text.split("\n") for cue in cues(said)]
    assert lines == [
        ["international understanding of", "communication between municipalities"],
        ["responsibility departments"],
    ]
    (alone,) = cues(spoken("x" * 60))
    assert alone.text == "x" * 60  # one word stays whole
    marks = "e\u0301" * 21  # letters with an accent beside them are as wide as without
    assert [cue.text for cue in cues(spoken(f"{marks} {marks[:-2]}"))] == [f"{marks} {marks[:-2]}"]


def test_nothing_said_is_an_empty_file_of_its_kind() -> None:
    empty = Transcript(1.0, "m", ())
    assert {form: FORMS[form](empty, "x") for form in ("srt", "vtt", "ctm", "txt")} == {
        "srt": "",
        "vtt": "WEBVTT\n\n",
        "ctm": "",
        "txt": "",
    }
