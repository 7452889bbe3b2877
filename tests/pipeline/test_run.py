"""Runs of assets in this process."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.run import RunFailed, UnknownAsset
from soundmill.capture import SEGMENTS
from tests.conftest import PATIENCE, ROOT
from tests.home import BEFORE_MODEL, DAYS, Home


def test_what_cannot_run_together_or_is_not_there_is_refused(local_home: Home) -> None:
    with pytest.raises(UnknownAsset, match="captured_segments"):
        local_home.run("segments", days=DAYS)
    with pytest.raises(UnknownAsset, match="separately"):
        local_home.run("osr_model", "detections", days=DAYS, model="house")
    with pytest.raises(UnknownAsset, match="--day"):
        local_home.run("detections")
    with pytest.raises(UnknownAsset, match="--model"):
        local_home.run("osr_model")


def test_one_failing_day_leaves_the_others_done(local_home: Home) -> None:
    for day in DAYS:
        local_home.land_day(day)
    local_home.run("captured_segments", "annotations", days=DAYS)
    local_home.lake.write_bytes("tables/captured_segments/2025-01-02.parquet", b"damaged")
    with pytest.raises(RunFailed, match="1 of 3 days failed: 2025-01-02: DamagedTable"):
        local_home.run("segment_features", days=DAYS)
    assert [path for path in local_home.stored("tables") if "segment_features" in path] == [
        "tables/segment_features/pooled_spectral/2025-01-01.parquet",
        "tables/segment_features/pooled_spectral/2025-01-03.parquet",
    ]
    local_home.run("captured_segments", "segment_features", days=DAYS)  # making the day again mends it
    assert len([path for path in local_home.stored("tables") if "segment_features" in path]) == 3


def test_two_runs_of_one_day_at_once_lose_nothing(local_home: Home, tmp_path: Path) -> None:
    local_home.land_day(DAYS[0])
    environment = {
        **os.environ,
        "SOUNDMILL_HOME": str(tmp_path / "home"),
        "SOUNDMILL_LAKE": local_home.lake.root,
        "SOUNDMILL_CATALOG": str(local_home.catalog.engine.url),
    }
    command = [sys.executable, "-c", "from soundmill.cli.__main__ import main; main()", "materialize", *BEFORE_MODEL, "--day", "2025-01-01"]
    runs = [subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for _ in range(2)]
    for run in runs:
        assert run.wait(120 * PATIENCE) == 0, (run.stderr or io.BytesIO()).read().decode()
    assert len(local_home.lake.read_days(SEGMENTS, DAYS[:1])) == 24
