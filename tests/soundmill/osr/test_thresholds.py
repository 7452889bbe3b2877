"""Thresholds, the hour of the day, and the choice of data, worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soundmill.osr.thresholds import balanced_threshold, percentile_threshold, precision_threshold, quantile_threshold, sound_costs


def test_a_sound_is_believed_when_more_than_half_of_its_vectors_pass() -> None:
    costs = np.array([1.0, 2, 3, 4, 10, 20, 30])
    owner = np.array([0, 0, 0, 0, 1, 1, 1])
    np.testing.assert_array_equal(sound_costs(costs, owner, 3), [3.0, 20.0, np.inf])  # 3 of 4, 2 of 3, nothing heard


@given(st.lists(st.tuples(st.integers(0, 4), st.floats(-50, 50)), min_size=1, max_size=60), st.floats(-60, 60))
def test_the_sound_cost_is_the_least_threshold_that_passes(pairs: list[tuple[int, float]], threshold: float) -> None:
    owner, costs = np.array([o for o, _ in pairs]), np.array([c for _, c in pairs])
    for sound, cost in enumerate(sound_costs(costs, owner, 5)):
        mine = costs[owner == sound]
        assert (cost <= threshold) == (len(mine) > 0 and (mine <= threshold).mean() > 0.5)


def test_without_background_the_60th_percentile() -> None:
    assert percentile_threshold(np.arange(101.0)) == 60.0


def test_the_best_precision_after_the_least_recall_is_taken() -> None:
    # walking up: tag, tag, other, tag, tag, tag, other; recall .6 is reached at the third tag, precision peaks at the fifth
    costs = np.arange(1.0, 8.0)
    is_tag = np.array([1, 1, 0, 1, 1, 1, 0], bool)
    assert precision_threshold(costs, is_tag) == 6.0


def test_from_a_perfect_start_it_goes_on_while_precision_lasts() -> None:
    is_tag = np.array([1] * 20 + [0] + [1] * 5 + [0] * 10, bool)
    # precision at the start (12 tags) is 1; .95 of it still holds at the 26th sound, 25/26, and at the 27th no more, 25/27
    assert precision_threshold(np.arange(36.0), is_tag) == 25.0


def test_sounds_without_vectors_never_set_the_threshold() -> None:
    assert precision_threshold(np.array([1.0, 2.0, np.inf]), np.array([1, 1, 1], bool)) == 2.0
    assert precision_threshold(np.array([np.inf]), np.array([True])) == -np.inf


def test_scores_that_nothing_was_fitted_to_make_the_thresholds() -> None:
    scores, right = np.array([5.0, 4, 3, 2, 1, 0.5, 0.2, 0.1, 9, 9]), np.array([1] * 8 + [0] * 2, bool)
    assert quantile_threshold(scores, right, 0.5) == 1.0  # five of ten, under their right names
    assert quantile_threshold(scores, right, 0.9) == 0.1  # only eight are named rightly at all
    known, unknown = np.full(20, 4.0), np.zeros(20)
    assert 1 < balanced_threshold(known, np.ones(20, bool), unknown) < 3
    assert balanced_threshold(known, np.ones(20, bool), np.full(20, 3.9), 0.01) == pytest.approx(3.95, abs=0.05)
