"""How likely a tag is at each hour of the day."""

import numpy as np
import pytest

from soundmill.osr.time_of_day import GRID, time_model, weight_at


def test_an_hour_model_of_few_sounds_is_flat() -> None:
    np.testing.assert_array_equal(time_model(np.full(19, 7.0)), np.full(73, 0.1))


def test_an_hour_model_peaks_where_the_sounds_are_and_wraps_at_midnight() -> None:
    weights = time_model(np.full(40, 0.0))
    assert len(GRID) == 73
    assert weights[0] == weights[-1] == 1.0
    assert weights.min() == pytest.approx(0.1)  # never more than ten times less likely
    assert weight_at(weights, np.array([23.9]))[0] == pytest.approx(weight_at(weights, np.array([0.1]))[0])
    # one bump of height 40 e^(-h^2 / 0.5), clipped at 10: ten is left at h = sqrt(0.5 ln 4) = 0.83 hours
    assert weight_at(weights, np.array([2 / 3]))[0] == 1.0
    assert weight_at(weights, np.array([1.0]))[0] == pytest.approx(40 * np.exp(-2) / 10, rel=1e-6)
