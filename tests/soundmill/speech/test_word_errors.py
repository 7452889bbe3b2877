"""Word errors: what was understood against what was said."""

import unicodedata

from soundmill.speech.word_errors import parse_references, reference_name, word_errors


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


def test_other_words_count_in_every_script() -> None:
    found = word_errors("शून्य एक दे तीन चोर पाँच छह सीता आठ नौ", "शून्य एक दो तीन चार पाँच छह सात आठ नौ")
    assert (found.spoken, found.substituted, found.rate) == (10, 3, 0.3)


def test_references_saved_by_an_editor_with_a_mark_keep_their_first_line() -> None:
    assert parse_references("\ufeffone SEVEN\r\ntwo ONE TWO\r\n") == {"one": "SEVEN", "two": "ONE TWO"}


def test_a_reference_is_found_however_its_recording_s_name_is_spelled() -> None:
    decomposed = unicodedata.normalize("NFD", "Größe")
    assert parse_references(f"{decomposed} eins zwei") == {"Größe": "eins zwei"}
    assert reference_name(decomposed) == "Größe"
