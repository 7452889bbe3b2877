"""What becomes of a model right now, asked of a real web server of Dagster; and what is said while it is away."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
import uvicorn
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import EmptyWorkspaceTarget
from dagster_webserver.app import create_app_from_workspace_process_context

from soundmill.catalog import ModelRegistry
from soundmill.workflows.training.requests import Request, _newest, _request, _sensor, requests_now
from tests.conftest import wait_until
from tests.home import Home
from tests.web import Web

WAITS = "waits for the sensor, which looks every half minute"


@contextmanager
def dagster(home: Home) -> Iterator[str]:
    with WorkspaceProcessContext(home.instance, EmptyWorkspaceTarget()) as context, socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(create_app_from_workspace_process_context(context), log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        wait_until(lambda: server.started, 30)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(20)


def test_a_model_is_fitted_another_failed_and_a_third_waits(built_home: Home) -> None:
    built_home.define("whales", tags=("whale",))
    built_home.define("later")
    job = built_home.defs.resolve_job_def("model_chain")
    config = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    built_home.instance.add_dynamic_partitions("models", ["whales", "later"])
    done = job.execute_in_process(instance=built_home.instance, partition_key="whales", raise_on_error=False, run_config=config)
    assert not done.success
    with dagster(built_home) as address:
        found = requests_now(built_home.catalog, address)
        by_name = {one.model: one for one in found.requests}
        assert found.problem == ""
        assert (by_name["house"].state, by_name["house"].text) == ("done", "fitted: version 1")
        failed = by_name["whales"]
        assert failed.state == "failed"
        assert failed.text.startswith("failed: no day holds an annotation of these tags")
        assert "\n" not in failed.text
        assert failed.link == f"{address}/runs/{done.run_id}"
        assert by_name["later"].state == "waiting"
        # defined anew since: the failure is of no matter any longer
        built_home.define("whales", tags=("kettle",))
        (again,) = (one for one in requests_now(built_home.catalog, address).requests if one.model == "whales")
        assert again.state == "waiting"


def test_while_dagster_is_away_fitted_models_are_fitted_and_others_wait_for_it(built_home: Home) -> None:
    built_home.define("later")
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        found = requests_now(built_home.catalog, f"http://127.0.0.1:{holder.getsockname()[1]}")
    assert "start it, or set SOUNDMILL_DAGSTER_URL" in found.problem
    assert {one.model: (one.state, one.text) for one in found.requests} == {
        "house": ("done", "fitted: version 1"),
        "later": ("waiting", "waits to be fitted"),
    }


def test_without_any_model_nobody_is_asked(local_home: Home) -> None:
    assert requests_now(local_home.catalog, "http://nowhere.invalid").requests == []
    assert ModelRegistry(local_home.catalog).specs() == {}


NOW = datetime.now(UTC)


def run(status: str, *steps: tuple[str, str], created: datetime = NOW) -> dict[str, object]:
    told = [{"stepKey": key, "status": state, "startTime": NOW.timestamp()} for key, state in steps]
    return {"runId": "abc", "status": status, "creationTime": created.timestamp(), "stepStats": told, "jobName": "model_chain"}


@pytest.mark.parametrize(
    ("of", "version", "state", "text"),
    [
        (run("QUEUED"), None, "queued", "queued"),
        (run("STARTED", ("osr_model", "IN_PROGRESS")), None, "fitting", "step 1 of 2"),
        (run("STARTED", ("osr_model", "SUCCESS"), ("evaluation_report", "IN_PROGRESS")), 2, "evaluating", "step 2 of 2"),
        (run("CANCELED"), None, "failed", "failed: somebody ended its run"),
        (run("CANCELED"), 2, "failed", "fitted, but not evaluated: somebody ended its run"),
        (run("CANCELED", ("osr_model", "FAILURE")), 2, "failed", "failed: somebody ended its run; version 2 stays"),
        (run("CANCELED", created=NOW - timedelta(days=2)), None, "waiting", WAITS),
        (run("CANCELED", created=NOW - timedelta(days=2)), 2, "done", "fitted: version 2"),  # and was defined as something else meanwhile
        (run("SUCCESS"), 2, "done", "fitted: version 2"),
        (None, None, "waiting", WAITS),
    ],
)
def test_each_state_of_a_run_is_a_line(of: dict[str, object] | None, version: int | None, state: str, text: str) -> None:
    found = _request("http://here/", "owls", NOW - timedelta(hours=1), version, of, WAITS)
    assert isinstance(found, Request)
    assert found.state == state
    assert text in found.text
    assert found.link == ("" if of is None or state == "waiting" else "http://here/runs/abc")


def test_runs_of_a_round_of_the_same_name_hide_none_of_the_models() -> None:
    others = [{**run("SUCCESS"), "jobName": "settle_round", "assetSelection": [{"path": ["labelled_round"]}]} for _ in range(10)]
    by_hand = {**run("STARTED"), "runId": "mine", "jobName": "__ephemeral_asset_job__", "assetSelection": [{"path": ["osr_model"]}]}
    older = run("FAILURE", created=NOW - timedelta(days=1))
    newest = _newest([older, *others, by_hand])
    assert newest is not None
    assert newest["runId"] == "mine"
    assert _newest(others) is None


def test_an_answer_that_is_not_dagsters_is_a_sentence(built_home: Home, web: Web) -> None:
    for answer in (b"{}", b'{"data": {}}', b'{"data": {"m0": null, "a0": null, "repositoriesOrError": null}}', b"hello"):
        web.serve("/graphql", answer, Content_Type="application/json")
        found = requests_now(built_home.catalog, web.url)
        assert "is not Dagster's web server" in found.problem
        assert [one.state for one in found.requests] == ["done"]


@pytest.mark.parametrize(
    ("state", "text"),
    [
        (None, "does not have loaded"),
        ({"status": "STOPPED", "ticks": []}, "switched off"),
        ({"status": "RUNNING", "ticks": []}, WAITS),
        ({"status": "RUNNING", "ticks": [{"skipReason": "nothing to fit for 2 models", "error": None}]}, WAITS),
        (
            {"status": "RUNNING", "ticks": [{"skipReason": "labels of 2 days are not yet in a snapshot; models wait for them"}]},
            "labels of 2 days",
        ),
        (
            {"status": "RUNNING", "ticks": [{"error": {"message": "ValueError: broken\n  at all"}}]},
            "failed, and tries again: broken at all",
        ),
    ],
)
def test_what_the_sensor_said_is_passed_on(state: dict[str, object] | None, text: str) -> None:
    sensors = [{"name": "model_requests", "sensorState": state}] if state else []
    assert text in _sensor({"repositoriesOrError": {"nodes": [{"sensors": sensors}]}})
