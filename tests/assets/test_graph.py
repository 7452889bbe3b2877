"""The whole graph on real runs of Dagster: from landed sound to detections, twice the same, and after every kind of trouble."""

import hashlib
import io
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import numpy as np
import pyarrow.compute as pc
import pytest
import soundfile as sf

from assets.partitions import RANGE_END, RANGE_START
from pipeline.definitions import build_definitions
from pipeline.run import RunFailed, UnknownAsset
from resources import CollectionResource
from soundmill.audio import read_samples
from soundmill.capture import COVERAGE, SEGMENTS
from soundmill.capture.landing import landing_path
from soundmill.capture.recorder import Recorder, Silence
from soundmill.capture.ring import Block
from soundmill.capture.status import Status, now_text, write_status
from soundmill.catalog import Annotations, ModelRegistry
from soundmill.formats.annotation import Annotation
from soundmill.labelling.snapshot import ANNOTATIONS
from soundmill.osr.detections import DETECTIONS
from soundmill.osr.novelty import NEW_SOUNDS
from soundmill.osr.spec import ModelSpec
from soundmill.settings import Settings
from soundmill.workflows.training.data import TrainingData
from tests.conftest import PATIENCE, ROOT, wait_until, wav
from tests.home import BEFORE_MODEL, DAY_NAMES, DAYS, FIRST, Home, build


def test_sound_goes_in_and_detections_come_out(home: Home) -> None:
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


def test_running_everything_again_changes_no_byte(home: Home) -> None:
    build(home)
    before = home.stored("audio", "tables", "models", "quarantine")
    again = home.run(*BEFORE_MODEL, days=DAYS) | home.run("osr_model", model="house") | home.run("detections", days=DAYS)
    assert {facts["status"] for facts in again.values()} == {"unchanged"}
    assert home.stored("audio", "tables", "models", "quarantine") == before


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


def test_an_empty_day_is_done_with_no_data(local_home: Home) -> None:
    done = local_home.run(*DAY_NAMES, days=DAYS[:1])
    assert {name: facts["status"] for (name, _), facts in done.items()} == {
        **dict.fromkeys(BEFORE_MODEL, "no data"),
        "detections": "no champion model yet",
        "new_sounds": "no champion model yet",
    }


def checks(home: Home) -> dict[str, bool]:
    """The newest result of every check that has one."""
    found = {}
    for key in home.defs.resolve_asset_graph().asset_check_keys:
        record = home.instance.get_latest_asset_check_evaluation_record(key)
        if record is not None and record.status.value in ("SUCCEEDED", "FAILED"):
            found[key.name] = record.status.value == "SUCCEEDED"
    return found


def test_bad_files_warn_and_stop_nothing(home: Home) -> None:
    home.land_day(DAYS[0])
    for number in range(4):
        home.lake.write_bytes(f"landing/mic/2025-01-01/2025-01-01T1{number}-00-00_broken.wav", b"no sound")
    done = home.run(*BEFORE_MODEL, days=DAYS[:1])
    facts = done["captured_segments", "2025-01-01"]
    assert "quarantined | 4" in facts["items_by_state"]
    assert "not_audio | 4" in facts["quarantine_reasons"]
    assert checks(home)["few_in_quarantine"] is False
    assert checks(home)["all_segments_have_vectors"] is True


def test_an_annotation_without_audio_is_said_so(local_home: Home) -> None:
    local_home.land_day(DAYS[0])
    moment = replace(Annotations(local_home.catalog).of_days(DAYS[0], DAYS[0])[0], source="nowhere")
    Annotations(local_home.catalog).add([moment])
    local_home.run(*BEFORE_MODEL, days=DAYS[:1])
    assert checks(local_home)["annotations_have_audio"] is False


def test_new_labels_change_only_what_depends_on_them(home: Home) -> None:
    build(home)
    before = home.stored("tables")
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


def test_detections_of_two_versions_stand_side_by_side(built_home: Home) -> None:
    built_home.define("house", train_days=DAYS[:1], test_days=DAYS[2:])
    built_home.run("osr_model", model="house")
    assert built_home.run("detections", days=DAYS[:1])["detections", "2025-01-01"]["version"] == 1
    ModelRegistry(built_home.catalog).promote("house", 2, "to see")
    assert built_home.run("detections", days=DAYS[:1])["detections", "2025-01-01"]["version"] == 2
    said = built_home.lake.read_days(DETECTIONS, DAYS[:1])
    assert sorted(said["version"].to_pylist()) == [1] * 24 + [2] * 24
    assert built_home.run("detections", days=DAYS[:1])["detections", "2025-01-01"]["status"] == "unchanged"


def test_a_model_restricted_to_tags_and_sources_uses_no_others(built_home: Home) -> None:
    built_home.define("bells", tags=("doorbell",), sources=("mic",), train_days=DAYS[:2], test_days=DAYS[2:])
    built_home.run("osr_model", "evaluation_report", model="bells")
    card = ModelRegistry(built_home.catalog).current("bells").card
    assert card is not None
    assert card["tags"] == ["doorbell"]


def test_a_model_of_another_extractor_is_fitted_on_its_vectors(local_home: Home) -> None:
    local_home.resources["collection"] = CollectionResource(extractors=["pooled_spectral", "loudest_frames"])
    local_home.rebuild()
    build(local_home)
    local_home.define("original", extractor="loudest_frames", train_days=DAYS[:2], test_days=DAYS[2:])
    facts = local_home.run("osr_model", "evaluation_report", model="original")["evaluation_report", "original"]
    assert facts["closed_accuracy"] > 0.8
    card = ModelRegistry(local_home.catalog).current("original").card
    assert card is not None
    assert (card["spec"]["recogniser"], card["spec"]["least_recall"], card["spec"]["time_of_day"]) == ("gaussian_votes", 0.6, True)
    assert len(set(card["thresholds"].values())) == 3  # one for each tag


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"tags": ("unheard of",)}, "no day holds an annotation"),
        ({"train_days": (date(2025, 1, 9),), "test_days": DAYS[2:]}, "no tagged sound"),
        ({"train_days": DAYS}, "no test days"),
    ],
)
def test_a_model_that_cannot_be_is_refused_in_one_line(local_home: Home, spec: dict[str, object], says: str) -> None:
    for day in DAYS:
        local_home.land_day(day)
    local_home.run(*BEFORE_MODEL, days=DAYS)
    local_home.define("house", **spec)
    with pytest.raises(RunFailed, match=says):
        local_home.run("osr_model", "evaluation_report", model="house")


def test_missing_features_are_named_with_their_day(local_home: Home) -> None:
    local_home.land_day(DAYS[0])
    local_home.run("annotations", days=DAYS[:1])
    local_home.define(train_days=DAYS[:1], test_days=DAYS[1:])
    with pytest.raises(RunFailed, match=r"annotation_features of pooled_spectral is missing for 2025-01-01: materialise"):
        local_home.run("osr_model", model="house")


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

    for wanted in (5, 30, 1000):  # kill when so many files are there, wherever the run happens to be
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


def test_progress_counts_reconcile_and_failed_days_are_listed(home: Home) -> None:
    home.land_day(DAYS[0])
    home.lake.write_bytes("landing/mic/2025-01-01/2025-01-01T20-00-00.wav", wav(3.0, amplitude=0.001))
    home.run("captured_segments", days=DAYS[:1])
    facts = home.run("collection_progress")["collection_progress", None]
    assert facts["hours_raw"] == pytest.approx((24 * 132_352 / 44_100 + 3) / 3600, abs=1e-4)
    assert "silent | 1" in facts["items_by_state"]
    assert checks(home)["no_failed_partitions"] is True
    assert checks(home)["hours_reconcile"] is True
    home.lake.write_bytes("tables/captured_segments/2025-01-01.parquet", b"damaged")
    with pytest.raises(RunFailed):
        home.run("segment_features", days=DAYS[:1])
    home.run("collection_progress")
    assert checks(home)["no_failed_partitions"] is False
    assert json.loads(home.lake.read_bytes("reports/collection_progress/progress.json"))["items"] == {"ready": 24, "silent": 1}


def test_annotations_over_midnight_hear_both_days(local_home: Home) -> None:
    from datetime import UTC, datetime

    start = datetime(2025, 1, 1, 23, 59, 58, tzinfo=UTC)
    local_home.lake.write_bytes("landing/mic/2025-01-01/20250101T235940Z.wav", wav(40.0))
    Annotations(local_home.catalog).add([Annotation("mic", start, start + timedelta(seconds=4), "late")])
    local_home.run("captured_segments", days=DAYS[:2])
    done = local_home.run("annotations", "annotation_features", days=DAYS[:1])
    assert done["annotation_features", "2025-01-01"]["sounds"] == 1
    assert checks(local_home)["annotations_have_audio"] is True
    assert len(local_home.lake.read_days(SEGMENTS, DAYS[1:2], where=pc.field("source") == "mic")) > 4


def test_ranges_go_to_runs_of_at_most_thirty_days(local_home: Home) -> None:
    many = tuple(FIRST + timedelta(days=n) for n in range(65))
    local_home.run("annotations", days=many)
    runs = local_home.instance.get_runs()
    assert [(run.tags.get(RANGE_START), run.tags.get(RANGE_END)) for run in reversed(runs)] == [
        ("2025-01-01", "2025-01-30"),
        ("2025-01-31", "2025-03-01"),
        ("2025-03-02", "2025-03-06"),
    ]


def test_detections_without_features_are_refused_not_guessed(built_home: Home) -> None:
    built_home.define("house", train_days=DAYS[:1], test_days=DAYS[2:])
    built_home.run("osr_model", model="house")
    ModelRegistry(built_home.catalog).promote("house", 2, "to see")
    built_home.lake.delete("tables/segment_features/pooled_spectral/2025-01-03.parquet")
    with pytest.raises(RunFailed, match="24 of 24 segments have no pooled_spectral vectors: materialise segment_features"):
        built_home.run("detections", days=DAYS[2:])


def test_the_report_is_about_the_version_that_the_newest_fit_gave(built_home: Home) -> None:
    for train_days, version in ((DAYS[:1], 2), (DAYS[:2], 1)):  # the second one is that of the first version
        built_home.define("house", train_days=train_days, test_days=DAYS[2:])
        done = built_home.run("osr_model", "evaluation_report", model="house")
        assert {facts["version"] for facts in done.values()} == {version}


def test_the_good_days_of_a_failed_range_count_as_made(local_home: Home) -> None:
    for day in DAYS:
        local_home.land_day(day)
    local_home.run("captured_segments", days=DAYS)
    local_home.lake.write_bytes("tables/captured_segments/2025-01-02.parquet", b"damaged")
    with pytest.raises(RunFailed, match="1 of 3 days failed"):
        local_home.run("segment_features", days=DAYS)
    assert local_home.instance.get_materialized_partitions(dg.AssetKey("segment_features")) == {"2025-01-01", "2025-01-03"}


def test_no_secret_shows_in_the_definitions(monkeypatch: pytest.MonkeyPatch) -> None:
    from dagster._core.remote_representation.external_data import RepositorySnap

    monkeypatch.setenv("SOUNDMILL_CATALOG", "postgresql://someone:hunter2@host/name")
    monkeypatch.setenv("SOUNDMILL_ALERT_WEBHOOK", "https://example.org/hunter2")
    snap = RepositorySnap.from_def(build_definitions(Settings(_env_file=None)).get_repository_def())
    assert snap.resources
    assert "hunter2" not in repr(snap.resources)


def test_labelled_sounds_that_were_not_taught_count_as_unknown(built_home: Home) -> None:
    built_home.define("bells", tags=("doorbell", "kettle"), train_days=DAYS[:2], test_days=DAYS[2:])
    built_home.run("osr_model", "evaluation_report", model="bells")
    result = json.loads(built_home.lake.read_bytes("reports/bells/1/evaluation.json"))
    assert result["columns"] == ["doorbell", "kettle", "knocking", "other"]
    assert sum(row[2] for row in result["confusion"]) == 4
    assert result["unknown_support"] == 4 + 12  # the knocks, and the rain


def promoted_because(home: Home, name: str) -> str:
    return str(home.run("osr_model", "evaluation_report", model=name)["evaluation_report", name]["promotion"])


def test_a_challenger_is_promoted_only_where_it_is_better_on_days_new_to_both(local_home: Home) -> None:
    local_home.resources["collection"] = CollectionResource(extractors=["pooled_spectral", "loudest_frames"])
    local_home.rebuild()
    for day, hour in itertools.product(DAYS, (3, 6, 9, 12, 15, 18, 21)):
        local_home.land_day(day, each=2, hour=hour)
    local_home.run(*BEFORE_MODEL, days=DAYS)
    local_home.define("original", tags=("doorbell", "kettle"), extractor="loudest_frames", train_days=DAYS[:2], test_days=DAYS[2:])
    assert promoted_because(local_home, "original") == "is the champion: the first model"
    local_home.run("detections", days=DAYS)
    local_home.define("narrow", tags=("doorbell",), train_days=DAYS[:2], test_days=DAYS[2:])
    assert "was not trained on kettle, which" in promoted_because(local_home, "narrow")
    local_home.define("late", train_days=DAYS[2:], test_days=DAYS[:1])
    assert "original 1 was trained on 2025-01-01" in promoted_because(local_home, "late")
    local_home.define("house", train_days=DAYS[:2], test_days=DAYS[2:])
    assert promoted_because(local_home, "house").startswith("promoted against original 1: ACCw ")
    champion = ModelRegistry(local_home.catalog).champion()
    assert champion is not None
    assert (champion.name, champion.promoted_because) == ("house", champion.promoted_because)
    assert "better than original 1" in (champion.promoted_because or "")
    (against,) = [path for path in local_home.stored("reports") if "against_original_1" in path]
    assert json.loads(local_home.lake.read_bytes(against))["promote"] is True
    assert promoted_because(local_home, "original").startswith("not compared against house 1: it was not trained on knocking")


def test_a_planted_copy_blocks_the_report(local_home: Home) -> None:
    """The same recording lands again on a test day, softer and through another codec."""
    for day in DAYS:
        local_home.land_day(day)
    samples, rate = read_samples(local_home.lake.read_bytes("landing/mic/2025-01-01/20250101T090000Z.wav"))
    again = io.BytesIO()
    sf.write(again, samples * 0.4, rate, format="MP3")
    local_home.lake.write_bytes("landing/porch/2025-01-03/20250103T120000Z.mp3", again.getvalue())
    moved = [
        replace(label, source="porch", start=label.start + timedelta(days=2, hours=3), end=label.end + timedelta(days=2, hours=3))
        for label in Annotations(local_home.catalog).of_days(DAYS[0], DAYS[0])
    ]
    Annotations(local_home.catalog).add(moved)
    local_home.run(*BEFORE_MODEL, days=DAYS)
    local_home.define(train_days=DAYS[:2], test_days=DAYS[2:])
    with pytest.raises(RunFailed, match="no_leakage"):
        local_home.run("osr_model", "evaluation_report", model="house")
    assert checks(local_home)["no_leakage"] is False
    with pytest.raises(RunFailed, match="test sounds are copies of training sounds: porch/"):
        local_home.run("evaluation_report", model="house")
    assert not [path for path in local_home.stored("reports") if "house" in path]
    local_home.define(train_days=DAYS[:2], test_days=DAYS[2:], sources=("mic",))
    local_home.run("osr_model", "evaluation_report", model="house")
    local_home.define(train_days=DAYS[:2], test_days=DAYS[2:], allow_duplicates=True)
    local_home.run("osr_model", "evaluation_report", model="house")
    local_home.define("rival", train_days=DAYS[:2], test_days=DAYS[2:], allow_duplicates=True, seed=1)
    local_home.run("osr_model", model="rival")
    assert "it was trained on copies of test sounds" in promoted_because(local_home, "rival")


def test_background_is_not_drawn_from_a_sound_that_began_the_day_before(local_home: Home) -> None:
    for day in DAYS[:2]:
        local_home.land_day(day, hour=0)
    local_home.run("captured_segments", days=DAYS[:2])
    overnight = datetime(2025, 1, 1, 23, 59, tzinfo=UTC)
    Annotations(local_home.catalog).add([Annotation("mic", overnight, overnight + timedelta(minutes=1, seconds=30), "kettle", "test")])
    local_home.run(*BEFORE_MODEL, days=DAYS[:2])
    spec = ModelSpec(train_days=DAYS[:1], background_days=DAYS[1:2], test_days=DAYS[2:])
    drawn = TrainingData(local_home.lake, spec, local_home.resources["collection"].zone).background_for({"kettle": 12})
    assert len(drawn) > 5
    segments = local_home.lake.read_days(SEGMENTS, DAYS[1:2], where=pc.field("key").isin(list(drawn.keys)))
    assert min(segments["started_at"].to_pylist()) >= overnight + timedelta(minutes=1, seconds=29)


def test_new_sounds_are_grouped_day_by_day(local_home: Home) -> None:
    for day in DAYS[:2]:
        local_home.land_day(day, each=6)
    local_home.land_day(DAYS[2], kinds=("doorbell", "glass", "microwave"), each=8)
    local_home.define(tags=("doorbell", "kettle", "knocking"), train_days=DAYS[:2], test_days=DAYS[2:])
    local_home.run(*BEFORE_MODEL[: BEFORE_MODEL.index("annotation_features") + 1], days=DAYS)
    local_home.run("osr_model", "evaluation_report", model="house")
    done = local_home.run("detections", "new_sounds", days=DAYS)
    facts = done["new_sounds", "2025-01-03"]
    assert facts["dagster/row_count"] >= 1
    assert "data:image/png;base64," in facts["examples"]
    said = {row["key"]: row["tag"] for row in local_home.lake.read_days(DETECTIONS, DAYS[2:]).to_pylist()}
    rows = local_home.lake.read_days(NEW_SOUNDS, DAYS[2:]).to_pylist()
    assert {said[key] for row in rows for key in row["examples"].split("\n")} == {"other"}
    assert local_home.run("new_sounds", days=DAYS)["new_sounds", "2025-01-03"]["status"] == "unchanged"
    assert "Which sounds are new" in local_home.lake.read_bytes("reports/house/1/report.html").decode()


def test_the_first_model_of_one_s_own_takes_the_demo_s_place(built_home: Home) -> None:
    registry = ModelRegistry(built_home.catalog)
    built_home.define("demo", train_days=DAYS[:1], test_days=DAYS[2:])
    built_home.run("osr_model", model="demo")
    registry.promote("demo", 1, "the demo's own")
    assert built_home.run("osr_model", model="house")["osr_model", "house"]["champion"] is True


@pytest.mark.parametrize("asset", ["osr_model", "evaluation_report"])
def test_a_model_that_nobody_defined_is_named_without_a_trace_of_the_code(local_home: Home, asset: str) -> None:
    with pytest.raises(RunFailed, match=f"^{asset}: no model is called 'nosuch'; define it with: soundmill model define nosuch$"):
        local_home.run(asset, model="nosuch")


def test_what_a_capture_missed_and_a_dead_microphone_are_told(local_home: Home, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(-9000, 9000, 20 * 132_352).astype(np.int16)
    noise[5 * 132_352 : 9 * 132_352] = 3
    began = datetime(2025, 1, 1, 10, tzinfo=UTC)
    recorder = Recorder(44_100, started_at=began)
    heard = [Block(noise[at : at + 256], at) for at in range(0, len(noise), 256) if not 1_500_160 <= at < 1_600_000]
    for one in [one for block in heard for one in recorder.feed(block)] + list(recorder.finish()):
        if isinstance(one, Silence) or one.stored:
            local_home.lake.write_bytes(landing_path("mic", one.name), one.file())
    dead = {**vars(Status("mic", "mic")), "state": "dead", "why": "digital zero", "pid": None, "updated_at": now_text()}
    write_status(tmp_path / "capture" / "mic.status.json", dead)
    local_home.resources["collection"] = CollectionResource(extractors=["pooled_spectral"], stations=str(tmp_path / "capture"))
    local_home.rebuild()
    done = local_home.run("captured_segments", "capture_coverage", days=DAYS[:1])
    facts = done["capture_coverage", "2025-01-01"]
    missing = 390 * 256 / 44_100
    assert facts["gap_seconds"] == pytest.approx(missing, abs=1e-3)
    assert facts["silent_seconds"] == pytest.approx(4 * 132_352 / 44_100, abs=1e-3)
    assert facts["captured_seconds"] == pytest.approx(16 * 132_352 / 44_100 - missing, abs=1e-3)
    assert "data:image/png;base64," in facts["timeline"]
    assert "dead digital zero" in facts["stations"]
    found = checks(local_home)
    assert (found["no_gaps"], found["stations_alive"], found["no_overlap"]) == (False, False, True)
