"""Overviews of whole days: columns too long to be made while somebody waits, written by the day run, two blobs a source and day.

One holds the columns of level 9 (two seconds each) that touch the day, and their peaks; the other those of level 15 (two minutes). Tiles
whose segments did not change are taken over, so that a day that grows costs what is new.
"""

import gzip
import io
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from soundmill.audio.tiles import (
    ROWS,
    TILE_COLUMNS,
    coarser,
    coarser_peaks,
    column_ms,
    peak_columns,
    spectrum_columns,
    tile_ms,
)
from soundmill.catalog import Catalog, Item, SoundIndex
from soundmill.errors import NotInLake
from soundmill.fingerprint import digest
from soundmill.lake import Lake
from soundmill.times import from_ms, midnight, to_ms
from soundmill.workflows.listening.sound import SoundByTime

FOLDER = "overviews"
RECIPE = "fft1024"
FINE, COARSE = 9, 15
_CODE = 1  # goes up when the same sound would give other columns


@dataclass(frozen=True)
class DayOverview:
    """How many tiles of a source's day were made now, and how many were taken over."""

    source: str
    made: int
    kept: int


class Overviews:
    """The overviews of every source."""

    def __init__(self, lake: Lake, catalog: Catalog) -> None:
        self._lake, self._index, self._sound = lake, SoundIndex(catalog), SoundByTime(lake, catalog)

    def update(self, source: str, day: date) -> DayOverview:
        """Brings the overview of a source's day up to its segments."""
        mark = next((one.mark for one in self._index.days(source, day, day)), "")
        begin, stop = to_ms(midnight(day)), to_ms(midnight(day + timedelta(days=1)))
        numbers = range(begin // tile_ms(FINE), -(-stop // tile_ms(FINE)))
        items = self._index.segments(source, from_ms(numbers[0] * tile_ms(FINE)), from_ms((numbers[-1] + 1) * tile_ms(FINE)))
        before = self._read(source, day, FINE)
        tiles: dict[int, _Tile] = {}
        made, rates = 0, [0]
        for number in numbers:
            start = number * tile_ms(FINE)
            touching = [one for one in items if _reaches(one, start, start + tile_ms(FINE))]
            if not touching:
                continue
            content = digest([str(_CODE), *(f"{one.content_hash} {one.started_at}" for one in touching)])
            known = before.tiles.get(number) if before else None
            if before is not None and known is not None and known.content == content:
                tiles[number] = known
                rates.append(before.sample_rate)
                continue
            sound = self._sound.open(source, start, start + tile_ms(FINE))
            first = number * TILE_COLUMNS
            columns = spectrum_columns(sound.read, sound.sample_rate, RECIPE, FINE, first, TILE_COLUMNS)
            tiles[number] = _Tile(content, columns, peak_columns(sound.read, sound.sample_rate, FINE, first, TILE_COLUMNS))
            rates.append(sound.sample_rate)
            made += 1
        new = _Blob(tiles, max(rates), mark)
        if made or before is None or before.mark != mark or before.tiles.keys() != tiles.keys():
            self._lake.write_bytes(_path(source, day, COARSE), new.coarse().dump())
            self._lake.write_bytes(_path(source, day, FINE), new.dump())
        return DayOverview(source, made, len(tiles) - made)

    def columns(
        self, source: str, of_peaks: bool, level: int, first: int, count: int
    ) -> tuple[npt.NDArray[np.uint8] | npt.NDArray[np.int8], int, bool]:
        """Columns (or peaks) of a level from 9 on, their rate, and whether the overviews of all days with sound are there and current."""
        base = FINE if level < COARSE else COARSE
        times = 1 << (level - base)
        begin = first * times
        start, end = begin * column_ms(base), (begin + count * times) * column_ms(base)
        marks = {one.day: one.mark for one in self._index.days(source, from_ms(start).date(), from_ms(end - 1).date())}
        # of peaks there are two a column
        found: npt.NDArray[Any] = np.zeros((2 * count * times, 2), np.int8) if of_peaks else np.zeros((count * times, ROWS), np.uint8)
        a_column = 2 if of_peaks else 1
        rate, is_whole = 0, True
        for day in sorted(marks):
            blob = self._read(source, day, base)
            is_whole &= blob is not None and blob.mark == marks[day]
            if blob is None:
                continue
            for number, tile in blob.tiles.items():
                offset = number * len(tile.columns)
                left, right = max(begin, offset), min(begin + count * times, offset + len(tile.columns))
                if right <= left:
                    continue
                here, there = (slice(a_column * (left - at), a_column * (right - at)) for at in (begin, offset))
                if of_peaks:
                    found[here, 0] = np.minimum(found[here, 0], tile.peaks[there, 0])
                    found[here, 1] = np.maximum(found[here, 1], tile.peaks[there, 1])
                else:
                    found[here] = np.maximum(found[here], tile.columns[there])
            rate = max(rate, blob.sample_rate)
        return (coarser_peaks(found, times) if of_peaks else coarser(found, times)), rate, is_whole

    def delete(self, source: str, days: Iterable[date]) -> None:
        """Removes overviews, whose sound was withdrawn; the next run of the day makes them anew."""
        for day in days:
            for level in (FINE, COARSE):
                self._lake.delete(_path(source, day, level))

    def _read(self, source: str, day: date, level: int) -> "_Blob | None":
        try:
            return _Blob.load(self._lake.read_bytes(_path(source, day, level)))
        except (NotInLake, OSError, ValueError, KeyError, EOFError):
            return None  # it is made from what is there, and is made anew


@dataclass(frozen=True)
class _Tile:
    """The columns and peaks of one tile of level 9, or what became of them at level 15; and what they were made from."""

    content: str
    columns: npt.NDArray[np.uint8]
    peaks: npt.NDArray[np.int8]


@dataclass(frozen=True)
class _Blob:
    """The tiles of a day that have sound, by their numbers at level 9."""

    tiles: dict[int, _Tile]
    sample_rate: int
    mark: str

    def coarse(self) -> "_Blob":
        """The same at level 15: eight columns a tile."""
        times = 1 << (COARSE - FINE)
        found = {
            number: _Tile(tile.content, coarser(tile.columns, times), coarser_peaks(tile.peaks, times))
            for number, tile in self.tiles.items()
        }
        return replace(self, tiles=found)

    def dump(self) -> bytes:
        """As it is stored."""
        file, tiles = io.BytesIO(), list(self.tiles.values())
        np.savez(
            file,
            numbers=np.array(list(self.tiles), np.int64),
            contents=np.array([tile.content for tile in tiles], np.str_),
            columns=np.stack([tile.columns for tile in tiles]) if tiles else np.zeros((0, 1, ROWS), np.uint8),
            peaks=np.stack([tile.peaks for tile in tiles]) if tiles else np.zeros((0, 2, 2), np.int8),
            facts=np.array([self.sample_rate]),
            mark=np.array(self.mark),
        )
        return gzip.compress(file.getvalue(), 1, mtime=0)

    @classmethod
    def load(cls, data: bytes) -> "_Blob":
        """From what `dump` gave."""
        with np.load(io.BytesIO(gzip.decompress(data)), allow_pickle=False) as stored:
            parts = zip(stored["numbers"], stored["contents"], stored["columns"], stored["peaks"], strict=True)
            tiles = {int(number): _Tile(str(content), columns, peaks) for number, content, columns, peaks in parts}
            return cls(tiles, int(stored["facts"][0]), str(stored["mark"]))


def _path(source: str, day: date, level: int) -> str:
    return f"{FOLDER}/{source}/{day.isoformat()}.{level}.npz.gz"


def _reaches(item: Item, start: int, end: int) -> bool:
    assert item.started_at is not None
    begin = to_ms(item.started_at)
    return begin < end + 1000 and begin + 1000 * item.seconds > start - 1000
