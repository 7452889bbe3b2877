"""What is chosen to be labelled: something of every kind while it is cold, then what is least sure, and never one burst alone."""

import numpy as np
import pytest

from soundmill.labelling.choosing import at_random, least_sure, near_copies, projected, session_margin, typical

RNG = np.random.default_rng(2)


def blobs(sizes: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Points around corners far from each other, and to which corner each belongs."""
    centres = 20 * np.eye(len(sizes), 8)
    kinds = np.repeat(np.arange(len(sizes)), sizes)
    return centres[kinds] + RNG.normal(size=(len(kinds), 8)), kinds


def test_what_is_typical_covers_every_kind_and_the_large_ones_first() -> None:
    vectors, kinds = blobs([100, 60, 30, 10])
    picks = typical(vectors, [], 4)
    assert [kinds[pick.index] for pick in picks] == [0, 1, 2, 3]
    assert [round(pick.score or 0, 2) for pick in picks] == [0.5, 0.3, 0.15, 0.05]
    centre = vectors[kinds == 0].mean(axis=0)
    assert np.linalg.norm(vectors[picks[0].index] - centre) < np.median(np.linalg.norm(vectors[kinds == 0] - centre, axis=1))


def test_kinds_that_have_a_label_come_last() -> None:
    vectors, kinds = blobs([100, 60, 30])
    labelled = [0, 1]  # of the largest
    picks = typical(vectors, labelled, 2, seed=1)
    assert {int(kinds[pick.index]) for pick in picks} >= {1}
    assert not {pick.index for pick in picks} & set(labelled)
    assert typical(vectors, list(range(190)), 3) == []
    assert typical(np.empty((0, 8)), [], 3) == []


def test_the_least_sure_come_first_and_no_burst_fills_the_batch() -> None:
    margins = np.array([0.01, 0.02, 0.03, 0.04, 0.2, 0.5])
    vectors = RNG.normal(size=(6, 16))
    hours = ["a", "a", "a", "b", "b", "b"]
    picks = least_sure(margins, [0], 3, burst=hours, vectors=vectors)
    assert [pick.index for pick in picks] == [1, 2, 3]
    assert [pick.index for pick in least_sure(margins, [], 3, burst=hours, vectors=vectors)] == [0, 1, 3]
    copies = np.concatenate([vectors[:1] * 2, vectors[:1], vectors[2:]])
    assert [pick.index for pick in least_sure(margins, [], 3, burst=range(6), vectors=copies)] == [0, 2, 3]
    assert [pick.index for pick in least_sure(margins, [], 9, burst=["a"] * 6, vectors=vectors)] == [0, 1, 2, 3, 4, 5]  # never too few
    assert picks[0].score == pytest.approx(0.02)


def test_chance_leaves_out_what_is_labelled_and_is_the_same_again() -> None:
    picks = at_random(10, [1, 2, 3], 20, seed=4)
    assert sorted(pick.index for pick in picks) == [0, 4, 5, 6, 7, 8, 9]
    assert picks == at_random(10, [1, 2, 3], 20, seed=4)
    assert picks != at_random(10, [1, 2, 3], 20, seed=5)


def test_near_copies_are_known_whatever_their_level() -> None:
    vectors = RNG.normal(size=(5, 32))
    of = np.stack([3 * vectors[2] + 0.01 * RNG.normal(size=32)])
    assert near_copies(vectors, of).tolist() == [False, False, True, False, False]
    assert near_copies(vectors, np.empty((0, 32))).tolist() == [False] * 5


def test_a_stretch_is_as_unsure_as_its_three_hardest_moments() -> None:
    assert session_margin(np.array([0.9, 0.1, 0.2, 0.3, 0.8])) == pytest.approx(0.2)
    assert session_margin(np.array([0.4])) == pytest.approx(0.4)


def test_vectors_are_scaled_and_projected() -> None:
    found = projected(RNG.normal(size=(100, 60)) * np.geomspace(1, 1e6, 60))
    assert found.shape == (100, 48)
    assert projected(RNG.normal(size=(3, 60))).shape == (3, 3)
