"""Pictures of a day of segments are PNGs that show what the numbers say."""

import io

import numpy as np
from PIL import Image

from soundmill.audio import wav_bytes
from soundmill.capture import SEGMENTS
from soundmill.capture.coverage import Span
from soundmill.capture.pictures import coverage_picture, levels_picture, segments_picture
from soundmill.catalog import Catalog
from soundmill.lake import Lake
from soundmill.plots import WARM
from tests.soundmill.capture.landed import DAY, land


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), np.int16)


def share_of(colour: str, png: bytes) -> float:
    wanted = np.array([int(colour[n : n + 2], 16) for n in (1, 3, 5)])
    return float((np.abs(pixels(png) - wanted).max(axis=2) < 12).mean())


def test_the_spectrograms_of_a_day_show_its_sound(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    land(folder_lake, sqlite_catalog, [0, 1, 2])
    segments = folder_lake.read_days(SEGMENTS, [DAY])
    loud = segments_picture(folder_lake, segments)
    for path in segments["path"].to_pylist():
        folder_lake.write_bytes(path, wav_bytes(np.zeros(24_000, np.int16), 8000))
    assert pixels(loud).mean() > pixels(segments_picture(folder_lake, segments)).mean() + 5  # magma is black where nothing sounds


def test_levels_are_drawn_whatever_there_is() -> None:
    for amps in ([], [0], [1, 32_767], [32_768]):
        assert pixels(levels_picture(amps, -48.0)).std() > 0


def test_what_is_missing_stands_out_and_where_nothing_is_missing_nothing_does() -> None:
    whole = {"porch": [Span(0.0, 43_200.0, "ready"), Span(43_200.0, 43_200.0, "ready")]}
    gap = {"porch": [Span(0.0, 20_000.0, "ready"), Span(60_000.0, 26_400.0, "ready")]}
    assert share_of(WARM, coverage_picture(gap)) > 3 * share_of(WARM, coverage_picture(whole))
