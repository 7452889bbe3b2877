"""Overviews of whole days: columns too long to be made while somebody waits, written by the day run, two blobs a source and day.

One holds the columns of level 9 (two seconds each) that touch the day, and their peaks; the other those of level 15 (two minutes). Tiles
whose segments did not change are taken over, so that a day that grows costs what is new.
"""

import gzip
import io
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

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
from soundmill.times import days_between, from_ms, midnight, to_ms
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
        mark = next((one.mark for one in self._index.days(source) if one.day == day), "")
        begin, stop = to_ms(midnight(day)), to_ms(midnight(day + timedelta(days=1)))
        tiles = range(begin // tile_ms(FINE), -(-stop // tile_ms(FINE)))
        items = self._index.segments(source, from_ms(tiles[0] * tile_ms(FINE)), from_ms(tiles[-1] * tile_ms(FINE) + tile_ms(FINE)))
        before, parts = self._read(source, day, FINE), list[npt.NDArray[np.uint8]]()
        peaks, digests, made, rates = list[npt.NDArray[np.int8]](), list[str](), 0, [0]
        for number, tile in enumerate(tiles):
            start = tile * tile_ms(FINE)
            touching = [one for one in items if _reaches(one, start, start + tile_ms(FINE))]
            digests.append(digest([str(_CODE), *(f"{one.content_hash} {one.started_at}" for one in touching)]))
            place = slice(number * TILE_COLUMNS, (number + 1) * TILE_COLUMNS)
            if not touching:
                parts.append(np.zeros((TILE_COLUMNS, ROWS), np.uint8))
                peaks.append(np.zeros((2 * TILE_COLUMNS, 2), np.int8))
            elif before is not None and before.digests[number] == digests[-1]:
                parts.append(before.columns[place])
                peaks.append(before.peaks[2 * place.start : 2 * place.stop])
                rates.append(before.sample_rate)
            else:
                sound = self._sound.open(source, start, start + tile_ms(FINE))
                first = tile * TILE_COLUMNS
                parts.append(spectrum_columns(sound.read, sound.sample_rate, RECIPE, FINE, first, TILE_COLUMNS))
                peaks.append(peak_columns(sound.read, sound.sample_rate, FINE, first, TILE_COLUMNS))
                rates.append(sound.sample_rate)
                made += 1
        if made or before is None or before.digests != digests or before.mark != mark:
            blob = _Blob(tiles[0] * TILE_COLUMNS, np.concatenate(parts), np.concatenate(peaks), digests, max(rates), mark)
            self._lake.write_bytes(_path(source, day, COARSE), blob.coarse().dump())
            self._lake.write_bytes(_path(source, day, FINE), blob.dump())
        return DayOverview(source, made, len(tiles) - made)

    def columns(
        self, source: str, of_peaks: bool, level: int, first: int, count: int
    ) -> tuple[npt.NDArray[np.uint8] | npt.NDArray[np.int8], int, bool]:
        """Columns (or peaks) of a level from 9 on, their rate, and whether the overviews of all days with sound are there and current."""
        base = FINE if level < COARSE else COARSE
        times = 1 << (level - base)
        begin = first * times
        columns = np.zeros((count * times, ROWS), np.uint8)
        peaks = np.zeros((2 * count * times, 2), np.int8)
        start, end = begin * column_ms(base), (begin + count * times) * column_ms(base)
        marks = {one.day: one.mark for one in self._index.days(source)}
        rate, is_whole = 0, True
        for day in days_between(*(datetime.fromtimestamp(ms / 1000, UTC).date() for ms in (start, end - 1))):
            if day not in marks:
                continue
            blob = self._read(source, day, base)
            is_whole &= blob is not None and blob.mark == marks[day]
            if blob is None:
                continue
            offset, mine, my_peaks = blob.first, blob.columns, blob.peaks
            left, right = max(begin, offset), min(begin + count * times, offset + len(mine))
            if right > left:
                here, there = slice(left - begin, right - begin), slice(left - offset, right - offset)
                columns[here] = np.maximum(columns[here], mine[there])
                both = slice(2 * here.start, 2 * here.stop)
                new = my_peaks[2 * there.start : 2 * there.stop]
                peaks[both, 0], peaks[both, 1] = np.minimum(peaks[both, 0], new[:, 0]), np.maximum(peaks[both, 1], new[:, 1])
            rate = max(rate, blob.sample_rate)
        return (coarser_peaks(peaks, times) if of_peaks else coarser(columns, times)), rate, is_whole

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
class _Blob:
    first: int  # number of the first column of its level
    columns: npt.NDArray[np.uint8]
    peaks: npt.NDArray[np.int8]
    digests: list[str]
    sample_rate: int
    mark: str

    def coarse(self) -> "_Blob":
        """Columns of level 15 from those of level 9."""
        times = 1 << (COARSE - FINE)
        return replace(
            self, first=self.first // times, columns=coarser(self.columns, times), peaks=coarser_peaks(self.peaks, times), digests=[]
        )

    def dump(self) -> bytes:
        """As it is stored."""
        file = io.BytesIO()
        np.savez(
            file,
            columns=self.columns,
            peaks=self.peaks,
            digests=np.array(self.digests),
            facts=np.array([self.first, self.sample_rate]),
            mark=np.array(self.mark),
        )
        return gzip.compress(file.getvalue(), 1, mtime=0)

    @classmethod
    def load(cls, data: bytes) -> "_Blob":
        """From what `dump` gave."""
        with np.load(io.BytesIO(gzip.decompress(data)), allow_pickle=False) as stored:
            first, rate = map(int, stored["facts"])
            digests = [str(one) for one in stored["digests"]]
            return cls(first, stored["columns"], stored["peaks"], digests, rate, str(stored["mark"]))


def _path(source: str, day: date, level: int) -> str:
    return f"{FOLDER}/{source}/{day.isoformat()}.{level}.npz.gz"


def _reaches(item: Item, start: int, end: int) -> bool:
    assert item.started_at is not None
    begin = to_ms(item.started_at)
    return begin < end + 1000 and begin + 1000 * item.seconds > start - 1000
