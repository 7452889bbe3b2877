"""Dagster's runs, asked of a real web server of Dagster."""

import socket
import threading
from pathlib import Path

import dagster as dg
import uvicorn
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import EmptyWorkspaceTarget
from dagster_webserver.app import create_app_from_workspace_process_context

from soundmill.workflows.runs import runs_now
from tests.conftest import wait_until
from tests.web import Web


@dg.asset(partitions_def=dg.DailyPartitionsDefinition("2026-01-01"))
def barks() -> None:
    """Always there."""


@dg.asset
def mews() -> None:
    """Never there."""
    raise ValueError("no cat")


def test_runs_are_told_with_what_they_made_and_how_they_ended(tmp_path: Path) -> None:
    job = dg.Definitions([barks, mews], jobs=[dg.define_asset_job("cats", ["mews"])]).get_repository_def()
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        dg.materialize([barks], instance=instance, partition_key="2026-01-02", tags={"dagster/sensor_name": "new_audio"})
        job.get_job("cats").execute_in_process(instance=instance, raise_on_error=False)
        with WorkspaceProcessContext(instance, EmptyWorkspaceTarget()) as context, socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            server = uvicorn.Server(uvicorn.Config(create_app_from_workspace_process_context(context), log_level="warning"))
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
            thread.start()
            wait_until(lambda: server.started, 30)
            address = f"http://127.0.0.1:{listening.getsockname()[1]}"
            found = runs_now(f"{address}/")
            server.should_exit = True
            thread.join(20)
    assert (found.problem, found.under_way) == ("", [])
    assert [one.status for one in found.newest] == ["failure", "success"]
    assert found.failed == found.newest[:1]
    failed, well = found.newest
    assert failed.what == "cats"
    assert well.what.endswith(" 2026-01-02")
    assert well.by == "sensor new_audio"
    assert well.link == f"{address}/runs/{well.id}"
    assert well.started_at
    assert well.ended_at
    assert well.created_at <= well.started_at <= well.ended_at


def test_a_dagster_that_is_away_is_a_sentence_that_says_what_to_do() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))  # and nobody listens
        found = runs_now(f"http://127.0.0.1:{holder.getsockname()[1]}")
    assert "SOUNDMILL_DAGSTER_URL" in found.problem
    assert found.newest == []


def test_what_is_no_dagster_is_told_so(web: Web) -> None:
    for body in (b"<html>", b"[]", b'{"data": null}', b'{"data": {"under_way": {"__typename": "PythonError"}}}'):
        web.serve("/graphql", body)
        assert "not Dagster" in runs_now(web.url).problem
