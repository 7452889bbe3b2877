"""Overviews of days: the same columns as the sound gives, made once."""

import numpy as np
import pytest

from soundmill.audio.tiles import TILE_COLUMNS, coarser, column_ms, spectrum_columns
from soundmill.catalog import Catalog, Ledger
from soundmill.lake import Lake
from soundmill.workflows.erasure import erase
from soundmill.workflows.listening import SoundByTime
from soundmill.workflows.listening.overview import COARSE, FINE, FOLDER, Overviews
from tests.soundmill.workflows.listening.recording import DAY, NOON, Recording, recorded


@pytest.fixture
def recording(folder_lake: Lake, sqlite_catalog: Catalog) -> Recording:
    return recorded(folder_lake, sqlite_catalog)


def test_an_overview_has_the_columns_that_the_sound_gives(recording: Recording) -> None:
    overviews = Overviews(recording.lake, recording.catalog)
    overviews.update("mic", DAY)
    for level in (FINE, 11):
        first = recording.ms // column_ms(level) - 3
        found, rate, is_whole = overviews.columns("mic", False, level, first, 16)
        sound = SoundByTime(recording.lake, recording.catalog).open("mic", recording.ms - 60_000, recording.ms + 900_000)
        wanted = spectrum_columns(sound.read, sound.sample_rate, "fft1024", level, first, 16)
        np.testing.assert_array_equal(found, wanted)
        assert (rate, is_whole) == (8000, True)


def test_a_year_is_the_maximum_of_its_days(recording: Recording) -> None:
    overviews = Overviews(recording.lake, recording.catalog)
    overviews.update("mic", DAY)
    fine, _, _ = overviews.columns("mic", False, FINE, recording.ms // column_ms(COARSE) * 64, 64)
    coarse, _, _ = overviews.columns("mic", False, COARSE, recording.ms // column_ms(COARSE), 1)
    np.testing.assert_array_equal(coarse, coarser(fine, 64))
    year, _, is_whole = overviews.columns("mic", False, 20, recording.ms // column_ms(20), 1)
    assert is_whole
    assert year.max() >= coarse.max() > 0


def test_a_day_that_did_not_change_is_not_made_again_and_one_that_grew_only_where_it_did(recording: Recording) -> None:
    overviews = Overviews(recording.lake, recording.catalog)
    assert overviews.update("mic", DAY).made > 0
    before = {entry.path: recording.lake.read_bytes(entry.path) for entry in recording.lake.files(FOLDER)}
    assert overviews.update("mic", DAY).made == 0
    assert {entry.path: recording.lake.read_bytes(entry.path) for entry in recording.lake.files(FOLDER)} == before
    for path in before:
        recording.lake.write_bytes(path, b"damaged")
    assert overviews.update("mic", DAY).made > 0
    assert {entry.path: recording.lake.read_bytes(entry.path) for entry in recording.lake.files(FOLDER)} == before


def test_without_its_day_a_tile_says_that_it_is_not_whole(recording: Recording) -> None:
    found, rate, is_whole = Overviews(recording.lake, recording.catalog).columns("mic", True, FINE, recording.ms // column_ms(FINE), 8)
    assert (int(np.abs(found).max()), rate, is_whole) == (0, 0, False)


def test_erased_sound_is_in_no_overview(recording: Recording) -> None:
    from datetime import timedelta

    from soundmill.capture.redaction import plan_redaction

    overviews = Overviews(recording.lake, recording.catalog)
    overviews.update("mic", DAY)
    erase(recording.lake, recording.catalog, plan_redaction(recording.catalog, "mic", NOON, NOON + timedelta(seconds=30)))
    assert list(recording.lake.files(FOLDER)) == []
    overviews.update("mic", DAY)
    found, _, _ = overviews.columns("mic", False, FINE, recording.ms // column_ms(FINE) + 1, 8)
    assert found.max() == 0
    assert Ledger(recording.catalog).withdrawn_spans("mic")
    assert TILE_COLUMNS == 512
