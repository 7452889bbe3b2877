"""The downloader's HTTP API: its fields and answers, what it refuses, and four processes at once."""

import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from soundmill.audio import probe
from soundmill.catalog import Catalog, DownloadQueue, Ledger, Wanted, lease, open_catalog
from soundmill.catalog.downloads import WORKER
from soundmill.ingest.downloads import update_downloads
from soundmill.ingest.spool import Part
from soundmill.lake import open_lake
from soundmill.options import DownloadOptions
from tests.conftest import wav
from tests.soundmill.studio.api.downloading import single
from tests.soundmill.studio.running import studio
from tests.web import Web, reply

Post = Callable[..., httpx.Response]


def catalog_of(folder: Path) -> Catalog:
    return open_catalog(f"sqlite:///{folder / 'catalog.db'}")


def dual(client: httpx.Client, **form: str) -> httpx.Response:
    return client.post("/downloader/download/dual", data=form)


def test_it_says_what_it_is_and_that_it_is_well(client: httpx.Client, tmp_path: Path) -> None:
    about = client.get("/downloader/").json()
    assert about["version"] == "1.0.0"
    assert set(about) == {"service", "version", "description", "endpoints"}
    assert client.get("/downloader/health").json() == {"status": "healthy", "storage_dir": str(tmp_path / "conversations")}


@pytest.mark.parametrize("rate", [8_000, 44_100])
def test_one_file_comes_as_16_khz_mono(client: httpx.Client, web: Web, rate: int) -> None:
    answer = single(client, conversation_id="call 1", audio_url=web.serve("/a", wav(2, rate=rate)), speaker_label="anna")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert {name: found[name] for name in ("status", "conversation_id", "speaker_label", "filename", "file_size_mb")} == {
        "status": "success", "conversation_id": "call 1", "speaker_label": "anna", "filename": "call 1_anna.wav", "file_size_mb": 0.06,
    }  # fmt: skip
    info = probe(found["filepath"])
    assert (info.sample_rate, info.channels, info.frames) == (16_000, 1, 32_000)
    assert client.get("/downloader/statistics").json()["summary"]["total_conversations"] == 0  # single files are no calls


def test_the_speaker_is_called_speaker_and_a_file_asked_for_again_is_replaced(client: httpx.Client, web: Web) -> None:
    first = single(client, conversation_id="c", audio_url=web.serve("/a", wav(1))).json()
    assert (first["speaker_label"], first["filename"]) == ("speaker", "c_speaker.wav")
    again = single(client, conversation_id="c", audio_url=web.serve("/b", wav(3))).json()
    assert again["filepath"] == first["filepath"]
    assert probe(again["filepath"]).frames == 48_000


def test_a_stereo_file_is_taken_apart_when_two_speakers_are_named(client: httpx.Client, data: Path, web: Web) -> None:
    url = web.serve("/s.flac", (data / "calls/call_49_stereo_agent_left.flac").read_bytes())
    found = single(client, conversation_id="49", audio_url=url, speaker_label="agent+customer").json()
    assert [file["filename"] for file in found["files"]] == ["49_agent.wav", "49_customer.wav"]
    summary = client.get("/downloader/statistics").json()["summary"]
    assert (summary["total_conversations"], summary["total_minutes"]) == (1, 3.96)


@pytest.mark.parametrize(
    "form",
    [
        {"conversation_id": "c"},
        {"audio_url": "http://a.test/"},
        {"conversation_id": "", "audio_url": "http://a.test/"},
        {"conversation_id": "../../etc", "audio_url": "http://a.test/"},
        {"conversation_id": "c", "audio_url": "http://a.test/", "speaker_label": "../x"},
        {"conversation_id": "c", "audio_url": "ftp://a.test/"},
        {"conversation_id": "c", "audio_url": "http://10.0.0.1/"},
        {"conversation_id": "c", "audio_url": "http://169.254.169.254/latest"},
        {"conversation_id": "c", "audio_url": "nonsense"},
        {"conversation_id": "c", "audio_url": "http://no-such-host.invalid/"},
    ],
)
def test_bad_input_is_a_400_that_says_what_is_wrong(client: httpx.Client, tmp_path: Path, form: dict[str, str]) -> None:
    answer = single(client, **form)
    assert answer.status_code == 400
    assert answer.json()["detail"]
    if "speaker_label" not in form:
        agent = {"audio_url_agent": form["audio_url"]} if "audio_url" in form else {}
        conversation = {"conversation_id": form["conversation_id"]} if "conversation_id" in form else {}
        assert dual(client, **conversation, **agent).status_code == 400
    assert not list((tmp_path / "lake").rglob("*.wav"))


@pytest.mark.parametrize("body", [b"", b"<html>log in</html>", b"RIFF\0\0\0\0WAVE"])
def test_what_is_no_usable_audio_is_a_400_with_its_code(client: httpx.Client, web: Web, body: bytes) -> None:
    answer = single(client, conversation_id="c", audio_url=web.serve("/a", body, Content_Type="audio/wav"))
    assert answer.status_code == 400
    assert answer.json()["reason"] in ("empty", "not_audio", "truncated", "bad_header")


def test_a_request_that_is_too_large_is_refused(client: httpx.Client) -> None:
    assert single(client, conversation_id="c", audio_url="http://a.test/" + "x" * 2_000_000).status_code == 413
    endless = (b"conversation_id=" + b"x" * 100_000 for _ in range(50))
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert client.post("/downloader/download/single", content=endless, headers=form).status_code == 413


def test_both_sides_come_and_the_call_is_counted(client: httpx.Client, web: Web, tmp_path: Path) -> None:
    agent, customer = web.serve("/a", wav(2, 300)), web.serve("/b", wav(3, 500))
    found = dual(client, conversation_id="call-1", audio_url_agent=agent, audio_url_customer=customer).json()
    assert (found["status"], found["total_files"], found["metadata_tracked"]) == ("success", 2, True)
    assert [(one["speaker"], one["filename"], one["status"]) for one in found["downloads"]] == [
        ("agent", "call-1_agent.wav", "success"),
        ("customer", "call-1_customer.wav", "success"),
    ]
    answer = client.get("/downloader/statistics", params={"target_hours": 0.01}).json()
    assert answer["summary"]["total_seconds"] == 3.0  # the longer side
    assert answer["summary"]["average_duration_minutes"] == 0.05
    assert answer["progress"] == {
        "target_hours": 0.01, "current_hours": 0.0, "remaining_hours": 0.01, "progress_percentage": 8.33,
        "estimated_conversations_needed": 11, "target_reached": False,
    }  # fmt: skip
    assert client.get("/downloader/storage/info").json() == {
        "storage_directory": str(tmp_path / "conversations"), "total_files": 2, "total_size_mb": 0.15, "total_conversations": 1,
        "files": ["call-1_agent.wav", "call-1_customer.wav"], "conversation_folders": ["call-1"],
    }  # fmt: skip
    assert client.get("/downloader/conversations").json() == {"complete": ["call-1"], "incomplete": [], "requests": {"done": 2}}


def test_what_ends_early_is_taken_with_a_note_of_its_share(client: httpx.Client, web: Web) -> None:
    answer = single(client, conversation_id="c", audio_url=web.serve("/a", wav(2)[:-20_000], Content_Type="audio/wav"))
    assert answer.status_code == 200
    assert answer.json()["note"].startswith("truncated_kept: ")


def test_sides_of_different_calls_do_not_become_a_pair(client: httpx.Client, web: Web) -> None:
    first, second, customer = (web.serve(f"/{name}", wav(2, pitch)) for name, pitch in (("a", 300), ("b", 500), ("c", 700)))
    assert dual(client, conversation_id="c", audio_url_agent=first).json()["status"] == "success"
    other = dual(client, conversation_id="c", audio_url_agent=second, audio_url_customer=customer).json()
    assert (other["status"], other["reason"]) == ("skipped", "duplicate_conversation_id")
    assert "another URL" in other["message"]
    assert web.times("/c") == 0
    same = dual(client, conversation_id="c", audio_url_agent=first, audio_url_customer=customer).json()
    assert (same["status"], same["total_files"]) == ("success", 2)


def test_the_storage_directory_has_a_folder_for_each_call(client: httpx.Client, web: Web) -> None:
    agent, customer = web.serve("/a", wav(2, 300)), web.serve("/b", wav(2, 500))
    dual(client, conversation_id="call 7", audio_url_agent=agent, audio_url_customer=customer)
    storage = Path(client.get("/downloader/health").json()["storage_dir"])
    assert sorted(str(file.relative_to(storage)) for file in storage.rglob("*.wav")) == [
        "call 7/call 7_agent.wav", "call 7/call 7_customer.wav",
    ]  # fmt: skip
    assert {probe(file).frames for file in storage.rglob("*.wav")} == {32_000}


def test_an_empty_store_has_zeros(client: httpx.Client) -> None:
    answer = client.get("/downloader/statistics", params={"target_hours": 100}).json()
    assert answer["summary"] == {
        "total_conversations": 0, "total_hours": 0, "total_minutes": 0, "total_seconds": 0, "total_size_mb": 0, "total_size_gb": 0,
    }  # fmt: skip
    assert (answer["progress"]["progress_percentage"], answer["progress"]["estimated_conversations_needed"]) == (0, 0)
    for no_target in ("0", "-5"):
        found = client.get("/downloader/statistics", params={"target_hours": no_target})
        assert (found.status_code, "progress" in found.json()) == (200, False)
    for wrong in ("abc", "nan", "inf"):
        assert client.get("/downloader/statistics", params={"target_hours": wrong}).status_code == 400


def test_a_customer_that_fails_is_reported_and_tried_again_the_next_time(client: httpx.Client, web: Web) -> None:
    agent, customer = web.serve("/a", wav(2, 300)), web.url + "/b"
    found = dual(client, conversation_id="c", audio_url_agent=agent, audio_url_customer=customer).json()
    assert (found["status"], found["total_files"], "metadata_tracked" in found) == ("success", 1, False)
    assert (found["downloads"][1]["speaker"], found["downloads"][1]["status"]) == ("customer", "failed")
    assert found["downloads"][1]["error"].startswith("http_404")
    web.serve("/b", wav(2, 500))
    again = dual(client, conversation_id="c", audio_url_agent=agent, audio_url_customer=customer).json()
    assert (again["total_files"], again["metadata_tracked"]) == (2, True)
    assert web.times("/a") == 1
    skipped = dual(client, conversation_id="c", audio_url_agent=agent, audio_url_customer=customer).json()
    assert (skipped["status"], skipped["reason"]) == ("skipped", "duplicate_conversation_id")
    assert {"message", "action"} <= set(skipped)
    assert (web.times("/a"), web.times("/b")) == (1, 2)


def test_a_call_whose_agent_fails_has_failed_and_may_be_tried_again(client: httpx.Client, web: Web) -> None:
    assert dual(client, conversation_id="c", audio_url_agent=web.on("/a", lambda _, c: reply(c, "503 Busy"))).status_code == 400
    assert dual(client, conversation_id="c", audio_url_agent=web.serve("/a", wav(2))).json()["status"] == "success"


def test_a_call_that_somebody_is_on_is_skipped(client: httpx.Client, web: Web, tmp_path: Path) -> None:
    catalog = catalog_of(tmp_path)
    queue = DownloadQueue(catalog)
    queue.add([Wanted("c", "agent", web.serve("/a", wav(2)))], datetime.now(UTC))
    with lease(catalog, WORKER + "other", wait=0) as held:
        queue.claim(held.owner, datetime.now(UTC))
        assert dual(client, conversation_id="c", audio_url_agent=web.url + "/a").json()["status"] == "skipped"
    assert dual(client, conversation_id="c", audio_url_agent=web.url + "/a").json()["status"] == "success"  # the other one died


def test_what_came_over_http_is_in_the_days_tables_when_the_asset_has_run(client: httpx.Client, web: Web, tmp_path: Path) -> None:
    dual(client, conversation_id="c", audio_url_agent=web.serve("/a", wav(2)), audio_url_customer=web.serve("/b", wav(2, 600)))
    today, catalog = datetime.now(UTC).date(), catalog_of(tmp_path)
    assert Ledger(catalog).processed("downloads")[today].startswith("stale ")
    done = update_downloads(open_lake(str(tmp_path / "lake")), catalog, today, DownloadOptions(tmp_path / "spool"))
    assert (done.attempts, done.states, len(done.pairs)) == (0, {"ready": 2}, 1)
    assert not Ledger(catalog).processed("downloads")[today].startswith("stale ")


def test_switched_off_it_checks_and_fetches_nothing(web: Web, tmp_path: Path) -> None:
    url = web.serve("/a", wav(2))
    with studio(tmp_path, downloads_enabled=False) as client:
        for answer in (dual(client, conversation_id="c", audio_url_agent=url), single(client, conversation_id="c", audio_url=url)):
            assert (answer.status_code, answer.json()["status"], answer.json()["conversation_id"]) == (200, "dry_run", "c")
            assert {"message", "note"} <= set(answer.json())
        assert dual(client, conversation_id="../c", audio_url_agent=url).status_code == 400
    assert web.asked == []


def test_a_token_is_asked_for_where_one_is_set(web: Web, tmp_path: Path) -> None:
    with studio(tmp_path, api_token="s3cret", studio_password="open") as client:
        assert client.get("/downloader/health").status_code == 200
        for path in ("/downloader/statistics", "/downloader/storage/info", "/downloader/conversations"):
            assert client.get(path).status_code == 401
            assert client.get(path, headers={"Authorization": "Bearer wrong"}).status_code == 401
            assert client.get(path, headers={"Authorization": "Bearer s3cret"}).status_code == 200
        assert single(client, conversation_id="c", audio_url=web.url).status_code == 401
        assert client.get("/").status_code == 401
        assert client.get("/", auth=("anyone", "open")).status_code == 200


def test_at_the_target_nothing_more_is_fetched(web: Web, tmp_path: Path) -> None:
    with studio(tmp_path, target_hours=1 / 3600, stop_at_target=True) as client:
        assert single(client, conversation_id="a", audio_url=web.serve("/a", wav(2))).status_code == 200
        refused = single(client, conversation_id="b", audio_url=web.serve("/b", wav(2, 900)))
        assert refused.status_code == 400
        assert "target" in refused.json()["detail"]


def test_what_was_withdrawn_does_not_come_back(client: httpx.Client, web: Web, tmp_path: Path) -> None:
    single(client, conversation_id="a", audio_url=web.serve("/a", wav(2)))
    DownloadQueue(catalog_of(tmp_path)).withdraw("a", datetime.now(UTC), "downloads")
    assert "withdrawn" in single(client, conversation_id="a", audio_url=web.url + "/a").json()["detail"]


def test_four_processes_and_fifty_clients_lose_no_row(four_workers: str, web: Web, tmp_path: Path) -> None:
    for n in range(50):
        web.serve(f"/{n}/agent", wav(0.5, 200 + n))
        web.serve(f"/{n}/customer", wav(0.6, 400 + n))

    def post(n: int) -> dict[str, Any]:
        form = {"conversation_id": f"call-{n}", "audio_url_agent": f"{web.url}/{n}/agent", "audio_url_customer": f"{web.url}/{n}/customer"}
        found: dict[str, Any] = httpx.post(f"{four_workers}/download/dual", data=form, timeout=120, verify=False).json()
        return found

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(post, [*range(50), *range(10)]))
    assert [answer for answer in answers[:50] if answer.get("status") not in ("success", "skipped")] == []
    found = httpx.get(f"{four_workers}/statistics").json()["summary"]
    assert (found["total_conversations"], found["total_seconds"]) == (50, pytest.approx(30.0))
    items = Ledger(catalog_of(tmp_path)).downloads()
    assert (len(items), {item.state for item in items}) == (100, {"ready"})
    assert len(list((tmp_path / "lake").rglob("*.wav"))) == 100


def test_when_this_machine_fails_the_request_is_free_again(client: httpx.Client, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: object, block: bytes) -> None:
        raise OSError(28, "No space left on device")

    url = web.serve("/a", wav(2))
    with monkeypatch.context() as patched:
        patched.setattr(Part, "write", full)
        assert dual(client, conversation_id="c", audio_url_agent=url).status_code == 507
    assert dual(client, conversation_id="c", audio_url_agent=url).json()["status"] == "success"


def test_odd_urls_are_refused_and_hold_nothing_up(client: httpx.Client) -> None:
    for url in ("http://xn--/x.wav", "http://a\ud800/", "http://[::1", "http://a.test:99999999/"):
        assert single(client, conversation_id="c", audio_url=url.encode("utf-8", "surrogatepass").decode("latin-1")).status_code == 400
    assert client.get("/downloader/conversations").json()["requests"].get("working") is None
    assert client.get("/downloader/statistics", params={"target_hours": "1e308"}).status_code == 400


def test_no_more_is_fetched_at_a_time_than_is_allowed(web: Web, tmp_path: Path) -> None:
    at_once, most = [0], [0]

    def answer(asked: object, connection: socket.socket) -> None:
        at_once[0] += 1
        most[0] = max(most[0], at_once[0])
        time.sleep(0.1)
        at_once[0] -= 1
        reply(connection, "200 OK", wav(0.5))

    with studio(tmp_path, download_concurrency=2, download_per_host=9) as client, ThreadPoolExecutor(8) as pool:
        posts = [pool.submit(single, client, conversation_id=f"c{n}", audio_url=web.on(f"/{n}", answer)) for n in range(8)]
        assert {post.result().status_code for post in posts} == {200}
    assert most[0] <= 2
