"""Words lie in order and inside their file, whatever a recogniser says."""

import json

from hypothesis import given
from hypothesis import strategies as st

from soundmill.speech.transcript import Transcript, Word, in_order

TIMES = st.floats(-5, 40, allow_nan=False)
WORDS = st.lists(st.builds(Word, st.sampled_from(["one", "two"]), TIMES, TIMES, st.floats(-1, 2)), max_size=12)


@given(st.lists(WORDS, max_size=5), st.floats(0.0001, 30))
def test_any_words_end_up_in_order_and_inside_the_file(utterances: list[list[Word]], seconds: float) -> None:
    placed = in_order(utterances, seconds)
    end = 0.0
    for word in (word for utterance in placed for word in utterance):
        assert 0 <= end <= word.start < word.end <= seconds
        assert 0 <= word.confidence <= 1
        end = word.end
    assert all(placed)
    if seconds > 1:
        assert sum(map(len, placed)) == sum(map(len, utterances))


def test_words_that_lie_well_stay_where_they_are() -> None:
    said = ((Word("one", 0.3, 0.61, 1.0), Word("two", 0.61, 0.9, 0.5)), (Word("three", 2.0, 2.4, 1.0),))
    assert in_order(said, 3.0) == said


def test_a_word_that_ends_beyond_the_file_ends_with_it() -> None:
    (last,) = in_order([[Word("one", 0.3, 0.6, 1.0), Word("two", 0.95, 1.2, 1.0)]], 1.0)
    assert (last[-1].start, last[-1].end) == (0.95, 0.999)


def test_a_transcript_is_stored_and_read_again() -> None:
    made = Transcript(3.0, "digits-1", ((Word("señor", 0.3, 0.6, 0.9),), (Word("two", 2.0, 2.5, 1.0),)))
    assert made.text == "señor two"
    assert Transcript.from_json(json.loads(made.to_bytes())) == made
