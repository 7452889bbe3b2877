"""The code location, as Dagster loads it."""

import json
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
import yaml

from pipeline.definitions import build_definitions, defs
from soundmill.settings import Settings
from tests.conftest import ROOT


def test_loading_it_brings_in_no_library_that_only_a_run_needs() -> None:
    """Dagster loads the code location for every run, every tick and every reload: it is to cost next to nothing."""
    script = """
import json, sys
import dagster
before = set(sys.modules)
import pipeline.definitions
print(json.dumps(sorted({name.split(".")[0] for name in set(sys.modules) - before})))
"""
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    heavy = {"numpy", "pandas", "pyarrow", "sqlalchemy", "alembic", "httpx", "soundfile", "fsspec", "rich", "argon2"}
    heavier = {"sklearn", "scipy", "torch", "lhotse", "librosa", "vosk", "matplotlib", "numba", "av", "boto3", "s3fs", "fastapi"}
    assert set(json.loads(ran.stdout)) & (heavy | heavier) == set()
    assert "Warning" not in ran.stderr


def test_every_part_of_it_resolves() -> None:
    dg.Definitions.validate_loadable(defs)
    assert {job.name for job in defs.resolve_all_job_defs()} >= {"day_chain", "labels_chain", "model_chain", "progress_check", "prune_runs"}


def test_every_asset_says_whose_it_is_what_it_holds_and_how_fresh_it_should_be() -> None:
    for spec in defs.resolve_all_asset_specs():
        assert spec.owners == ["team:soundmill"], spec.key
        assert spec.description, spec.key
        if spec.key.to_user_string() not in {"landing_area", "catalog_labels", "catalog_takes", "download_queue", "uploaded_recordings"}:
            assert spec.kinds, spec.key
            assert spec.code_version, spec.key
        assert spec.freshness_policy is None, spec.key  # a demo's old days are not overdue


def test_on_a_server_days_and_progress_are_watched_for_freshness() -> None:
    watched = build_definitions(Settings(_env_file=None, watch_freshness=True))
    fresh = {spec.key.to_user_string() for spec in watched.resolve_all_asset_specs() if spec.freshness_policy is not None}
    assert fresh >= {"captured_segments", "downloads", "transcripts", "collection_progress"}


def test_the_first_partition_is_the_settings_start_date() -> None:
    early = build_definitions(Settings(_env_file=None, start_date="2024-02-03"))
    partitions = {spec.key.to_user_string(): spec.partitions_def for spec in early.resolve_all_asset_specs()}
    for name in ("captured_segments", "downloads", "sentiment"):
        days = partitions[name]
        assert isinstance(days, dg.DailyPartitionsDefinition)
        assert days.get_first_partition_key() == "2024-02-03"


def test_the_graph_is_the_one_of_the_design() -> None:
    parents = {spec.key.to_user_string(): {dep.asset_key.to_user_string() for dep in spec.deps} for spec in defs.resolve_all_asset_specs()}
    assert parents == {
        "labelling_sessions": {"segment_features", "detections"},
        "labelled_round": {"labelling_sessions", "catalog_labels"},
        "dataset_release": {"captured_segments", "labelled_round", "prompted_takes"},
        "landing_area": set(),
        "catalog_labels": set(),
        "download_queue": set(),
        "downloads": {"download_queue"},
        "s3_backup": {"downloads", "detections"},
        "captured_segments": {"landing_area"},
        "capture_coverage": {"captured_segments"},
        "sound_overview": {"captured_segments"},
        "annotations": {"catalog_labels"},
        "segment_features": {"captured_segments"},
        "annotation_features": {"annotations", "captured_segments"},
        "osr_model": {"annotation_features", "segment_features"},
        "evaluation_report": {"osr_model"},
        "detections": {"captured_segments", "segment_features", "osr_model"},
        "new_sounds": {"captured_segments", "segment_features", "detections"},
        "collection_progress": {"downloads", "captured_segments"},
        "uploaded_recordings": set(),
        "catalog_takes": set(),
        "transcripts": {"downloads", "captured_segments", "uploaded_recordings", "catalog_takes"},
        "prompted_takes": {"catalog_takes", "transcripts"},
        "keyword_hits": {"transcripts"},
        "sentiment": {"transcripts"},
        "cut_manifests": {"downloads", "captured_segments", "annotations", "transcripts", "prompted_takes"},
    }


@pytest.mark.parametrize("name", ["workspace.yaml", "dagster.yaml"])
def test_the_files_dagster_reads_are_understood(name: str, tmp_path: Path) -> None:
    content = yaml.safe_load((ROOT / name).read_text())
    if name == "workspace.yaml":
        assert content["load_from"][0]["python_module"]["module_name"] == "pipeline.definitions"
        return
    (tmp_path / name).write_text((ROOT / name).read_text())
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert not instance.telemetry_enabled
        assert not instance.nux_enabled
        assert instance.run_monitoring_enabled


def test_no_secret_shows_in_the_definitions(monkeypatch: pytest.MonkeyPatch) -> None:
    from dagster._core.remote_representation.external_data import RepositorySnap

    monkeypatch.setenv("SOUNDMILL_CATALOG", "postgresql://someone:hunter2@host/name")
    monkeypatch.setenv("SOUNDMILL_ALERT_WEBHOOK", "https://example.org/hunter2")
    snap = RepositorySnap.from_def(build_definitions(Settings(_env_file=None)).get_repository_def())
    assert snap.resources
    assert "hunter2" not in repr(snap.resources)
