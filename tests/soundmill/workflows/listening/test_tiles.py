"""Tiles of a source: the same bytes in any order, from sound or from overviews."""

import gzip
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from soundmill.audio.tiles import tile_ms
from soundmill.catalog import Catalog, open_catalog
from soundmill.lake import Lake, open_lake
from soundmill.workflows.listening import Tiles
from soundmill.workflows.listening.overview import Overviews
from soundmill.workflows.listening.tiles import PEAKS
from tests.soundmill.workflows.listening.recording import DAY, Recording, recorded


@pytest.fixture
def recording(folder_lake: Lake, sqlite_catalog: Catalog) -> Recording:
    return recorded(folder_lake, sqlite_catalog)


def wanted(recording: Recording) -> list[tuple[str, int, int]]:
    return [
        (recipe, level, recording.ms // tile_ms(level) + offset)
        for recipe in ("fft512", "fft1024", PEAKS)
        for level in (0, 2, 5, 9)
        for offset in (0, 1)
    ]


def test_the_order_of_requests_changes_no_byte(recording: Recording) -> None:
    Overviews(recording.lake, recording.catalog).update("mic", DAY)
    asked = wanted(recording)
    first = Tiles(recording.lake, recording.catalog)
    bytes_of = {one: gzip.decompress(first.get("mic", *one).data) for one in asked}
    random.Random(3).shuffle(asked)
    second = Tiles(recording.lake, recording.catalog)
    with ThreadPoolExecutor(4) as pool:
        again = dict(zip(asked, pool.map(lambda one: gzip.decompress(second.get("mic", *one).data), asked), strict=True))
    assert again == bytes_of
    assert any(np.frombuffer(data, np.uint8).max(initial=0) for data in bytes_of.values())


def test_a_tile_over_joined_segments_is_the_tile_of_the_stream(recording: Recording, tmp_path: Path) -> None:
    whole = recorded(open_lake(str(tmp_path / "whole")), open_catalog(f"sqlite:///{tmp_path}/whole.db"), samples=40 * 8000)
    one, other = Tiles(recording.lake, recording.catalog), Tiles(whole.lake, whole.catalog)
    for asked in wanted(recording):
        if asked[1] < 9:  # above that from overviews
            assert gzip.decompress(one.get("mic", *asked).data) == gzip.decompress(other.get("mic", *asked).data)
    whole.catalog.close()


def test_where_there_is_no_sound_a_tile_is_empty(recording: Recording) -> None:
    tile = Tiles(recording.lake, recording.catalog).get("mic", "fft1024", 3, recording.ms // tile_ms(3) + 100_000)
    assert (gzip.decompress(tile.data), tile.sample_rate) == (b"", 0)
