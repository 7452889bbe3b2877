"""How loud a microphone's surroundings are: its noise floor, hour by hour."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from soundmill.capture import SEGMENTS
from soundmill.lake import Lake

Floats = npt.NDArray[np.float64]
_HOUR_MS = 3_600_000
_LOWEST = -120.0


@dataclass(frozen=True)
class NoiseHour:
    """An hour of stored segments, from `start` (ms): levels in dBFS that one segment in ten, half of them, and all stay under (root mean
    square of a segment; for `peak` its largest sample)."""

    start: int
    floor: float
    median: float
    peak: float


def noise_by_hour(lake: Lake, source: str, days: Sequence[date]) -> list[NoiseHour]:
    """The hours of these days (UTC) that have stored segments, in order of time."""
    rows = lake.read_days(SEGMENTS, days, columns=["started_at", "rms", "max_amp"], where=pc.field("source") == source)
    if not rows.num_rows:
        return []
    hours = rows["started_at"].cast("int64").to_numpy() // 1000 // _HOUR_MS
    levels = _dbfs(rows["rms"].to_numpy().astype(float))
    peaks = _dbfs(rows["max_amp"].to_numpy() / 32_767)
    found = []
    for hour in np.unique(hours):
        inside = hours == hour
        floor, median = np.percentile(levels[inside], [10, 50])
        found.append(NoiseHour(int(hour) * _HOUR_MS, round(float(floor), 2), round(float(median), 2), round(float(peaks[inside].max()), 2)))
    return found


def _dbfs(shares: Floats) -> Floats:
    levels: Floats = np.maximum(_LOWEST, 20 * np.log10(np.maximum(shares, 1e-12)))
    return levels
