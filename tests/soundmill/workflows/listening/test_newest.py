"""The last minute of a microphone: also over midnight, and without what cannot be read."""

import gzip
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from soundmill.audio import wav_bytes
from soundmill.capture.landing import landing_path
from soundmill.capture.naming import SegmentName
from soundmill.catalog import Catalog
from soundmill.errors import NoAudio
from soundmill.lake import Lake
from soundmill.times import to_ms
from soundmill.workflows.listening.newest import newest_sound

RATE = 16_000
MIDNIGHT = datetime(2026, 1, 6, tzinfo=UTC)


def land(lake: Lake, start: datetime, data: bytes, suffix: str = ".wav") -> None:
    lake.write_bytes(landing_path("yard", SegmentName(start, to_ms(MIDNIGHT), 0, 0, suffix)), data)


def test_a_minute_over_midnight_is_one_picture_without_what_is_broken_or_silent(lake: Lake, catalog: Catalog) -> None:
    noise = np.random.default_rng(0).integers(-3000, 3000, 3 * RATE).astype(np.int16)
    for second in (-120, -6, -3, 0):
        land(lake, MIDNIGHT + timedelta(seconds=second), wav_bytes(noise, RATE))
    land(lake, MIDNIGHT + timedelta(seconds=3), b"broken")
    land(lake, MIDNIGHT + timedelta(seconds=6), b"", ".silence")
    found = newest_sound(lake, catalog, "yard", MIDNIGHT + timedelta(seconds=10))
    columns = np.frombuffer(gzip.decompress(found.data), np.uint8).reshape(found.columns, 256)
    seconds = columns.any(axis=1).sum() * found.column_ms / 1000
    assert seconds == pytest.approx(9, abs=0.2)
    assert abs(found.start + found.columns * found.column_ms - to_ms(MIDNIGHT) - 3000) <= found.column_ms


def test_what_landed_days_ago_is_not_now(lake: Lake, catalog: Catalog) -> None:
    land(lake, MIDNIGHT, wav_bytes(np.ones(RATE, np.int16), RATE))
    with pytest.raises(NoAudio):
        newest_sound(lake, catalog, "yard", MIDNIGHT + timedelta(days=3))
