"""Words and phrases, said in whatever case and spelling."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soundmill.errors import KeywordsRefused
from soundmill.speech import Keywords, Transcript, Word
from soundmill.speech.keywords import fold

SAID = "the puppies met a puppy and their mother said don't run puppies run"


def spoken(text: str) -> Transcript:
    words = tuple(Word(word, n * 0.5, n * 0.5 + 0.4, 1 - n / 100) for n, word in enumerate(text.split()))
    return Transcript(len(words) * 0.5 + 1, "m", (words,))


def counts(keywords: Keywords, text: str) -> dict[str, int]:
    return keywords.counts(keywords.hits(spoken(text)))


def test_the_example_of_the_original() -> None:
    text = " ".join(["puppy"] * 3 + ["puppies"] * 5 + ["mother", "dog"])
    keywords = Keywords.parse("puppy, puppies, mother")
    hits = keywords.hits(spoken(text))
    assert keywords.counts(hits) == {"puppy": 3, "puppies": 5, "mother": 1}
    assert len(hits) == 9
    assert [hit.start for hit in hits] == sorted(hit.start for hit in hits)


def test_words_are_trimmed_in_lower_case_once_each_in_their_order() -> None:
    assert Keywords.parse(" Zebra ,, apple,ZEBRA,  two   words ").words == ("zebra", "apple", "two words")


def test_case_and_punctuation_do_not_matter() -> None:
    assert counts(Keywords(["Don't Run!", "MOTHER,", "dont"]), SAID) == {"don't run!": 1, "mother,": 1, "dont": 1}
    assert fold("Twenty-one; DON’T… ﬁne") == ["twenty", "one", "dont", "fine"]


def test_a_phrase_has_the_time_of_its_words_and_the_mean_of_their_confidence() -> None:
    (hit,) = Keywords(["met a puppy"]).hits(spoken(SAID))
    assert (hit.start, hit.end, hit.matched, hit.score) == (1.0, 2.4, "met a puppy", 1.0)
    assert hit.confidence == pytest.approx((0.98 + 0.97 + 0.96) / 3, abs=1e-4)


def test_stems_make_forms_of_a_word_one() -> None:
    assert counts(Keywords(["puppy", "running"]), SAID) == {"puppy": 1, "running": 0}
    assert counts(Keywords(["puppy", "running"], stemming="english"), SAID) == {"puppy": 3, "running": 2}


def test_what_is_nearly_alike_is_found_with_its_score() -> None:
    hits = Keywords(["mothers", "soundmill"], fuzzy=0.8).hits(spoken("my mother has a sound mill"))
    assert [(hit.keyword, hit.matched) for hit in hits] == [("mothers", "mother"), ("soundmill", "sound mill")]
    assert all(0.8 <= hit.score < 1 for hit in hits)
    assert Keywords(["mothers"]).hits(spoken("my mother")) == []


def test_what_is_the_same_is_taken_before_what_is_nearly_alike() -> None:
    (hit,) = Keywords(["thank you"], fuzzy=0.8).hits(spoken("i thank you"))
    assert (hit.matched, hit.start, hit.score) == ("thank you", 0.5, 1.0)
    assert [hit.matched for hit in Keywords(["one"], fuzzy=0.7).hits(spoken("no one won"))] == ["one"]


def test_many_words_are_looked_for_nearly_alike_in_a_long_recording() -> None:
    said = spoken(" ".join(f"word{n % 3000}" for n in range(6000)))
    found = Keywords([f"word{n}x" for n in range(300)], fuzzy=0.9).hits(said)
    assert len(found) > 500


def test_no_place_counts_twice_for_one_phrase() -> None:
    assert counts(Keywords(["one one"]), "one one one one one") == {"one one": 2}


@pytest.mark.parametrize(
    ("words", "options"), [(["x" * 101], {}), ([str(n) for n in range(501)], {}), (["a"], {"fuzzy": 0}), (["a"], {"stemming": "klingon"})]
)
def test_what_cannot_be_looked_for_is_refused(words: list[str], options: dict[str, object]) -> None:
    with pytest.raises(KeywordsRefused):
        Keywords(words, **options)  # type: ignore[arg-type]


@given(
    st.lists(st.sampled_from(["one", "two", "three", "Four"]), max_size=40), st.lists(st.sampled_from(["one", "two", "four"]), max_size=3)
)
def test_single_words_are_counted_as_python_counts_them(said: list[str], wanted: list[str]) -> None:
    found, truth = counts(Keywords(wanted), " ".join(said)), Counter(word.lower() for word in said)
    assert found == {word: truth[word] for word in dict.fromkeys(wanted)}


def test_vowel_signs_belong_to_their_letters_in_every_script() -> None:
    hindi = "शून्य एक दो तीन चार पाँच छह सात आठ नौ"
    assert counts(Keywords.parse("चार,चोर,दो,दे,सात,सीता"), hindi) == {"चार": 1, "चोर": 0, "दो": 1, "दे": 0, "सात": 1, "सीता": 0}
    (hit,) = Keywords(["चार"]).hits(spoken(hindi))
    assert hit.matched == "चार"
    assert fold("ก็ดี ที่นี่") == ["ก็ดี", "ที่นี่"]
    assert fold("می‌روم") == fold("می\u00adروم")  # a joiner parts no word


def test_one_letter_written_in_two_ways_is_one() -> None:
    assert fold("Größe café") == fold("Gro\u0308ße cafe\u0301")
    assert counts(Keywords(["cafe\u0301"]), "ein café") == {"café": 1}


def test_turkish_capitals_have_their_dots() -> None:
    assert counts(Keywords.parse("İstanbul,İKİ"), "sıfır istanbul iki") == {"istanbul": 1, "iki": 1}


def test_a_word_with_a_hyphen_is_matched_once() -> None:
    (hit,) = Keywords(["well known"]).hits(spoken("a well-known fact"))
    assert (hit.matched, hit.confidence) == ("well-known", 0.99)
