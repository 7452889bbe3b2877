"""How the collection and its pipeline are doing: hours toward the target, and days that failed."""

import json
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pyarrow.compute as pc

from assets.capture import capture_coverage, captured_segments
from assets.datasets import cut_manifests
from assets.features import annotation_features, segment_features
from assets.ingest import downloads
from assets.labels import annotations
from assets.metadata import counts_table, picture
from assets.osr import detections, evaluation_report, new_sounds, osr_model
from assets.partitions import models
from assets.speech import keyword_hits, sentiment, transcripts
from resources import AlertsResource, CatalogResource, CollectionResource, LakeResource
from soundmill.capture import SEGMENTS
from soundmill.catalog import CAPTURED, DOWNLOADED, Catalog, Ledger, held
from soundmill.errors import DamagedTable
from soundmill.ingest.downloads import DOWNLOADS
from soundmill.lake import Lake

CAPTURE_DAY = [
    captured_segments,
    capture_coverage,
    annotations,
    segment_features,
    annotation_features,
    detections,
    new_sounds,
]  # what a day of sound becomes
AFTER_THE_MODEL = ["detections", "new_sounds"]
BEFORE_THE_MODEL = [name for asset in CAPTURE_DAY if (name := asset.key.to_user_string()) not in AFTER_THE_MODEL]
SPEECH_DAY = [transcripts, keyword_hits, sentiment, cut_manifests]  # what a day's speech becomes
DAY_ASSETS = [downloads, *CAPTURE_DAY, *SPEECH_DAY]
_RECONCILED = 1e-3  # seconds


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
    from soundmill.ingest.conversations import conversations_csv, conversations_of, mean_sound, report
    from soundmill.ingest.hourly import hourly_counts, write_hourly
    from soundmill.ingest.progress import progress_bar, progress_csv, progress_of, progress_picture

    store, ledger = lake.open(), catalog.ledger()
    by_day = ledger.ready_seconds_by_day()
    now = datetime.now(UTC)
    calls = conversations_of(ledger.downloads(), collection.zone)
    progress = progress_of(ledger.counts(), by_day, collection.target_hours, now, mean_sound(calls))
    png = progress_picture(by_day, progress)
    reached_before = any(count["target_reached"] and count["target_hours"] == collection.target_hours for count in hourly_counts(store, 1))
    on_calls = report(calls, collection.target_hours, now)
    folder = "reports/collection_progress"
    store.write_bytes(f"{folder}/progress.json", json.dumps({**progress.as_json(), "calls": on_calls}, indent=1).encode())
    store.write_bytes(f"{folder}/progress.csv", progress_csv(progress).encode())
    store.write_bytes(f"{folder}/conversations.csv", conversations_csv(calls, store).encode())
    store.write_bytes(f"{folder}/progress.png", png)
    reached = collection.target_hours is not None and progress.target_reached
    if reached and not reached_before:
        text = f"the target of {collection.target_hours:g} h is reached: {progress.ready_hours:.2f} h are ready"
        alerts.send(f"Soundmill: {text}", good=True, ready_hours=progress.ready_hours, target_hours=collection.target_hours)
        context.log_event(dg.AssetObservation("collection_progress", description=text, metadata={"ready_hours": progress.ready_hours}))
    hourly = write_hourly(store, progress)  # after the alert, which a kill in between then sends twice rather than never
    metadata: dict[str, Any] = {
        "status": "target reached" if reached else "counted" if progress.items else "no data",
        "hours_ready": round(progress.ready_hours, 4),
        "hours_raw": round(progress.raw_hours, 4),
        "hours_a_day": round(progress.hours_a_day, 4),
        "hours_since_last_count": hourly["delta"]["ready_hours"],
        "conversations": len(calls),
        "items_by_state": counts_table(progress.items, "state"),
        "hours_by_state": counts_table(progress.hours, "state"),
        "since_last_count": counts_table(hourly["delta"]["items"], "items since the last count"),
        "plot": picture(png, "hours ready over the days"),
        "path": dg.MetadataValue.path(store.address(f"{folder}/progress.json")),
    }
    if progress.percent is not None and progress.remaining_hours is not None:
        metadata["progress"] = progress_bar(progress.percent)
        metadata["hours_remaining"] = round(progress.remaining_hours, 4)
        metadata["forecast"] = str(progress.forecast or "none")
        metadata["forecast_between"] = f"{progress.forecast_early or 'unknown'} and {progress.forecast_late or 'unknown'}"
        metadata["conversations_needed"] = progress.conversations_needed if progress.conversations_needed is not None else "unknown"
    failed = failed_partitions(context.instance, collection.days)
    differing, compared = unreconciled(store, catalog.open())
    return dg.MaterializeResult(
        metadata=metadata,
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


def unreconciled(store: Lake, catalog: Catalog) -> tuple[list[str], int]:
    """Days on which the ready hours of a table are not those of the ledger, each with both; and how many days were compared.

    Days that are being made, or are marked to be made again, are left out: there the ledger is ahead.
    """
    ledger = Ledger(catalog)
    differing, compared = [], 0
    for table, kinds, ready in ((SEGMENTS, CAPTURED, None), (DOWNLOADS, DOWNLOADED, pc.field("state") == "ready")):
        busy = {name.split(" ")[0] for name in held(catalog, f"{table.name}/")} | {str(day) for day in ledger.stale(table.name)}
        by_day = ledger.ready_seconds_by_day(kinds)
        for day in sorted({*by_day, *store.days(table)}):
            if str(day) in busy:
                continue
            compared += 1
            try:
                rows = store.read_days(table, [day], columns=["seconds"], where=ready)
            except DamagedTable as error:
                differing.append(str(error))
                continue
            there, known = pc.sum(rows["seconds"]).as_py() or 0.0, by_day.get(day, 0.0)
            if abs(there - known) > _RECONCILED:
                differing.append(f"{table.name} {day}: {there / 3600:.4f} h in the table, {known / 3600:.4f} h in the ledger")
    return differing, compared


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
