"""Segments of a source that landed, and were cut."""

from datetime import UTC, date, datetime, timedelta

import numpy as np

from soundmill.audio import wav_bytes
from soundmill.capture import Segmenter, update_segments
from soundmill.capture.naming import SegmentName
from soundmill.catalog import Catalog, Ledger
from soundmill.lake import Lake

RATE = 8000
SEGMENT = 24_000
DAY = date(2026, 1, 5)
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
CUT = Segmenter(RATE, SEGMENT)


def name(number: int) -> SegmentName:
    return SegmentName(NOON + timedelta(seconds=3 * number), 1767614400000, number, number * SEGMENT)


def sound(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(-9000, 9000, SEGMENT).astype(np.int16)


def land(lake: Lake, catalog: Catalog, numbers: list[int], silent: tuple[int, ...] = ()) -> None:
    for number in numbers:
        pcm = np.zeros(SEGMENT, np.int16) if number in silent else sound(number)
        lake.write_bytes(f"landing/mic/2026-01-05/{name(number)}", wav_bytes(pcm, RATE))
    update_segments(lake, Ledger(catalog), DAY, CUT, now=NOON)
