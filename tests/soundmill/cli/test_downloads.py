"""soundmill download: lists in, reports out."""

import json
from pathlib import Path

import pytest

from tests.command import Command
from tests.conftest import wav
from tests.web import Web


def test_a_list_is_downloaded_and_reported_on(soundmill: Command, tmp_path: Path, web: Web) -> None:
    local = {"SOUNDMILL_DOWNLOAD_ALLOW": "127.0.0.1"}
    calls = tmp_path / "calls.csv"
    calls.write_text(
        "conversation_id,customer_url,agent_url,customer_filename,agent_filename\n"
        f"one,{web.serve('/b', wav(3, 500))},{web.serve('/a', wav(3, 300))},b.wav,a.wav\n,x,y,,\ntwo,,{web.url}/gone,,\n"
    )
    day = ("--requested-at", "2025-03-01T09:00:00Z")
    assert "3 requests queued for 2025-03-01" in soundmill("download", "add", str(calls), *day)
    assert "0 requests queued for 2025-03-01, 3 known before" in soundmill("download", "add", str(calls), *day)
    (row,) = json.loads(soundmill("download", "run", "--json", **local))
    assert (row["items"], row["reasons"]) == ({"ready": 2, "quarantined": 1}, {"http_404": 1})
    assert "nothing is due" in soundmill("download", "run", **local)
    assert "two agent: http_404" in soundmill("download", "status", "--failed")
    assert json.loads(soundmill("download", "status", "--json"))["requests"] == {"done": 2, "failed": 1}
    history = json.loads(soundmill("download", "history", "--by", "day", "--json"))
    assert [(row["conversations"], row["agent"], row["customer"], row["failed"]) for row in history] == [(1, 1, 1, 1)]
    web.serve("/gone", wav(2, 700))
    assert "1 request queued anew" in soundmill("download", "retry", "--reason", "http_404")
    (row,) = json.loads(soundmill("materialize", "downloads", "--day", "2025-03-01", "--json", **local))
    assert row["metadata"]["files"] == 3
    csv_file = tmp_path / "out.csv"
    report = soundmill("progress", "--target-hours", "0.001", "--csv", str(csv_file))
    assert "the target is reached" in report
    assert "calls with both sides: 1" in report
    assert csv_file.read_text().startswith(
        "conversation_id,timestamp,agent_filepath,agent_size_mb,agent_duration_min,customer_filepath,customer_size_mb,"
        "customer_duration_min,total_size_mb,total_duration_hours\none,"
    )
    whole = json.loads(soundmill("progress", "--json"))
    assert whole["calls"]["summary"]["total_conversations"] == 1
    assert whole["ready_hours"] == pytest.approx(8 / 3600)
    scanned = json.loads(soundmill("download", "scan", str(tmp_path / "home/lake/audio/downloads"), "--json"))
    assert (scanned["complete"], scanned["incomplete"]) == (1, {"two": "no customer"})
    assert "would withdraw one" in soundmill("download", "withdraw", "one")
    assert "one is withdrawn, 2 files" in soundmill("download", "withdraw", "one", "--yes")
    assert json.loads(soundmill("progress", "--json"))["items"] == {"ready": 1, "withdrawn": 2}


def test_lists_that_cannot_be_read_are_refused_and_bad_lines_named(soundmill: Command, tmp_path: Path) -> None:
    calls = tmp_path / "calls.csv"
    for text, says in (("a,b\n1,2\n", "the header needs"), ("id,speaker,url\n../x,agent,http://a.test/\n", "line 2")):
        calls.write_text(text)
        assert says in soundmill("download", "add", str(calls), code=1)
    assert "cannot be read" in soundmill("download", "add", str(tmp_path / "none.csv"), code=1)
    assert "is no folder" in soundmill("download", "scan", str(tmp_path / "none"), code=1)
    assert "nothing was asked for" in soundmill("download", "withdraw", "nobody", code=1)
    assert "does not answer" in soundmill("download", "submit", str(calls), "--server", "http://127.0.0.1:1/x", code=1)
