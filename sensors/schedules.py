"""Schedules: hourly progress, the backup, the nightly chain and downloads of the day before, the weekly pruning of runs."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import dagster as dg

from assets.backup import s3_backup
from resources import BackupResource, CatalogResource, CollectionResource, LakeResource
from sensors.jobs import backup_job, day_chain, downloads_chain, progress_check, prune_runs, speech_chain
from sensors.sensors import is_in_flight
from soundmill.errors import BackupUnavailable

_ON = dg.DefaultScheduleStatus.RUNNING


def _schedule(**options: Any) -> Callable[[Callable[..., Any]], dg.ScheduleDefinition]:
    """`dg.schedule` by UTC, with the docstring for the description that the UI lists, on by default."""
    options = {"default_status": _ON, "execution_timezone": "UTC", **options}
    return lambda work: dg.schedule(description=" ".join((work.__doc__ or "").split()), **options)(work)


hourly_progress = dg.ScheduleDefinition(
    "hourly_progress",
    job=progress_check,
    cron_schedule="0 * * * *",
    execution_timezone="UTC",
    default_status=_ON,
    description="Counts the collection every hour, and looks for failed days.",
)


@_schedule(job=day_chain, cron_schedule="30 1 * * *")
def nightly_chain(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """The whole chain for the day before, so that a day is complete even where a sensor slept and retryable items get their chance."""
    day = (context.scheduled_execution_time - timedelta(days=1)).date().isoformat()
    return dg.RunRequest(partition_key=day, run_key=f"nightly {day}")


@_schedule(job=downloads_chain, cron_schedule="15 1 * * *")
def nightly_downloads(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """The downloads of the day before, so that every day has its tables and its checks, also one without requests."""
    day = (context.scheduled_execution_time - timedelta(days=1)).date().isoformat()
    return dg.RunRequest(partition_key=day, run_key=f"nightly downloads {day}")


@_schedule(job=speech_chain, cron_schedule="30 2 * * *")
def nightly_speech(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """The speech of the day before, so that every day has its tables, and what failed gets another chance."""
    day = (context.scheduled_execution_time - timedelta(days=1)).date().isoformat()
    return dg.RunRequest(partition_key=day, run_key=f"nightly speech {day}")


def backup_every_three_minutes(
    context: dg.ScheduleEvaluationContext, lake: LakeResource, catalog: CatalogResource, backup: BackupResource
) -> dg.RunRequest | dg.SkipReason:
    """A backup when something changed since the last one; never where SOUNDMILL_BACKUP is not set."""
    from soundmill.backup import pending

    try:
        bucket = backup.bucket()
        if bucket is None:
            return dg.SkipReason("SOUNDMILL_BACKUP is not set")
        if is_in_flight(context.instance, s3_backup.key):
            return dg.SkipReason("a backup is running")
        changed = pending(bucket, lake.open(), catalog.open(), backup.options())
    except BackupUnavailable as error:
        return dg.SkipReason(f"the backup cannot be reached: {error}")
    if not changed:
        return dg.SkipReason("nothing changed since the last backup")
    context.log.info(changed)
    return dg.RunRequest(tags={"soundmill/changed": _tag(changed)})


def _tag(text: str) -> str:
    return re.sub(r"[^\w.-]+", "-", text)[:63].strip("-")


@_schedule(job=prune_runs, cron_schedule="15 3 * * 0")
def weekly_pruning(context: dg.ScheduleEvaluationContext, collection: CollectionResource) -> dg.RunRequest:
    """Deletes runs older than SOUNDMILL_KEEP_RUNS_DAYS."""
    config = {"ops": {"delete_old_runs": {"config": {"older_than_days": collection.keep_runs_days, "dry_run": False}}}}
    return dg.RunRequest(run_config=config)


def schedules(with_backup: bool) -> list[dg.ScheduleDefinition]:
    """All schedules; that of the backup is off where none is configured."""
    status = _ON if with_backup else dg.DefaultScheduleStatus.STOPPED
    backup = _schedule(job=backup_job, cron_schedule="*/3 * * * *", default_status=status)(backup_every_three_minutes)
    return [hourly_progress, nightly_chain, nightly_downloads, nightly_speech, backup, weekly_pruning]
