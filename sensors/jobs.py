"""Jobs: the assets that run together, and the pruning of old runs."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from assets.features import annotation_features
from assets.labels import annotations
from assets.operations import DAY_ASSETS, collection_progress
from assets.osr import evaluation_report, osr_model
from resources import LakeResource

day_chain = dg.define_asset_job(
    "day_chain", selection=dg.AssetSelection.assets(*DAY_ASSETS), description="Everything that a day's audio and labels become."
)
labels_chain = dg.define_asset_job(
    "labels_chain",
    selection=dg.AssetSelection.assets(annotations, annotation_features),
    description="A day's annotations and the features of the annotated sounds.",
)
model_chain = dg.define_asset_job(
    "model_chain", selection=dg.AssetSelection.assets(osr_model, evaluation_report), description="A model's fit and its evaluation."
)
progress_check = dg.define_asset_job(
    "progress_check",
    selection=dg.AssetSelection.assets(collection_progress),
    description="Counts the collection and looks for failed days.",
)

_FINISHED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
_PARTIAL_AGE = 24 * 3600


class PruneConfig(dg.Config):
    """`older_than_days`: age of finished runs that go. `dry_run`: only say what would go."""

    older_than_days: int = 90
    dry_run: bool = True


@dg.op
def delete_old_runs(context: dg.OpExecutionContext, config: PruneConfig, lake: LakeResource) -> None:
    """Deletes finished runs with their events, which Dagster itself keeps for ever, and files that killed processes left half written."""
    limit = datetime.now(UTC) - timedelta(days=config.older_than_days)
    records = context.instance.get_run_records(dg.RunsFilter(statuses=_FINISHED, created_before=limit))
    if not config.dry_run:
        for record in records:
            context.instance.delete_run(record.dagster_run.run_id)
    swept = 0 if config.dry_run else lake.open().sweep_partials(_PARTIAL_AGE, time.time())
    verb = "would delete" if config.dry_run else "deleted"
    context.log.info(f"{verb} {len(records)} runs older than {config.older_than_days} days; removed {swept} half-written files")
    context.add_output_metadata({"runs": len(records), "dry_run": config.dry_run, "half_written_files": swept})


@dg.job(description="Deletes old finished runs. A dry run unless told otherwise.")
def prune_runs() -> None:
    """See `delete_old_runs`."""
    delete_old_runs()


JOBS: list[Any] = [day_chain, labels_chain, model_chain, progress_check, prune_runs]
