"""Word errors: what was understood against what was said."""

from soundmill.speech.word_errors import parse_references, word_errors


def test_word_errors_of_the_fewest_edits() -> None:
    found = word_errors("The cat sat on the mat.", "the cat sat the mat today")
    assert (found.correct, found.substituted, found.deleted, found.inserted, found.rate) == (5, 0, 1, 1, 2 / 6)
    assert word_errors("", "").rate == 0.0
    assert word_errors("", "one").rate == 1.0
    assert word_errors("one two", "").rate == 1.0
    assert word_errors("don't", "dont").errors == 0


def test_references_are_read_as_librispeech_writes_them() -> None:
    assert parse_references("84-121123-0000 GO DO YOU HEAR\n\n84-121123-0001 BUT\nempty\n") == {
        "84-121123-0000": "GO DO YOU HEAR",
        "84-121123-0001": "BUT",
    }
