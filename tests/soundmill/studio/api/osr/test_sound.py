"""Sound by day, and macrosegments, as clients of the original see them."""

import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import soundfile as sf

from soundmill.capture import SEGMENTS
from soundmill.studio.api.osr.words import written
from soundmill.times import to_ms
from tests.home import DAYS, Home
from tests.soundmill.studio.api.osr.client import Client, osr

UTC = ZoneInfo("UTC")
RATE, SAMPLES = 44_100, 132_352


@pytest.fixture
def client(built_home: Home, tmp_path: Path) -> Iterator[Client]:
    with osr(built_home, tmp_path) as client:
        yield client


def test_days_counts_and_limits_are_those_of_the_segments(client: Client, built_home: Home) -> None:
    rows = built_home.lake.read_days(SEGMENTS, DAYS).to_pylist()
    ends = sorted(row["started_at"] + timedelta(seconds=row["seconds"]) for row in rows)
    counts = client("/raw/data/dayCounts")
    assert sum(counts.values()) == len(rows)
    assert client("/raw/allDays") == list(counts) == [str(day) for day in DAYS]
    low, high = client("/raw/dtLims")
    assert (low[:22], high[:22]) == (written(ends[0], UTC)[:22], written(ends[-1], UTC)[:22])
    found = client(f"/raw/data/timeline/{DAYS[1]}")
    assert len(found["datetime"]) == len(found["max_amp"]) == counts[str(DAYS[1])]
    assert found["datetime"] == sorted(found["datetime"])
    assert client(f"/raw/data/timeline/{DAYS[1] + timedelta(days=100)}") == {"datetime": [], "max_amp": []}
    assert "detail" in client("/raw/data/timeline/today", 400)


def test_local_days_are_those_of_the_zone(built_home: Home, tmp_path: Path) -> None:
    with osr(built_home, tmp_path, timezone="Pacific/Auckland") as client:  # 13 hours ahead: the segments of 23:00 UTC are tomorrow's
        counts = client("/raw/data/dayCounts")
        rows = built_home.lake.read_days(SEGMENTS, DAYS).to_pylist()
        zone = ZoneInfo("Pacific/Auckland")
        local = [(row["started_at"] + timedelta(seconds=row["seconds"])).astimezone(zone).date().isoformat() for row in rows]
        assert counts == {day: local.count(day) for day in sorted(set(local))}
        day = sorted(counts)[0]
        assert len(client(f"/raw/data/timeline/{day}")["datetime"]) == counts[day]


def test_a_macrosegment_is_five_segments_around_its_moment_with_zeros_where_there_is_none(client: Client, built_home: Home) -> None:
    row = min(built_home.lake.read_days(SEGMENTS, [DAYS[0]]).to_pylist(), key=lambda one: one["started_at"])
    end = row["started_at"] + timedelta(seconds=row["seconds"])
    at = written(end, UTC).replace(" ", "_")
    found = client(f"/annotator/data/macroseg/{at.replace('_', '%20')}")
    assert found == {"macrosegFpath": f"assets/macroseg_{at}.wav"}
    answer = client.http.get(f"/osr/{found['macrosegFpath']}")
    samples, rate = sf.read(io.BytesIO(answer.content), dtype="float32")
    assert (rate, samples.shape) == (RATE, (5 * SAMPLES,))
    pcm = np.frombuffer(built_home.lake.read_bytes(row["path"])[44:], "<i2").astype(np.float32) / 32_768
    middle = samples[2 * SAMPLES : 3 * SAMPLES]
    shift = min(
        range(-50, 51), key=lambda by: float(np.abs(middle[1000:-1000] - pcm[1000 + by : len(pcm) - 1000 + by][: SAMPLES - 2000]).sum())
    )
    assert abs(shift) <= RATE // 1000  # a millisecond, in which moments are written
    assert not samples[: 2 * SAMPLES - RATE // 500].any()  # nothing was recorded before
    assert "detail" in client("/annotator/data/macroseg/2020-01-01_00:00:00.000", 404)
    assert client.http.get("/osr/assets/macroseg_2020-01-01_00:00:00.000.wav").status_code == 404
    assert to_ms(end) > 0


def test_meta_is_told_by_both_methods(client: Client) -> None:
    found = client("/meta")
    assert found == client.http.get("/osr/meta").json()
    assert (found["SAMPLERATE"], found["BUFF_LEN"], found["NUM_BLOCKS_IN_BUFF"], found["BLOCKSIZE"]) == (44_100, 132_352, 517, 256)
