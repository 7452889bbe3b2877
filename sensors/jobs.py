"""Jobs: the assets that run together, and the pruning of old runs."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from assets.backup import s3_backup
from assets.datasets import dataset_release
from assets.features import annotation_features
from assets.ingest import downloads
from assets.labels import annotations
from assets.operations import CAPTURE_DAY, SPEECH_DAY, collection_progress
from assets.osr import detections, evaluation_report, new_sounds, osr_model
from assets.rounds import labelled_round, labelling_sessions
from resources import LakeResource

WORK = "soundmill/work"  # tag of runs of which dagster.yaml lets only so many run at a time

day_chain = dg.define_asset_job(
    "day_chain", selection=dg.AssetSelection.assets(*CAPTURE_DAY), description="Everything that a day's audio and labels become."
)
downloads_chain = dg.define_asset_job(
    "downloads_chain", selection=dg.AssetSelection.assets(downloads), description="Fetches what was asked for on a day."
)
labels_chain = dg.define_asset_job(
    "labels_chain",
    selection=dg.AssetSelection.assets(annotations, annotation_features),
    description="A day's annotations and the features of the annotated sounds.",
)
model_chain = dg.define_asset_job(
    "model_chain", selection=dg.AssetSelection.assets(osr_model, evaluation_report), description="A model's fit and its evaluation."
)
draw_round = dg.define_asset_job(
    "draw_round", selection=dg.AssetSelection.assets(labelling_sessions), description="Draws the sessions of a labelling round."
)
settle_round = dg.define_asset_job(
    "settle_round",
    selection=dg.AssetSelection.assets(labelled_round),
    description="Works out what came back of a labelling round, and makes annotations of its consensus.",
)
make_release = dg.define_asset_job(
    "make_release", selection=dg.AssetSelection.assets(dataset_release), description="Makes a release: an immutable data set."
)
detections_chain = dg.define_asset_job(
    "detections_chain",
    selection=dg.AssetSelection.assets(detections, new_sounds),
    description="The champion's detections on days that are segmented, and the new sounds among them.",
)
speech_chain = dg.define_asset_job(
    "speech_chain",
    selection=dg.AssetSelection.assets(*SPEECH_DAY),
    tags={WORK: "speech"},
    description="A day's transcripts, the keywords in them, their sentiment, and the day's CutSet.",
)
progress_check = dg.define_asset_job(
    "progress_check",
    selection=dg.AssetSelection.assets(collection_progress),
    description="Counts the collection and looks for failed days.",
)

backup_job = dg.define_asset_job(
    "backup", selection=dg.AssetSelection.assets(s3_backup), description="Copies what changed to SOUNDMILL_BACKUP."
)

_FINISHED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
_PARTIAL_AGE = 24 * 3600
_BATCH = 200


class PruneConfig(dg.Config):
    """`older_than_days`: age of finished runs that go. `dry_run`: only say what would go."""

    older_than_days: int = 90
    dry_run: bool = True


@dg.op
def delete_old_runs(context: dg.OpExecutionContext, config: PruneConfig, lake: LakeResource) -> None:
    """Deletes finished runs with their events, which Dagster itself keeps for ever, and files that killed processes left half written."""
    limit = datetime.now(UTC) - timedelta(days=config.older_than_days)
    needed = _newest_materializations(context.instance)
    old = context.instance.get_run_records(dg.RunsFilter(statuses=_FINISHED, created_before=limit))
    records = [record for record in old if record.dagster_run.run_id not in needed]
    if not config.dry_run:
        for record in records:
            context.instance.delete_run(record.dagster_run.run_id)
    swept = 0 if config.dry_run else lake.open().sweep_partials(_PARTIAL_AGE, time.time())
    verb = "would delete" if config.dry_run else "deleted"
    kept = len(old) - len(records)
    context.log.info(f"{verb} {len(records)} runs older than {config.older_than_days} days, but for {kept} that hold newest results")
    context.log.info(f"removed {swept} half-written files")
    context.add_output_metadata({"runs": len(records), "dry_run": config.dry_run, "half_written_files": swept})


def _newest_materializations(instance: dg.DagsterInstance) -> set[str]:
    """Runs that hold the newest materialisation of some partition, or of an asset without any: with them the UI would forget the day."""
    runs = set()
    for key in instance.all_asset_keys():
        newest = instance.get_latest_materialization_event(key)
        runs |= {newest.run_id} if newest else set()
        places = instance.get_latest_storage_id_by_partition(key, dg.DagsterEventType.ASSET_MATERIALIZATION)
        ids = sorted(places.values())
        for start in range(0, len(ids), _BATCH):
            wanted = dg.AssetRecordsFilter(asset_key=key, storage_ids=ids[start : start + _BATCH])
            runs |= {record.run_id for record in instance.fetch_materializations(wanted, limit=_BATCH).records}
    return runs


@dg.job(description="Deletes old finished runs. A dry run unless configured otherwise.")
def prune_runs() -> None:
    """See `delete_old_runs`."""
    delete_old_runs()


JOBS: list[Any] = [
    day_chain,
    downloads_chain,
    labels_chain,
    model_chain,
    draw_round,
    settle_round,
    make_release,
    detections_chain,
    speech_chain,
    progress_check,
    backup_job,
    prune_runs,
]
