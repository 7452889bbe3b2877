"""A source with sound in segments, and silence and gaps between."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from soundmill.audio import wav_bytes
from soundmill.capture import Segmenter, update_segments
from soundmill.catalog import Catalog, Ledger
from soundmill.lake import Lake

DAY = date(2026, 1, 5)
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
RATE = 8000
SECONDS = 40


@dataclass
class Recording:
    """Noise from noon on, cut into segments; another recording ten minutes later."""

    lake: Lake
    catalog: Catalog
    pcm: npt.NDArray[np.int16]

    @property
    def ms(self) -> int:
        """When it begins, in ms since 1970."""
        return int(NOON.timestamp() * 1000)


def recorded(lake: Lake, catalog: Catalog, samples: int = 24_000, **options: Any) -> Recording:
    """A recording in segments of so many samples."""
    pcm = np.random.default_rng(1).integers(-9000, 9000, SECONDS * RATE).astype(np.int16)
    for minutes in (0, 10):
        name = f"{NOON + timedelta(minutes=minutes):%Y%m%dT%H%M%SZ}.wav"
        lake.write_bytes(f"landing/mic/{DAY}/{name}", wav_bytes(pcm, RATE))
    update_segments(lake, Ledger(catalog), DAY, Segmenter(sample_rate=RATE, samples=samples, **options), now=NOON + timedelta(hours=1))
    return Recording(lake, catalog, pcm)
