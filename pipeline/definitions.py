"""The code location that Dagster loads."""

import warnings
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import dagster as dg

from assets.backup import s3_backup
from assets.capture import landing_area
from assets.datasets import dataset_release
from assets.ingest import download_queue
from assets.labels import catalog_labels
from assets.operations import DAY_ASSETS, collection_progress
from assets.osr import evaluation_report, osr_model
from assets.rounds import labelled_round, labelling_sessions
from assets.speech import catalog_takes, uploaded_recordings
from pipeline.console import one_line_console
from resources import CollectionResource, resources_from
from sensors.jobs import JOBS
from sensors.schedules import schedules
from sensors.sensors import SENSORS
from soundmill.settings import Settings

OWNERS = ["team:soundmill"]
QUEUES = [landing_area, download_queue, catalog_labels, uploaded_recordings, catalog_takes]  # what the graph begins with, and does not make


def build_definitions(settings: Settings, resources: Mapping[str, Any] | None = None) -> dg.Definitions:
    """The whole graph as the settings say; `resources` replace those of the settings, by name, so that tests build the same graph on other
    ground."""
    configured: dict[str, Any] = {**resources_from(settings), **(resources or {})}
    collection: CollectionResource = configured["collection"]
    # one day late is worth a look, two days are an outage; the nightly chain runs at 01:30 UTC
    nightly = dg.FreshnessPolicy.cron(deadline_cron="0 6 * * *", lower_bound_delta=timedelta(hours=6), timezone="UTC")
    hourly = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=3), warn_window=timedelta(hours=2))
    watched = settings.watch_freshness

    def of_days(spec: dg.AssetSpec) -> dg.AssetSpec:
        return spec.replace_attributes(owners=OWNERS, partitions_def=collection.days, freshness_policy=nightly if watched else None)

    def hourly_one(spec: dg.AssetSpec) -> dg.AssetSpec:
        return spec.replace_attributes(owners=OWNERS, freshness_policy=hourly if watched else None)

    day_assets = dg.map_asset_specs(of_days, DAY_ASSETS)
    progress = dg.map_asset_specs(hourly_one, [collection_progress])
    others = dg.map_asset_specs(
        lambda spec: spec.replace_attributes(owners=OWNERS),
        [osr_model, evaluation_report, labelling_sessions, labelled_round, dataset_release, s3_backup, *QUEUES],
    )
    return dg.Definitions(
        assets=[*day_assets, *progress, *others],
        jobs=JOBS,
        schedules=schedules(with_backup=bool(configured["backup"].url)),
        sensors=SENSORS,
        executor=dg.in_process_executor,  # steps are short next to the seconds that a process of its own costs
        loggers={"console": one_line_console},
        resources=configured,
    )


with warnings.catch_warnings():
    warnings.simplefilter("ignore", dg.BetaWarning)
    defs = build_definitions(Settings())
