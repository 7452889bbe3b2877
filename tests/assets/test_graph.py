"""The whole graph on real runs of Dagster: from landed sound to detections, twice the same, and after every kind of trouble."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from soundmill.capture import COVERAGE, SEGMENTS
from soundmill.catalog import Annotations, ModelRegistry
from soundmill.labelling.snapshot import ANNOTATIONS
from soundmill.osr.detections import DETECTIONS
from tests.conftest import PATIENCE, ROOT, wait_until
from tests.home import BEFORE_MODEL, DAYS, Home, build


def test_sound_goes_in_detections_come_out_and_only_what_changed_is_made_again(home: Home) -> None:
    build(home, each=8)
    segments, said = home.lake.read_days(SEGMENTS, DAYS), home.lake.read_days(DETECTIONS, DAYS)
    assert len(segments) == 3 * 48
    assert set(said["key"].to_pylist()) == set(segments["key"].to_pylist())
    assert set(said["version"].to_pylist()) == {1}
    labelled = {(row["source"], row["start"]): row["tag"] for row in home.lake.read_days(ANNOTATIONS, DAYS[2:]).to_pylist()}
    last = home.lake.read_days(DETECTIONS, DAYS[2:]).to_pylist()
    pairs = [(row["tag"], labelled[key]) for row in last for key in labelled if abs((row["started_at"] - key[1]).total_seconds()) < 0.01]
    assert len(pairs) == 24
    assert sum(said == true for said, true in pairs) >= 20
    assert sum(said not in (true, "other") for said, true in pairs) == 0
    assert all(0 <= row["probability"] <= 1 for row in last)
    report = home.lake.read_bytes("reports/house/1/report.html").decode()
    assert "knocking" in report
    assert report.count("data:image/png;base64,") == 3  # confusion, curves, reliability; the hour does not count, and nothing is unknown
    assert "http" not in report.replace("http-equiv", "")
    (version,) = ModelRegistry(home.catalog).versions("house")
    assert version.champion
    assert version.card is not None
    assert version.card["data"]["support"] == {"doorbell": 16, "kettle": 16, "knocking": 16}
    assert json.loads(home.lake.read_bytes("models/house/1/card.json")) == version.card
    assert version.card["sha256"] == hashlib.sha256(home.lake.read_bytes("models/house/1/model.skops")).hexdigest()
    assert "| kettle | 16 |" in home.lake.read_bytes("models/house/1/card.md").decode()
    (row,) = home.lake.read_days(COVERAGE, DAYS[:1]).to_pylist()
    assert row["captured"] == pytest.approx(48 * 132_352 / 44_100)

    before = home.stored("audio", "tables", "models", "quarantine")
    again = home.run(*BEFORE_MODEL, days=DAYS) | home.run("osr_model", model="house") | home.run("detections", days=DAYS)
    assert {facts["status"] for facts in again.values()} == {"unchanged"}
    assert home.stored("audio", "tables", "models", "quarantine") == before

    # and of new labels only what depends on them
    labels = Annotations(home.catalog)
    labels.withdraw(labels.of_days(DAYS[0], DAYS[0])[:1])
    home.run("annotations", "annotation_features", days=DAYS[:1])
    changed = {path for path, content in home.stored("tables").items() if before[path] != content}
    assert changed == {
        "tables/annotations/2025-01-01.parquet",
        "tables/annotation_features/pooled_spectral/2025-01-01.parquet",
        "tables/annotation_features/acoustic_fingerprint/2025-01-01.parquet",
    }
    refit = home.run("osr_model", model="house")["osr_model", "house"]
    assert (refit["status"], refit["version"], refit["champion"]) == ("fitted", 2, False)


def test_one_run_for_all_days_and_one_for_each_end_with_the_same_bytes(local_home: Home, tmp_path_factory: pytest.TempPathFactory) -> None:
    for day in DAYS:
        local_home.land_day(day)
    local_home.run(*BEFORE_MODEL, days=DAYS)
    together = local_home.stored("tables")
    for entry in list(local_home.lake.files("tables")):
        local_home.lake.delete(entry.path)
    for day in reversed(DAYS):
        local_home.run(*BEFORE_MODEL, days=(day,))
    assert local_home.stored("tables") == together


def test_every_day_of_a_range_reports_for_itself(local_home: Home) -> None:
    local_home.land_day(DAYS[0])
    done = local_home.run("captured_segments", days=DAYS)
    assert {partition for _, partition in done} == {day.isoformat() for day in DAYS}
    assert done["captured_segments", "2025-01-01"]["segments"] == 24
    assert done["captured_segments", "2025-01-02"]["status"] == "no data"
    assert done["captured_segments", "2025-01-02"]["window_end"] == "2025-01-03T00:00:00+00:00"
    for facts in done.values():
        assert {"status", "files", "segments", "hours", "dagster/row_count", "dagster/column_schema", "path"} <= set(facts)
    assert "data:image/png;base64," in done["captured_segments", "2025-01-01"]["spectrograms"]


def test_a_backfill_killed_again_and_again_ends_like_one_never_killed(local_home: Home, tmp_path: Path) -> None:
    for day in DAYS:
        local_home.land_day(day, each=3)
    script = "import sys; from soundmill.cli.__main__ import main; main()"
    arguments = ["materialize", *BEFORE_MODEL, "--from", "2025-01-01", "--to", "2025-01-03", "--json"]
    environment = {
        **os.environ,
        "SOUNDMILL_HOME": str(tmp_path / "home"),
        "SOUNDMILL_LAKE": local_home.lake.root,
        "SOUNDMILL_CATALOG": str(local_home.catalog.engine.url),
    }
    audio = Path(local_home.lake.full_path("audio"))
    tables = Path(local_home.lake.full_path("tables"))

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-c", script, *arguments], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    for wanted in (5, 200):  # kill when so many files are there, wherever the run happens to be
        process = start()
        wait_until(
            lambda process=process, wanted=wanted: (
                process.poll() is not None
                or sum(1 for _ in audio.rglob("*.wav")) + 40 * sum(1 for _ in tables.rglob("*.parquet")) >= wanted
            ),
            90,
        )
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert start().wait(120 * PATIENCE) == 0
    killed = local_home.stored("audio", "tables", "quarantine")
    counts = local_home.ledger.counts()
    for folder in ("audio", "tables", "quarantine", "reports"):
        for entry in list(local_home.lake.files(folder)):
            local_home.lake.delete(entry.path)
    from sqlalchemy import text

    with local_home.catalog.writing() as session:
        for table in ("items", "processed"):
            session.execute(text(f"DELETE FROM {table}"))
    assert start().wait(120 * PATIENCE) == 0
    assert local_home.stored("audio", "tables", "quarantine") == killed
    assert local_home.ledger.counts() == counts
    local_home.lake.sweep_partials(0, time.time() + 1)
    assert not list(Path(local_home.lake.root).rglob("*.partial"))
