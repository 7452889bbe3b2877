"""What the schedules ask for."""

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from resources import BackupResource
from sensors.schedules import hourly_progress, nightly_chain, nightly_downloads, schedules
from tests.conftest import wav
from tests.home import DAYS, Home
from tests.sensors.ticks import launch


def test_the_nightly_chain_takes_the_day_before() -> None:
    context = dg.build_schedule_context(scheduled_execution_time=datetime(2025, 3, 1, 1, 30, tzinfo=UTC))
    request = nightly_chain(context)
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == "2025-02-28"
    assert hourly_progress.cron_schedule == "0 * * * *"


def test_what_the_schedules_ask_for_runs(local_home: Home) -> None:
    local_home.land_day(DAYS[0])
    context = dg.build_schedule_context(scheduled_execution_time=datetime(2025, 1, 2, 1, 30, tzinfo=UTC))
    request = nightly_chain(context)
    assert isinstance(request, dg.RunRequest)
    launch(local_home, request, "day_chain")
    (hourly,) = (
        hourly_progress.evaluate_tick(dg.build_schedule_context(scheduled_execution_time=datetime(2025, 1, 2, 2, tzinfo=UTC))).run_requests
        or []
    )
    launch(local_home, hourly, "progress_check")
    made = {str(key.to_user_string()) for key in local_home.instance.all_asset_keys()}
    assert made == {
        "captured_segments",
        "capture_coverage",
        "annotations",
        "segment_features",
        "annotation_features",
        "detections",
        "new_sounds",
        "sound_overview",
        "collection_progress",
    }


def backup_schedule(with_backup: bool = True) -> dg.ScheduleDefinition:
    return next(schedule for schedule in schedules(with_backup) if schedule.name == "backup_every_three_minutes")


def backup_tick(local: Home, **options: str) -> dg.RunRequest | dg.SkipReason:
    used = {"lake": local.resources["lake"], "catalog": local.resources["catalog"], "backup": BackupResource(**options)}
    moment = datetime(2025, 1, 2, tzinfo=UTC)
    with dg.build_schedule_context(instance=local.instance, resources=used, scheduled_execution_time=moment) as context:
        found: dg.RunRequest | dg.SkipReason = backup_schedule()(context)
    return found


def test_the_backup_is_asked_for_when_something_changed_and_never_without_a_place(
    instance_home: Home, s3_url: str, s3_endpoint: str, tmp_path: Path
) -> None:
    assert backup_schedule().cron_schedule == "*/3 * * * *"
    assert backup_schedule().default_status is dg.DefaultScheduleStatus.RUNNING
    assert backup_schedule(with_backup=False).default_status is dg.DefaultScheduleStatus.STOPPED
    instance_home.land_day(DAYS[0])
    unset = backup_tick(instance_home)
    assert isinstance(unset, dg.SkipReason)
    assert "not set" in (unset.skip_message or "")
    place = {"url": s3_url, "endpoint": s3_endpoint}
    assert isinstance(backup_tick(instance_home, **place), dg.RunRequest)
    instance_home.resources["backup"] = BackupResource(**place)
    instance_home.rebuild()
    instance_home.run("s3_backup")
    quiet = backup_tick(instance_home, **place)
    assert isinstance(quiet, dg.SkipReason)
    assert "nothing changed" in (quiet.skip_message or "")
    instance_home.lake.write_bytes("landing/mic/2025-01-03/20250103T100000Z.wav", wav(3.0))
    request = backup_tick(instance_home, **place)
    assert isinstance(request, dg.RunRequest)
    assert request.tags["soundmill/changed"] == "1-changed-files"
    away = backup_tick(instance_home, **{**place, "url": "s3://no-such-bucket/x"})
    assert isinstance(away, dg.SkipReason)
    assert "cannot be reached" in (away.skip_message or "")


def test_a_backup_that_is_running_is_not_asked_for_twice(instance_home: Home, s3_url: str, s3_endpoint: str, tmp_path: Path) -> None:
    instance_home.land_day(DAYS[0])
    job = instance_home.defs.resolve_job_def("backup")
    instance_home.instance.create_run_for_job(
        job, status=dg.DagsterRunStatus.STARTED, asset_selection=frozenset([dg.AssetKey("s3_backup")])
    )
    running = backup_tick(instance_home, url=s3_url, endpoint=s3_endpoint)
    assert isinstance(running, dg.SkipReason)
    assert "running" in (running.skip_message or "")


def test_the_nightly_downloads_take_the_day_before() -> None:
    context = dg.build_schedule_context(scheduled_execution_time=datetime(2025, 3, 1, 1, 15, tzinfo=UTC))
    request = nightly_downloads(context)
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == "2025-02-28"
