"""The batch client of the downloader's HTTP API."""

import json
import time
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from soundmill.cli import app
from soundmill.errors import ServerUnavailable
from soundmill.ingest.client import submit
from tests.conftest import wav
from tests.web import Web


def test_the_batch_client_hands_a_list_over(client: httpx.Client, web: Web, tmp_path: Path) -> None:
    server = f"{client.base_url}/downloader"
    web.serve("/a", wav(1, 300))
    web.serve("/b", wav(1, 500))
    text = (
        "conversation_id,customer_url,agent_url,customer_filename,agent_filename\n"
        f"one,{web.url}/b,{web.url}/a,b.wav,a.wav\n"
        f",{web.url}/b,{web.url}/a,,\n"
        f"two,{web.url}/b,{web.url}/gone,,\n"
        f"a/b,{web.url}/b,{web.url}/a,,\n"
    )
    said: list[str] = []
    found = submit(text, "calls.csv", server, delay=0, say=said.append)
    assert {name: found[name] for name in ("csv_file", "total_conversations", "successful", "skipped", "failed")} == {
        "csv_file": "calls.csv", "total_conversations": 3, "successful": 1, "skipped": 0, "failed": 2,
    }  # fmt: skip
    details = {one["conversation_id"]: one for one in found["details"]}
    assert set(details["one"]) == {"conversation_id", "success", "status_code", "duration_seconds", "response"}
    assert (details["two"]["success"], details["two"]["status_code"]) == (False, 400)
    assert said[0].startswith("line 5: the conversation id 'a/b'")
    assert said[1] == "1/2 one: success"
    assert said[2].startswith("2/2 two: failed (400): http_404")
    again = submit(text, "calls.csv", server, delay=0)
    assert (again["successful"], again["skipped"], again["failed"]) == (0, 1, 2)
    results = tmp_path / "results.json"
    (tmp_path / "calls.csv").write_text(text)
    handed = ["download", "submit", str(tmp_path / "calls.csv"), "--server", server, "--delay", "0", "--results", str(results)]
    run = CliRunner().invoke(app, handed)
    assert run.exit_code == 1
    assert "0 done, 1 skipped, 2 failed" in run.stdout
    assert json.loads(results.read_text())["total_conversations"] == 3


def test_the_batch_client_gives_up_on_a_server_that_is_not_there(web: Web) -> None:
    with pytest.raises(ServerUnavailable):
        submit("conversation_id,agent_url\na,http://a.test/", "x", web.url)
    web.serve("/health", b'{"status": "healthy"}')
    web.on("/download/dual", lambda _, connection: time.sleep(1))
    found = submit("conversation_id,agent_url\na,http://a.test/", "x", web.url, timeout=0.3)
    assert [one["status_code"] for one in found["details"]] == [408]
