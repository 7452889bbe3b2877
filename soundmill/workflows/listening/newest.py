"""The last minute of a microphone as a spectrogram: from the files that have just landed, before any run cuts them."""

import gzip
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import numpy.typing as npt

from soundmill.audio import read_pcm
from soundmill.audio.tiles import column_ms, spectrum_columns
from soundmill.capture.landing import LANDING
from soundmill.capture.naming import SegmentName
from soundmill.catalog import Catalog, Ledger, lies_in
from soundmill.errors import NoAudio, UndecodableAudio
from soundmill.lake import Lake
from soundmill.times import days_between, midnight, to_ms

SECONDS = 60
_LEVEL = 4  # 64 ms a column
_RECIPE = "fft1024"
_SILENCE = ".silence"


@dataclass(frozen=True)
class Newest:
    """Columns of a spectrogram as gzip of bytes (see `audio.tiles`), the first of which begins at `start` (ms), each `column_ms` long."""

    data: bytes
    start: int
    column_ms: int
    columns: int
    sample_rate: int


def newest_sound(lake: Lake, catalog: Catalog, source: str, now: datetime) -> Newest:
    """The minute that ends with the newest file a capture landed today or yesterday. Raises `NoAudio`."""
    names = _newest_names(lake, source, now)
    withdrawn = Ledger(catalog).withdrawn_spans(source)
    pieces: list[tuple[datetime, npt.NDArray[np.int16]]] = []
    rate = 0
    for name, folder in names:
        try:
            with lake.local_file(f"{folder}/{name}") as file:
                pcm, rate_of = read_pcm(file)
        except (OSError, UndecodableAudio):
            continue  # it went meanwhile, or the next run puts it in quarantine with its reason
        if lies_in(name.started_at, len(pcm) / rate_of, withdrawn):
            continue
        if not rate or rate_of == rate:
            pieces.append((name.started_at, pcm))
            rate = rate_of
    if not pieces:
        raise NoAudio(f"nothing of {source} has landed lately")
    newest, last = pieces[0]
    end = to_ms(newest) + round(1000 * len(last) / rate)
    first = (end - 1000 * SECONDS) * rate // 1000
    samples, covered = np.zeros(SECONDS * rate, np.int16), np.zeros(SECONDS * rate, bool)
    for start, pcm in pieces:
        place = round(to_ms(start) * rate / 1000) - first
        low, high = max(0, place), min(len(samples), place + len(pcm))
        if low < high:
            samples[low:high], covered[low:high] = pcm[low - place : high - place], True

    def read(begin: int, count: int) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.bool_]]:
        found, there = np.zeros(count, np.int16), np.zeros(count, bool)
        low, high = max(begin, first), min(begin + count, first + len(samples))
        if low < high:
            found[low - begin : high - begin] = samples[low - first : high - first]
            there[low - begin : high - begin] = covered[low - first : high - first]
        return found, there

    each = column_ms(_LEVEL)
    count = 1000 * SECONDS // each
    begin = end // each - count
    columns = spectrum_columns(read, rate, _RECIPE, _LEVEL, begin, count)
    return Newest(gzip.compress(columns.tobytes(), 1), begin * each, each, count, rate)


def _newest_names(lake: Lake, source: str, now: datetime) -> list[tuple[SegmentName, str]]:
    """Files of the last minute that has any, the newest first, each with its folder."""
    for day in reversed(list(days_between((now - timedelta(days=1)).date(), now.date()))):
        found = _names(lake, source, day)
        if not found:
            continue
        newest = found[0][0].started_at
        if newest - timedelta(seconds=SECONDS) < midnight(day):
            found += _names(lake, source, day - timedelta(days=1))
        return [one for one in found if one[0].started_at > newest - timedelta(seconds=SECONDS)]
    return []


def _names(lake: Lake, source: str, day: date) -> list[tuple[SegmentName, str]]:
    folder = f"{LANDING}/{source}/{day}"
    parsed = (SegmentName.parse(entry.path.rpartition("/")[2]) for entry in lake.files(folder))
    return sorted(((name, folder) for name in parsed if name and name.suffix != _SILENCE), key=lambda one: one[0].started_at, reverse=True)
