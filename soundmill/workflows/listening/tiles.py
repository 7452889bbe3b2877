"""Tiles of any source at any level: from its sound up to some minutes, above that from the overviews that the day run writes."""

import gzip
import threading
from collections import OrderedDict
from dataclasses import dataclass

from soundmill.audio.tiles import TILE_COLUMNS, peak_columns, spectrum_columns, tile_ms
from soundmill.catalog import Catalog
from soundmill.errors import NoAudio
from soundmill.lake import Lake
from soundmill.workflows.listening.overview import Overviews
from soundmill.workflows.listening.sound import SoundByTime

PEAKS = "peaks"
_FROM_SOUND = 8  # the highest level that is made on demand: 8.7 minutes
_MEMORY = 64 << 20


@dataclass(frozen=True)
class Tile:
    """A tile as gzip of its bytes, the rate of its sound in Hz (0 where there is none), and whether all of it could be made."""

    data: bytes
    sample_rate: int
    is_whole: bool = True


class Tiles:
    """Tiles, kept in memory for as long as there is room. Safe to use from many threads."""

    def __init__(self, lake: Lake, catalog: Catalog) -> None:
        self._sound, self._overviews = SoundByTime(lake, catalog), Overviews(lake, catalog)
        self._kept: OrderedDict[tuple[str, str, int, int, str], Tile] = OrderedDict()
        self._lock, self._size = threading.Lock(), 0

    def get(self, source: str, recipe: str, level: int, index: int) -> Tile:
        """The tile number `index` of a level; of a recipe of `audio.tiles`, or `peaks`."""
        start = index * tile_ms(level)
        mark = self._sound.mark(source, start, start + tile_ms(level))
        key = (source, recipe, level, index, mark)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        tile = self._made(source, recipe, level, index)
        if tile.is_whole:
            self._keep(key, tile)
        return tile

    def _made(self, source: str, recipe: str, level: int, index: int) -> Tile:
        start, end = index * tile_ms(level), (index + 1) * tile_ms(level)
        first = index * TILE_COLUMNS
        if level > _FROM_SOUND and "/" not in source:
            found, rate, is_whole = self._overviews.columns(source, recipe == PEAKS, level, first, TILE_COLUMNS)
            return Tile(gzip.compress(found.tobytes(), 1), rate, is_whole)
        try:
            sound = self._sound.open(source, start, end)
        except NoAudio:
            return Tile(gzip.compress(b"", 1), 0)
        if recipe == PEAKS:
            data = peak_columns(sound.read, sound.sample_rate, level, first, TILE_COLUMNS).tobytes()
        else:
            data = spectrum_columns(sound.read, sound.sample_rate, recipe, level, first, TILE_COLUMNS).tobytes()
        return Tile(gzip.compress(data, 1), sound.sample_rate)

    def _keep(self, key: tuple[str, str, int, int, str], tile: Tile) -> None:
        with self._lock:
            if key not in self._kept:
                self._kept[key] = tile
                self._size += len(tile.data)
            while self._size > _MEMORY:
                _, old = self._kept.popitem(last=False)
                self._size -= len(old.data)
