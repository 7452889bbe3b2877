"""Levels, against numbers worked out by hand."""

import numpy as np
import pytest

from soundmill.audio import amplitude, dbfs, levels


def test_the_gate_of_the_original_is_130_steps() -> None:
    assert amplitude(-48.0) == 130


def test_levels_of_a_square_wave() -> None:
    found = levels(np.array([1000, -1000] * 50, np.int16))
    assert found.max_amp == 1000
    assert found.rms == pytest.approx(1000 / 32_767)
    assert found.dc == 0
    assert found.clipped == 0
    assert found.peak_dbfs == pytest.approx(-30.31, abs=0.01)


def test_clipping_offset_and_the_lowest_value_are_seen() -> None:
    found = levels(np.array([32_767, -32_768, 0, 100], np.int16))
    assert found.max_amp == 32_768
    assert found.clipped == 2
    assert levels(np.full(10, 500, np.int16)).dc == pytest.approx(500 / 32_767)


def test_silence_is_digital_silence_only_when_every_sample_is_zero() -> None:
    assert levels(np.zeros(10, np.int16)).digital_silence
    assert not levels(np.array([0, 1], np.int16)).digital_silence
    assert levels(np.empty(0, np.int16)).digital_silence
    assert dbfs(0) == -np.inf
