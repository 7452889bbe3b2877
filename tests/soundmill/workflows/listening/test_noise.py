"""The noise floor of each hour, against a look at all segments."""

import numpy as np
import pytest

from soundmill.capture import SEGMENTS
from soundmill.times import to_ms
from soundmill.workflows.listening.noise import noise_by_hour
from tests.home import DAYS, Home


def test_each_hour_s_levels_are_those_of_its_segments(built_home: Home) -> None:
    found = noise_by_hour(built_home.lake, "mic", DAYS)
    rows = built_home.lake.read_days(SEGMENTS, DAYS).to_pylist()
    hours = {one.start: one for one in found}
    assert list(hours) == sorted({to_ms(row["started_at"]) // 3_600_000 * 3_600_000 for row in rows})
    for start, hour in hours.items():
        mine = [row for row in rows if start <= to_ms(row["started_at"]) < start + 3_600_000]
        levels = 20 * np.log10([row["rms"] for row in mine])
        assert hour.floor == pytest.approx(np.percentile(levels, 10), abs=0.01)
        assert hour.median == pytest.approx(np.median(levels), abs=0.01)
        assert hour.peak == pytest.approx(20 * np.log10(max(row["max_amp"] for row in mine) / 32_767), abs=0.01)
        assert hour.floor <= hour.median <= hour.peak


def test_a_source_without_segments_has_no_hours(built_home: Home) -> None:
    assert noise_by_hour(built_home.lake, "elsewhere", DAYS) == []
