"""How the collection and its pipeline are doing: hours toward the target, and days that failed."""

import json
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from assets.capture import capture_coverage, captured_segments
from assets.features import annotation_features, segment_features
from assets.ingest import downloads
from assets.labels import annotations
from assets.metadata import counts_table, picture
from assets.osr import detections, evaluation_report, osr_model
from assets.partitions import days, models
from resources import CatalogResource, CollectionResource, LakeResource

CAPTURE_DAY = [
    captured_segments,
    capture_coverage,
    annotations,
    segment_features,
    annotation_features,
    detections,
]  # what a day of sound becomes
DAY_ASSETS = [downloads, *CAPTURE_DAY]


@dg.asset(
    deps=[dg.AssetDep(asset, partition_mapping=dg.AllPartitionMapping()) for asset in (downloads, captured_segments)],
    group_name="ingest",
    kinds={"sqlalchemy"},
    code_version="1",
    check_specs=[
        dg.AssetCheckSpec("no_failed_partitions", asset="collection_progress", description="No day and no model is left failed."),
        dg.AssetCheckSpec("hours_reconcile", asset="collection_progress", description="Hours by source add up to hours by state."),
    ],
)
def collection_progress(
    context: dg.AssetExecutionContext, lake: LakeResource, catalog: CatalogResource, collection: CollectionResource
) -> dg.MaterializeResult:
    """Hours and items by state and source, what is left to the target and when it will be reached, from the ledger."""
    from soundmill.ingest.progress import progress_bar, progress_csv, progress_of, progress_picture

    store, ledger = lake.open(), catalog.ledger()
    by_day = ledger.ready_seconds_by_day()
    now = datetime.now(UTC)
    progress = progress_of(ledger.counts(), by_day, collection.target_hours, now)
    png = progress_picture(by_day, collection.target_hours)
    folder = "reports/collection_progress"
    store.write_bytes(f"{folder}/progress.json", json.dumps(progress.as_json(), indent=1).encode())
    store.write_bytes(f"{folder}/progress.csv", progress_csv(progress).encode())
    store.write_bytes(f"{folder}/progress.png", png)
    metadata: dict[str, Any] = {
        "status": "target reached" if collection.target_hours and progress.target_reached else "counted" if progress.items else "no data",
        "hours_ready": round(progress.ready_hours, 4),
        "hours_raw": round(progress.raw_hours, 4),
        "hours_a_day": round(progress.hours_a_day, 4),
        "items_by_state": counts_table(progress.items, "state"),
        "hours_by_state": counts_table(progress.hours, "state"),
        "plot": picture(png, "hours ready over the days"),
        "path": dg.MetadataValue.path(store.address(f"{folder}/progress.json")),
    }
    if progress.percent is not None and progress.remaining_hours is not None:
        metadata["progress"] = progress_bar(progress.percent)
        metadata["hours_remaining"] = round(progress.remaining_hours, 4)
        metadata["forecast"] = progress.forecast.isoformat() if progress.forecast else "none"
    by_source = sum(hours for states in progress.sources.values() for hours in states.values())
    failed = failed_partitions(context.instance)
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
                passed=abs(by_source - progress.raw_hours) < 1e-6,
                severity=dg.AssetCheckSeverity.ERROR,
                metadata={"by_source": by_source, "by_state": progress.raw_hours},
            ),
        ],
    )


def failed_partitions(instance: dg.DagsterInstance) -> dict[str, list[str]]:
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
