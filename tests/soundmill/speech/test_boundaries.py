"""Word boundaries move outwards to where the sound is."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soundmill.speech.boundaries import fit_to_sound
from soundmill.speech.transcript import Word


def level(*loud: tuple[float, float], seconds: float = 3.0) -> np.ndarray:
    found = np.full(round(seconds * 100), -70, np.float32)
    for start, end in loud:
        found[round(start * 100) : round(end * 100)] = -20
    return found


def test_a_word_grows_to_its_sound_and_over_short_holes() -> None:
    (word,) = fit_to_sound([Word("one", 1.1, 1.4, 1.0)], level((1.0, 1.2), (1.22, 1.5)))
    assert (word.start, word.end) == (1.0, 1.5)


def test_it_grows_by_at_most_three_tenths_and_never_into_a_neighbour() -> None:
    first, second = fit_to_sound([Word("one", 1.0, 1.2, 1.0), Word("two", 1.3, 1.5, 1.0)], level((0.0, 3.0), seconds=60.0))
    assert (first.start, first.end) == (pytest.approx(0.7), pytest.approx(1.3))
    assert second.start == pytest.approx(1.3)


def test_in_steady_noise_and_in_silence_nothing_moves() -> None:
    words = [Word("one", 1.0, 1.2, 1.0)]
    assert fit_to_sound(words, np.full(300, -30, np.float32)) == words
    assert fit_to_sound(words, np.full(300, -120, np.float32)) == words
    assert fit_to_sound(words, np.empty(0, np.float32)) == words
    assert fit_to_sound([], level()) == []


@given(st.lists(st.floats(0, 5), min_size=2, max_size=12, unique=True), st.integers(0, 2**31))
def test_words_only_grow_and_keep_their_order(edges: list[float], seed: int) -> None:
    edges = sorted(round(edge, 2) for edge in edges)
    words = [Word("x", a, b, 1.0) for a, b in zip(edges[::2], edges[1::2], strict=False) if b > a]
    fitted = fit_to_sound(words, np.random.default_rng(seed).uniform(-80, -10, 500).astype(np.float32))
    assert all(new.start <= old.start and new.end >= old.end for old, new in zip(words, fitted, strict=True))
    assert all(a.end <= b.start + 1e-9 for a, b in pairwise(fitted))
