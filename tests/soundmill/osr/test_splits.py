"""Copies of a recording are found through gain, codec and speed; repeats of a sound are not taken for copies."""

import io
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import soxr

from soundmill.audio import read_samples
from soundmill.osr.splits import Leak, components, groups_with_copies, near_duplicates, same_content, suggest_test_days
from soundmill.scene import RATE, babble, dog, doorbell, microwave, telephone
from tests.soundmill.osr.fingerprints import fingerprints


def through(sound: np.ndarray, format: str, subtype: str) -> np.ndarray:
    file = io.BytesIO()
    sf.write(file, sound, RATE, format=format, subtype=subtype)
    file.seek(0)
    return sf.read(file, dtype="float32")[0]


SPEECH = babble(np.random.default_rng(1))
COPIES = {
    "softer": SPEECH * 0.25,
    "mp3": through(SPEECH, "MP3", "MPEG_LAYER_III"),
    "vorbis": through(SPEECH, "OGG", "VORBIS"),
    "slower": soxr.resample(SPEECH, 100, 101),
    "cut": SPEECH[20_000:120_000],
}


@pytest.mark.parametrize("how", COPIES)
def test_a_copy_is_found(how: str) -> None:
    found = near_duplicates(fingerprints(original=SPEECH, another=babble(np.random.default_rng(2))), fingerprints(copy=COPIES[how]))
    assert [(leak.training, leak.test) for leak in found] == [("original", "copy")]


@pytest.mark.parametrize("how", ["softer", "mp3", "vorbis", "cut"])
def test_a_copy_is_found_where_there_are_too_many_sounds_to_compare_each_with_each(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    others = {f"other {n}": babble(np.random.default_rng(n)) for n in range(2, 5)}
    marks = fingerprints(another=others["other 2"], copy=COPIES[how])
    compared = near_duplicates(fingerprints(original=SPEECH, **others), marks)
    monkeypatch.setattr("soundmill.osr.splits._MOST_PRODUCTS", 1_000)
    assert near_duplicates(fingerprints(original=SPEECH, **others), marks) == compared
    assert ("original", "copy") in [(leak.training, leak.test) for leak in compared]


@pytest.mark.parametrize("percent", [-2, -1, 1, 2])
def test_a_copy_of_real_speech_at_another_speed_is_found(data: Path, percent: int) -> None:
    names = ("LJ002-0020.wav", "LJ002-0035.wav", "cards_002.wav")
    speech = {name: read_samples(data / "speech" / name, RATE)[0] for name in names}
    copies = {f"copy of {name}": soxr.resample(sound, 100, 100 + percent) for name, sound in speech.items()}
    found = {(leak.training, leak.test) for leak in near_duplicates(fingerprints(**speech), fingerprints(**copies))}
    assert found == {(name, f"copy of {name}") for name in names}


@pytest.mark.parametrize("machine", [doorbell, microwave, telephone, dog])
def test_another_strike_of_the_same_bell_is_no_copy(machine: Callable[[np.random.Generator], np.ndarray]) -> None:
    rng = np.random.default_rng(5)
    strikes = {f"strike {n}": np.resize(machine(rng), 2 * RATE) for n in range(12)}
    marks = fingerprints(**strikes)
    assert near_duplicates(marks, marks) == []


def test_a_sound_is_no_copy_of_itself_and_a_short_one_cannot_be_told() -> None:
    marks = fingerprints(a=SPEECH, short=SPEECH[:40_000])
    assert near_duplicates(marks, marks) == []
    assert near_duplicates(fingerprints(a=SPEECH), fingerprints(b=np.zeros(100))) == []


def test_real_recordings_are_no_copies_of_one_another(data: Path) -> None:
    clips = sorted((data / "esc10" / "006 - Person sneeze").iterdir())
    sounds = {clip.stem: read_samples(clip)[0] for clip in clips if clip.name.split("-")[0] in "12"}
    marks = fingerprints(**{name: sound[: int(np.flatnonzero(np.abs(sound) > 1e-4)[-1]) + 1] for name, sound in sounds.items()})
    sources = {frozenset((leak.training.split("-")[1], leak.test.split("-")[1])) for leak in near_duplicates(marks, marks)}
    assert all(len(pair) == 1 for pair in sources)


def test_groups_with_a_copy_between_them_become_one() -> None:
    marks = fingerprints(a=SPEECH, b=COPIES["softer"], c=babble(np.random.default_rng(3)))
    assert groups_with_copies(marks, ["x", "y", "z"]) == ["x", "x", "z"]
    assert components([{"a", "b"}, {"c"}, {"b", "d"}, {"d", "e"}]) == ["a", "c", "a", "a"]


def test_the_same_samples_are_the_same_segment() -> None:
    assert same_content([("a", "1"), ("b", "2")], [("x", "2"), ("y", "3")]) == [Leak("b", "x", 1.0)]


FIRST = date(2025, 1, 1)
SIX = [FIRST + timedelta(days=n) for n in range(6)]


def test_a_suggested_split_tests_three_in_ten_and_the_latest_days() -> None:
    assert suggest_test_days({day: {"owl": 4, "fox": 4} for day in SIX}) == set(SIX[4:])


def test_every_tag_is_on_both_sides_where_it_can_be() -> None:
    counts = {day: {"owl": 4, **({"fox": 3} if day in SIX[:2] else {})} for day in SIX}
    test = suggest_test_days(counts)
    assert len(test & set(SIX[:2])) == 1
    once = suggest_test_days({**counts, SIX[0]: {"owl": 4, "fox": 3, "rare": 1}})
    assert SIX[0] not in once  # what is on one day alone is learned, and not tested


def test_days_that_belong_together_stay_on_one_side() -> None:
    counts = {day: {"owl": 4} for day in SIX}
    for pair in ((SIX[4], SIX[5]), (SIX[3], SIX[5])):
        test = suggest_test_days(counts, [pair])
        assert len(test & set(pair)) in (0, 2)
    assert suggest_test_days(counts, [SIX]) == set()  # nothing can be split
    assert suggest_test_days({FIRST: {"owl": 4}}) == suggest_test_days({}) == set()
