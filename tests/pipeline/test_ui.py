"""The pipeline as `soundmill dev` runs it: web server, daemon, code server and studio, driven over GraphQL as the UI does."""

from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from assets.ingest import downloads
from assets.operations import CAPTURE_DAY
from pipeline.dev import _free_port, running
from soundmill.catalog import Catalog, ModelRegistry, open_catalog
from soundmill.lake import open_lake
from soundmill.osr.spec import ModelSpec
from soundmill.settings import Settings
from tests.conftest import wait_until, wav
from tests.home import land_day
from tests.web import Web

pytestmark = pytest.mark.e2e
FIRST = date(2025, 1, 1)
DAYS = [FIRST + timedelta(days=n) for n in range(2)]

BACKFILL = """mutation($p: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $p) {
  __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
BACKFILL_STATUS = "query($id: String!) { partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status numPartitions } } }"
RUNS = "query($f: RunsFilter) { runsOrError(filter: $f) { ... on Runs { results { runId status jobName tags { key value } } } } }"
ASSETS = """{ assetNodes { assetKey { path } assetMaterializations(limit: 1) { partition } } }"""
LAUNCH = """mutation($p: ExecutionParams!) { launchRun(executionParams: $p) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""


class Ui:
    """The UI's GraphQL."""

    def __init__(self, port: int) -> None:
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60)

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        answer = self._client.post("/graphql", json={"query": query, "variables": variables}).json()
        assert "errors" not in answer, answer["errors"]
        return dict(answer["data"])

    def launch_backfill(self, asset: str, days: list[date]) -> str:
        """Starts a backfill of an asset over days; its id."""
        wanted = {"assetSelection": [{"path": [asset]}], "partitionNames": [day.isoformat() for day in days]}
        launched = self.ask(BACKFILL, p=wanted)["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched
        return str(launched["backfillId"])

    def finished_backfill(self, backfill: str) -> list[dict[str, Any]]:
        """Waits until a backfill has succeeded; the runs it took."""

        def ended() -> str | None:
            status = str(self.ask(BACKFILL_STATUS, id=backfill)["partitionBackfillOrError"]["status"])
            return status if status.startswith(("COMPLETED", "FAIL", "CANCEL")) else None

        assert wait_until(ended, 180) == "COMPLETED_SUCCESS"
        return self.runs({"tags": [{"key": "dagster/backfill", "value": backfill}]})

    def runs(self, wanted: dict[str, Any]) -> list[dict[str, Any]]:
        return list(self.ask(RUNS, f=wanted)["runsOrError"]["results"])

    def materialized(self) -> set[str]:
        nodes = self.ask(ASSETS)["assetNodes"]
        return {node["assetKey"]["path"][0] for node in nodes if node["assetMaterializations"]}


def test_every_asset_is_made_by_sensors_by_backfills_and_by_hand(home_settings: Settings, web: Web) -> None:
    lake, catalog = open_lake(home_settings.lake_url), open_catalog(home_settings.catalog_url)
    for day in DAYS:
        land_day(lake, catalog, day)
    port, studio_port = _free_port(), _free_port()
    with running(home_settings, port, studio_port):
        studio = f"http://127.0.0.1:{studio_port}"
        call = {"conversation_id": "call", "audio_url_agent": web.serve("/a", wav(2)), "audio_url_customer": web.serve("/b", wav(2, 600))}
        answer = httpx.post(f"{studio}/downloader/download/dual", data=call, timeout=60).json()
        assert (answer["status"], answer["metadata_tracked"]) == ("success", True)
        seen = httpx.get(f"{studio}/api/overview", timeout=60).json()
        assert seen["downloads"]["counts"] == {"done": 2}
        assert seen["runs"]["problem"] == ""  # the two of them know where the other one is
        _every_asset(Ui(port), catalog, studio)


def _request(studio: str) -> dict[str, Any]:
    """What becomes of the model, as the page of models tells it."""
    told = httpx.get(f"{studio}/api/training/requests", timeout=60).json()
    assert told["problem"] == ""
    (mine,) = told["requests"]
    return dict(mine)


def _every_asset(ui: Ui, catalog: Catalog, studio: str) -> None:
    # the sensors see audio, labels and what came over HTTP, and run each day's chain
    by_day = {asset.key.to_user_string() for asset in (downloads, *CAPTURE_DAY)}  # no speech: there is no model here
    wait_until(lambda: ui.materialized() >= by_day, 150)
    wait_until(lambda: not ui.runs({"statuses": ["QUEUED", "STARTED", "STARTING", "NOT_STARTED"]}), 150)
    assert all(run["status"] == "SUCCESS" for run in ui.runs({}))

    # a backfill over a range in one run, and one that takes many; meanwhile a model is asked for in the catalog
    short = ui.launch_backfill("captured_segments", DAYS)
    long = ui.launch_backfill("annotations", [FIRST + timedelta(days=n) for n in range(32)])
    spec = ModelSpec(train_days=(DAYS[0],), test_days=(DAYS[1],))
    ModelRegistry(catalog).define("kitchen", spec.model_dump(mode="json"))
    assert _request(studio)["state"] in {"waiting", "queued", "fitting"}
    (one,) = ui.finished_backfill(short)
    tags = {tag["key"]: tag["value"] for tag in one["tags"]}
    assert (tags["dagster/asset_partition_range_start"], tags["dagster/asset_partition_range_end"]) == ("2025-01-01", "2025-01-02")
    assert len(ui.finished_backfill(long)) == 2
    wait_until(lambda: ui.materialized() >= {"osr_model", "evaluation_report"}, 150)
    wait_until(lambda: _request(studio)["text"] == "fitted: version 1", 60)
    assert httpx.get(f"{studio}/api/training/models/kitchen/1/report", timeout=60).json()["champion"]

    # and the progress job, launched by hand
    selector = {"repositoryLocationName": "soundmill", "repositoryName": "__repository__", "jobName": "progress_check"}
    launched = ui.ask(LAUNCH, p={"selector": selector, "runConfigData": {}, "mode": "default"})["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    wait_until(lambda: "collection_progress" in ui.materialized(), 60)
    assert ui.materialized() == by_day | {"osr_model", "evaluation_report", "collection_progress"}
