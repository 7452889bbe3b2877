"""Tiles: absolute time, levels of detail, bytes that mean decibels."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soundmill.audio.tiles import RECIPES, Read, coarser, coarser_peaks, column_ms, peak_columns, spectrum_columns, tile_ms

RATE = 16_000
NOON = 1_767_614_400  # seconds since 1970


def reading(samples: npt.NDArray[np.int16], first: int = NOON * RATE, gaps: tuple[tuple[int, int], ...] = ()) -> Read:
    """Samples from a moment on, but for gaps (in samples of them)."""
    covered = np.ones(len(samples), bool)
    for begin, stop in gaps:
        covered[begin:stop] = False
    sound = np.where(covered, samples, 0).astype(np.int16)

    def read(at: int, count: int) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.bool_]]:
        out, there = np.zeros(count, np.int16), np.zeros(count, bool)
        left, right = max(at, first), min(at + count, first + len(sound))
        if right > left:
            out[left - at : right - at] = sound[left - first : right - first]
            there[left - at : right - at] = covered[left - first : right - first]
        return out, there

    return read


NOISE = np.random.default_rng(0).integers(-9000, 9000, 60 * RATE).astype(np.int16)


def column_at(seconds: float, level: int) -> int:
    return int(1000 * (NOON + seconds) // column_ms(level))


def test_a_sine_of_full_scale_is_0_db_in_the_row_of_its_frequency() -> None:
    for hertz in (500, 3000, 7000):
        sine = np.rint(32_767 * np.sin(2 * np.pi * hertz * np.arange(RATE) / RATE)).astype(np.int16)
        (column,) = spectrum_columns(reading(sine), RATE, "fft1024", 2, column_at(0.5, 2), 1)
        assert column.max() in (254, 255)
        assert abs(int(column.argmax()) - hertz / (RATE / 2) * 256) <= 1


def test_no_sound_is_0_and_silence_is_not() -> None:
    quiet = np.zeros(RATE * 10, np.int16)
    read = reading(quiet, gaps=((2 * RATE, 4 * RATE),))
    columns = spectrum_columns(read, RATE, "fft512", 3, column_at(0, 3), 10_000 // column_ms(3))
    at = np.arange(len(columns)) * column_ms(3) / 1000
    assert (columns[(at > 2.1) & (at < 3.8)] == 0).all()
    assert (columns[(at > 4.1) & (at < 9.8)] == 1).all()
    assert (peak_columns(read, RATE, 3, column_at(-60, 3), 16) == 0).all()


@settings(max_examples=15)
@given(level=st.integers(0, 8), offset=st.integers(0, 400), count=st.integers(1, 60))
def test_columns_are_the_same_whatever_is_asked_for_together(level: int, offset: int, count: int) -> None:
    read, first = reading(NOISE), column_at(5, level) + offset % 7
    together = spectrum_columns(read, RATE, "fft1024", level, first, count)
    split = 1 + offset % count
    parts = [spectrum_columns(read, RATE, "fft1024", level, first + at, min(split, count - at)) for at in range(0, count, split)]
    np.testing.assert_array_equal(together, np.concatenate(parts))


@settings(max_examples=10)
@given(level=st.integers(3, 5), up=st.integers(1, 3), at=st.floats(0, 30))
def test_a_coarser_column_is_the_maximum_of_the_finer_ones(level: int, up: int, at: float) -> None:
    read, first = reading(NOISE), column_at(at, level + up)
    coarse = spectrum_columns(read, RATE, "fft512", level + up, first, 5)
    fine = spectrum_columns(read, RATE, "fft512", level, first << up, 5 << up)
    np.testing.assert_array_equal(coarse, coarser(fine, 1 << up))
    np.testing.assert_array_equal(
        peak_columns(read, RATE, level + up, first, 5), coarser_peaks(peak_columns(read, RATE, level, first << up, 5 << up), 1 << up)
    )


def test_a_short_faint_call_stays_visible_in_an_overview() -> None:
    call = np.zeros(60 * RATE, np.int16)
    call[30 * RATE : 30 * RATE + 400] = NOISE[:400]
    columns = spectrum_columns(reading(call), RATE, "fft1024", 12, column_at(0, 12), 4)
    assert columns.max() > 150


def test_peaks_hold_every_sample() -> None:
    pulse = np.zeros(4 * RATE, np.int16)
    pulse[12_345], pulse[40_000] = 32_767, -32_768
    peaks = peak_columns(reading(pulse), RATE, 5, column_at(0, 5), 4000 // column_ms(5))
    assert (peaks[:, 1].max(), peaks[:, 0].min()) == (127, -128)
    assert int(peaks[:, 1].argmax()) == int(12_345 / RATE * 1000 // (column_ms(5) / 2))


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("rate", [8000, 44_100, 192_000])
def test_every_recipe_works_at_every_rate(recipe: str, rate: int) -> None:
    noise = np.random.default_rng(1).integers(-9000, 9000, rate).astype(np.int16)
    columns = spectrum_columns(reading(noise, NOON * rate), rate, recipe, 1, column_at(0.2, 1), 20)
    assert columns.shape == (20, 128 if recipe == "mel128" else 256)
    assert columns.min() > 60


def test_a_tile_has_512_columns_of_its_level() -> None:
    assert [tile_ms(level) for level in (0, 3, 9)] == [2048, 16_384, 1_048_576]
