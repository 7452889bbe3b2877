"""How the collection and its pipeline are doing: hours toward the target, and days that failed."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import dagster as dg

from assets.capture import capture_coverage, captured_segments, sound_overview
from assets.datasets import cut_manifests
from assets.features import annotation_features, segment_features
from assets.ingest import downloads
from assets.labels import annotations
from assets.metadata import counts_table, picture
from assets.osr import detections, evaluation_report, new_sounds, osr_model
from assets.partitions import models
from assets.prompts import prompted_takes
from assets.speech import keyword_hits, sentiment, transcripts
from resources import AlertsResource, CatalogResource, CollectionResource, LakeResource

if TYPE_CHECKING:
    from soundmill.lake import Lake
    from soundmill.workflows.progress import Count

CAPTURE_DAY = [
    captured_segments,
    capture_coverage,
    annotations,
    segment_features,
    annotation_features,
    detections,
    new_sounds,
    sound_overview,
]  # what a day of sound becomes
AFTER_THE_MODEL = ["detections", "new_sounds"]
BEFORE_THE_MODEL = [name for asset in CAPTURE_DAY if (name := asset.key.to_user_string()) not in AFTER_THE_MODEL]
SPEECH_DAY = [transcripts, keyword_hits, sentiment, prompted_takes, cut_manifests]  # what a day's speech becomes
DAY_ASSETS = [downloads, *CAPTURE_DAY, *SPEECH_DAY]


@dg.asset(
    deps=[dg.AssetDep(asset, partition_mapping=dg.AllPartitionMapping()) for asset in (downloads, captured_segments)],
    group_name="ingest",
    kinds={"sqlalchemy"},
    code_version="1",
    check_specs=[
        dg.AssetCheckSpec("no_failed_partitions", asset="collection_progress", description="No day and no model is left failed."),
        dg.AssetCheckSpec("hours_reconcile", asset="collection_progress", description="Tables hold the ledger's hours, day by day."),
    ],
)
def collection_progress(
    context: dg.AssetExecutionContext,
    lake: LakeResource,
    catalog: CatalogResource,
    collection: CollectionResource,
    alerts: AlertsResource,
) -> dg.MaterializeResult:
    """Hours and items by state and source, what is left to the target and when it will be reached, from the ledger.

    Each count says what came since the one before; the one in which the target is first reached sends an alert.
    """
    from soundmill.workflows.progress import count_collection, keep_hourly, unreconciled

    store = lake.open()
    count = count_collection(store, catalog.open(), collection.zone, collection.target_hours, datetime.now(UTC))
    if count.is_newly_reached:
        text = f"the target of {collection.target_hours:g} h is reached: {count.progress.ready_hours:.2f} h are ready"
        alerts.send(f"Soundmill: {text}", good=True, ready_hours=count.progress.ready_hours, target_hours=collection.target_hours)
        metadata = {"ready_hours": count.progress.ready_hours}
        context.log_event(dg.AssetObservation("collection_progress", description=text, metadata=metadata))
    since = keep_hourly(store, count)["delta"]  # after the alert, which a kill in between then sends twice rather than never
    failed = failed_partitions(context.instance, collection.days)
    differing, compared = unreconciled(store, catalog.open())
    return dg.MaterializeResult(
        metadata=_progress_metadata(store, count, since),
        check_results=[
            dg.AssetCheckResult(
                check_name="no_failed_partitions",
                passed=not failed,
                severity=dg.AssetCheckSeverity.WARN,
                description="; ".join(f"{asset}: {', '.join(keys[:5])}" for asset, keys in failed.items()) or None,
                metadata={asset: ", ".join(keys) for asset, keys in failed.items()} or {"failed": 0},
            ),
            dg.AssetCheckResult(
                check_name="hours_reconcile",
                passed=not differing,
                severity=dg.AssetCheckSeverity.ERROR,
                description="; ".join(differing[:5]) or None,
                metadata={"tables_compared": compared, "tables_that_differ": len(differing)},
            ),
        ],
    )


def _progress_metadata(store: "Lake", count: "Count", since: dict[str, Any]) -> dict[str, Any]:
    from soundmill.ingest.progress import progress_bar
    from soundmill.workflows.progress import FOLDER

    progress = count.progress
    metadata: dict[str, Any] = {
        "status": "target reached" if count.is_reached else "counted" if progress.items else "no data",
        "hours_ready": round(progress.ready_hours, 4),
        "hours_raw": round(progress.raw_hours, 4),
        "hours_a_day": round(progress.hours_a_day, 4),
        "hours_since_last_count": since["ready_hours"],
        "conversations": count.conversations,
        "items_by_state": counts_table(progress.items, "state"),
        "hours_by_state": counts_table(progress.hours, "state"),
        "since_last_count": counts_table(since["items"], "items since the last count"),
        "plot": picture(count.plot, "hours ready over the days"),
        "path": dg.MetadataValue.path(store.address(f"{FOLDER}/progress.json")),
    }
    if progress.percent is not None and progress.remaining_hours is not None:
        metadata["progress"] = progress_bar(progress.percent)
        metadata["hours_remaining"] = round(progress.remaining_hours, 4)
        metadata["forecast"] = str(progress.forecast or "none")
        metadata["forecast_between"] = f"{progress.forecast_early or 'unknown'} and {progress.forecast_late or 'unknown'}"
        metadata["conversations_needed"] = progress.conversations_needed if progress.conversations_needed is not None else "unknown"
    return metadata


def failed_partitions(instance: dg.DagsterInstance, days: dg.DailyPartitionsDefinition) -> dict[str, list[str]]:
    """For each asset that has any: the days or models whose newest attempt failed."""
    found = {}
    by_day = [(asset, days.get_partition_keys(), days) for asset in DAY_ASSETS]
    by_model = [(asset, instance.get_dynamic_partitions(models.name or ""), models) for asset in (osr_model, evaluation_report)]
    for asset, keys, partitions in [*by_day, *by_model]:
        statuses = instance.get_status_by_partition(asset.key, keys, partitions) or {}
        failed = [key for key, state in statuses.items() if state is not None and state.value == "FAILED"]
        if failed:
            found[asset.key.to_user_string()] = failed
    return found
