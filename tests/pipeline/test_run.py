"""Runs of assets in this process."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.run import RunFailed, UnknownAsset, dagster_home, instance_of
from soundmill.capture import SEGMENTS
from soundmill.settings import Settings
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


def test_the_folder_of_dagster_is_made_and_may_be_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", "some/where")
    settings = Settings(home=tmp_path / "home", _env_file=None)  # type: ignore[call-arg]
    assert dagster_home(settings) == tmp_path / "some" / "where"
    with instance_of(settings) as instance:
        assert instance.get_runs_count() == 0
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "file"))
    said = CliRunner().invoke(app, ["materialize", "annotations", "--day", "2025-01-01"], env={"SOUNDMILL_HOME": str(tmp_path / "home")})
    assert (said.exit_code, said.stderr) == (1, f"soundmill: {tmp_path / 'file'}: File exists\n")


def test_commands_that_make_a_new_instance_at_once_wait_for_each_other(tmp_path: Path) -> None:
    code = (
        "from soundmill.settings import Settings; from pipeline.run import instance_of\n"
        "with instance_of(Settings()) as instance: print(instance.get_runs_count())"
    )
    environment = {**os.environ, "SOUNDMILL_HOME": str(tmp_path / "home")}
    started = [subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=environment, stdout=subprocess.PIPE) for _ in range(4)]
    assert [process.communicate(timeout=60 * PATIENCE)[0] for process in started] == [b"0\n"] * 4
