"""Schedules: hourly progress, the nightly chain of the day before, the weekly pruning of runs."""

from datetime import timedelta

import dagster as dg

from sensors.jobs import day_chain, progress_check, prune_runs
from soundmill.settings import Settings

_ON = dg.DefaultScheduleStatus.RUNNING

hourly_progress = dg.ScheduleDefinition(
    "hourly_progress", job=progress_check, cron_schedule="0 * * * *", execution_timezone="UTC", default_status=_ON
)


@dg.schedule(job=day_chain, cron_schedule="30 1 * * *", execution_timezone="UTC", default_status=_ON)
def nightly_chain(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """The whole chain for the day before, so that a day is complete even where a sensor slept and retryable items get their chance."""
    day = (context.scheduled_execution_time - timedelta(days=1)).date().isoformat()
    return dg.RunRequest(partition_key=day, run_key=f"nightly {day}")


@dg.schedule(job=prune_runs, cron_schedule="15 3 * * 0", execution_timezone="UTC", default_status=_ON)
def weekly_pruning(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Deletes runs older than SOUNDMILL_KEEP_RUNS_DAYS."""
    config = {"ops": {"delete_old_runs": {"config": {"older_than_days": Settings().keep_runs_days, "dry_run": False}}}}
    return dg.RunRequest(run_config=config)


SCHEDULES = [hourly_progress, nightly_chain, weekly_pruning]
