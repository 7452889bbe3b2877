"""Sensors: new audio, changed labels, requested models, failed runs."""

import hashlib
import json
import time
from collections.abc import Collection, Mapping
from datetime import date

import dagster as dg

from assets.features import annotation_features
from assets.labels import REVISIONS
from assets.partitions import days, models
from resources import AlertsResource, CatalogResource, LakeResource
from sensors.jobs import day_chain, labels_chain, model_chain
from sensors.plan import Cursor, plan_days
from soundmill.capture import landing_by_day
from soundmill.capture.segmenter import ASSET as SEGMENTS_ASSET
from soundmill.catalog import Annotations, ModelRegistry
from soundmill.settings import Settings

_SPACING = Settings().run_spacing_seconds
_ON = dg.DefaultSensorStatus.RUNNING
_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


@dg.sensor(job=day_chain, minimum_interval_seconds=15, default_status=_ON)
def new_audio(context: dg.SensorEvaluationContext, lake: LakeResource, catalog: CatalogResource) -> dg.SensorResult | dg.SkipReason:
    """Runs the days whose landing folders changed: one run at a time per day, what arrives meanwhile waits for the next."""
    current, misplaced = landing_by_day(lake.open())
    note = f"; {misplaced} files lie outside landing/{{source}}/{{date}}/" if misplaced else ""
    return _ask_for_days(context, current, catalog.ledger().processed(SEGMENTS_ASSET), SEGMENTS_ASSET, note)


@dg.sensor(job=labels_chain, minimum_interval_seconds=30, default_status=_ON)
def changed_annotations(context: dg.SensorEvaluationContext, catalog: CatalogResource) -> dg.SensorResult | dg.SkipReason:
    """Runs the days whose annotations changed in the catalog."""
    current = Annotations(catalog.open()).revisions()
    return _ask_for_days(context, current, catalog.ledger().processed(REVISIONS), REVISIONS)


@dg.sensor(job=model_chain, minimum_interval_seconds=30, default_status=_ON)
def model_requests(context: dg.SensorEvaluationContext, catalog: CatalogResource) -> dg.SensorResult | dg.SkipReason:
    """Adds a partition for each model defined in the catalog, and fits and evaluates those whose specification is new."""
    if busy := days_in_flight(context.instance, annotation_features.key.to_user_string()):
        return dg.SkipReason(f"features of {len(busy)} days are being made; models wait for them")
    registry = ModelRegistry(catalog.open())
    specs = registry.specs()
    # a fit that failed for want of labels is asked for again when labels have come
    labels = _digest(sorted(map(str, catalog.ledger().processed(REVISIONS).items())))
    known = set(context.instance.get_dynamic_partitions(models.name or ""))
    fitted = {json.dumps(version.card["spec"], sort_keys=True) + version.name for version in registry.versions() if version.card}
    requests = [
        dg.RunRequest(partition_key=name, run_key=f"{name} {_digest(spec)} {labels}")
        for name, spec in specs.items()
        if json.dumps(spec, sort_keys=True) + name not in fitted
    ]
    added, removed = sorted(set(specs) - known), sorted(known - set(specs))
    if not requests and not added and not removed:
        return dg.SkipReason(f"all {len(specs)} models are fitted")
    partition_requests: list[dg.AddDynamicPartitionsRequest | dg.DeleteDynamicPartitionsRequest] = []
    if added:
        partition_requests.append(models.build_add_request(added))
    if removed:
        partition_requests.append(models.build_delete_request(removed))
    return dg.SensorResult(run_requests=requests, dynamic_partitions_requests=partition_requests)


@dg.run_failure_sensor(default_status=_ON, minimum_interval_seconds=15)
def failed_runs(context: dg.RunFailureSensorContext, alerts: AlertsResource) -> None:
    """Logs each failed run and posts it to the alert webhook."""
    run = context.dagster_run
    partition = run.tags.get("dagster/partition", "")
    where = f" {partition}" if partition else ""
    alerts.send(
        f"Soundmill: {run.job_name}{where} failed: {context.failure_event.message}",
        run_id=run.run_id,
        job=run.job_name,
        partition=partition,
    )


def _ask_for_days(
    context: dg.SensorEvaluationContext, current: Mapping[date, str], processed: Mapping[date, str], asset: str, note: str = ""
) -> dg.SensorResult | dg.SkipReason:
    plan = plan_days(
        current,
        processed,
        days_in_flight(context.instance, asset),
        set(days.get_partition_keys()),
        Cursor.parse(context.cursor),
        time.time(),
        _SPACING,
    )
    if plan.outside:
        note += f"; no partition for {', '.join(map(str, plan.outside[:5]))}: see SOUNDMILL_START_DATE, or the clock of the source"
    if not plan.run:
        waiting = f"{len(plan.waiting)} changed days wait for a run in flight or for the spacing" if plan.waiting else "nothing changed"
        return dg.SkipReason(waiting + note)
    if note:
        context.log.warning(note.removeprefix("; "))
    requests = [
        dg.RunRequest(partition_key=day.isoformat(), run_key=f"{day.isoformat()} {mark}", tags={"soundmill/because": asset})
        for day, mark in plan.run.items()
    ]
    return dg.SensorResult(run_requests=requests, cursor=plan.cursor.text())


def days_in_flight(instance: dg.DagsterInstance, asset: str) -> Collection[str]:
    """Days on which a run that has not ended works on the asset."""
    busy: set[str] = set()
    for run in instance.get_runs(dg.RunsFilter(statuses=_UNFINISHED)):
        chosen = run.asset_selection
        if chosen is not None and dg.AssetKey(asset) not in chosen:
            continue
        if key := run.tags.get("dagster/partition"):
            busy.add(key)
        first, last = run.tags.get("dagster/asset_partition_range_start"), run.tags.get("dagster/asset_partition_range_end")
        if first and last:
            busy.update(key for key in days.get_partition_keys() if first <= key <= last)
    return busy


def _digest(spec: object) -> str:
    return hashlib.blake2b(json.dumps(spec, sort_keys=True).encode(), digest_size=8).hexdigest()


SENSORS = [new_audio, changed_annotations, model_requests, failed_runs]
