"""The downloader at work: many requests at once, attempts, kills and interrupts."""

import asyncio
import errno
import gc
import hashlib
import json
import multiprocessing
import os
import socket
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soundmill.catalog import Catalog, DownloadQueue, Ledger, Wanted, open_catalog
from soundmill.ingest import downloader
from soundmill.ingest.downloader import Downloader
from soundmill.ingest.downloads import update_downloads
from soundmill.ingest.spool import Part
from soundmill.lake import Lake, open_lake
from soundmill.options import FetchOptions
from soundmill.workflows.erasure import Conversation, erase
from tests.conftest import wait_until, wav
from tests.soundmill.ingest.asking import DAY, NOW, ask, blobs, options
from tests.web import Asked, Web, reply, reset


def test_a_passing_failure_is_tried_again_a_bounded_number_of_times(
    folder_lake: Lake, sqlite_catalog: Catalog, web: Web, tmp_path: Path
) -> None:
    url = web.on("/a", lambda _, connection: reply(connection, "429 Too Many Requests", Retry_After="7200"))
    ask(sqlite_catalog, ("a", "agent", url))
    update_downloads(folder_lake, sqlite_catalog, DAY, options(tmp_path, max_attempts=2))
    queue = DownloadQueue(sqlite_catalog)
    (request,) = queue.of("a")
    assert (request.state, request.attempts, request.reason) == ("queued", 1, "http_429")
    assert request.next_attempt_at is not None
    assert 7190 < (request.next_attempt_at - datetime.now(UTC)).total_seconds() < 7210
    assert update_downloads(folder_lake, sqlite_catalog, DAY, options(tmp_path)).attempts == 0  # not before its time
    (claimed,) = queue.claim("x", request.next_attempt_at)
    queue.settle(claimed, [], NOW, state="queued", reason="http_429", message="", stale="downloads")
    (claimed,) = queue.claim("x", NOW)
    assert claimed.attempts == 2

    async def last() -> None:
        async with Downloader(folder_lake, sqlite_catalog, options(tmp_path, max_attempts=2)) as worker:
            (again,) = queue.claim(worker.name, NOW) or [None]  # held by "x", which has no lease
            assert again is not None
            await worker.work(again)

    asyncio.run(last())
    assert queue.of("a")[0].state == "failed"
    (item,) = Ledger(sqlite_catalog).downloads()
    assert (item.state, item.reason, item.attempts) == ("quarantined", "http_429", 3)
    web.serve("/a", wav(2))
    assert queue.retry() == 1
    assert update_downloads(folder_lake, sqlite_catalog, DAY, options(tmp_path)).states == {"ready": 1}


def test_what_was_fetched_stays_when_it_is_asked_for_again_in_vain(
    folder_lake: Lake, sqlite_catalog: Catalog, web: Web, tmp_path: Path
) -> None:
    ask(sqlite_catalog, ("a", "agent", web.serve("/a", wav(2))))
    update_downloads(folder_lake, sqlite_catalog, DAY, options(tmp_path))
    before = blobs(folder_lake)
    DownloadQueue(sqlite_catalog).add([Wanted("a", "agent", web.url + "/gone")], NOW, replace=True)
    done = update_downloads(folder_lake, sqlite_catalog, DAY, options(tmp_path))
    assert (done.states, done.requests) == ({"ready": 1}, {"failed": 1})
    assert blobs(folder_lake) == before


def test_a_full_disk_stops_the_run_and_fails_no_request(
    folder_lake: Lake, sqlite_catalog: Catalog, web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(sqlite_catalog, ("a", "agent", web.serve("/a", wav(2))))

    def full(self: Any, block: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Part, "write", full)
        with pytest.raises(OSError, match="No space"):
            update_downloads(folder_lake, sqlite_catalog, DAY, options(tmp_path))
    (request,) = DownloadQueue(sqlite_catalog).of("a")
    assert (request.state, request.attempts, request.claimed_by) == ("queued", 0, None)
    assert update_downloads(folder_lake, sqlite_catalog, DAY, options(tmp_path)).states == {"ready": 1}


def test_nothing_is_taken_up_once_the_target_is_reached(folder_lake: Lake, sqlite_catalog: Catalog, web: Web, tmp_path: Path) -> None:
    ask(sqlite_catalog, *((f"c{n}", "agent", web.serve(f"/{n}", wav(2, 300 + 20 * n))) for n in range(6)))
    enough = options(tmp_path, stop_at_hours=5 / 3600, concurrency=1)
    done = update_downloads(folder_lake, sqlite_catalog, DAY, enough)
    assert (done.target_reached, done.states, done.requests) == (True, {"ready": 3}, {"done": 3, "queued": 3})
    assert update_downloads(folder_lake, sqlite_catalog, DAY, enough).attempts == 0


def faulty(web: Web, count: int, stop: list[bool]) -> tuple[list[tuple[str, str, str]], Counter[str]]:
    """Requests for so many files, every tenth with one of ten faults; and the codes that these are to end with."""
    short = wav(0.5, 300)

    def broken(_: Asked, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + short[:9000])
        time.sleep(0.05)
        reset(connection)

    def drip(_: Asked, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nRIFF")
        while not stop:
            connection.sendall(b"x")
            time.sleep(0.02)

    faults = [
        ("http_429", lambda _, connection: reply(connection, "429 Too Many", Retry_After="60")),
        ("connection_lost", broken),
        ("truncated", lambda _, connection: reply(connection, "200 OK", short[:-500], length=len(short))),
        ("http_404", lambda _, connection: reply(connection, "404 Not Found", short)),
        ("redirect_loop", lambda asked, connection: reply(connection, "302 Found", Location=asked.path)),
        ("forbidden_address", lambda _, connection: reply(connection, "302 Found", Location="http://169.254.169.254/")),
        ("timed_out", drip),
        ("not_audio", lambda _, connection: reply(connection, "200 OK", b"<html><body>log in", Content_Type="audio/wav")),
        ("too_large", lambda _, connection: reply(connection, "200 OK", short, length=2 << 30)),
        ("http_503", lambda _, connection: reply(connection, "503 Busy")),
    ]
    wanted, codes = [], Counter[str]()
    for n in range(count):
        if n % 10 == 5:
            code, answer = faults[n // 10 % len(faults)]
            codes[code] += 1
            url = web.on(f"/{n}", answer)  # type: ignore[arg-type]
        else:
            url = web.serve(f"/{n}", wav(0.5, 200 + n))
        wanted.append((f"call-{n:04d}", "agent", url))
    return wanted, codes


def test_a_thousand_requests_with_a_tenth_of_them_faulty(folder_lake: Lake, sqlite_catalog: Catalog, web: Web, tmp_path: Path) -> None:
    stop: list[bool] = []
    wanted, codes = faulty(web, 1000, stop)
    ask(sqlite_catalog, *wanted)
    limits = FetchOptions(allow=("127.0.0.1",), per_host=16, seconds=6.0, pause=0.2, resumes=0)
    done = update_downloads(folder_lake, sqlite_catalog, DAY, options(tmp_path, fetch=limits, concurrency=16))
    stop.append(True)
    assert done.states == {"ready": 900, "quarantined": 100}
    assert done.reasons == codes
    assert done.damaged == []
    named = json.loads(folder_lake.read_bytes("quarantine/2026-01-05/downloads.json"))
    assert Counter(note["reason"] for note in named) == codes
    assert len(list(folder_lake.files("audio"))) == 900
    assert not [name for _, _, names in os.walk(folder_lake.root) for name in names if "partial" in name]
    web.asked.clear()
    assert update_downloads(folder_lake, sqlite_catalog, DAY, options(tmp_path, fetch=limits)).attempts == 0
    transient = {item.key for item in Ledger(sqlite_catalog).downloads() if item.state == "quarantined" and item.transient}
    assert DownloadQueue(sqlite_catalog).counts(datetime.now(UTC), DAY) == {
        "done": 900,
        "waiting": len(transient),
        "failed": 100 - len(transient),
    }
    assert web.asked == []


def work_in(home: Path) -> None:
    """What a process of its own does that is killed."""
    update_downloads(open_lake(str(home / "lake")), open_catalog(f"sqlite:///{home}/catalog.db"), DAY, options(home, concurrency=4))


def test_killed_twenty_times_a_day_ends_as_if_undisturbed(web: Web, tmp_path: Path) -> None:
    """Kills at random moments, some of them with two workers at once; every server has its files at a snail's pace."""
    rng = np.random.default_rng(7)

    def slow(body: bytes) -> Any:
        def answer(asked: Asked, connection: socket.socket) -> None:
            rest, status = body[asked.offset :], "206 Partial Content" if asked.offset else "200 OK"
            where = f"Content-Range: bytes {asked.offset}-{len(body) - 1}/{len(body)}\r\n" if asked.offset else ""
            connection.sendall(f'HTTP/1.1 {status}\r\nContent-Length: {len(rest)}\r\nETag: "1"\r\n{where}\r\n'.encode())
            for start in range(0, len(rest), 8_000):
                connection.sendall(rest[start : start + 8_000])
                time.sleep(0.012)

        return answer

    wanted = [(f"call-{n // 2:02d}", ("agent", "customer")[n % 2], web.on(f"/{n}", slow(wav(1.5, 250 + 10 * n)))) for n in range(60)]
    wanted += [("gone", "agent", web.url + "/gone"), ("twin", "agent", web.url + "/3")]

    def home(name: str) -> Path:
        ask(open_catalog(f"sqlite:///{tmp_path / name / 'catalog.db'}"), *wanted)
        return tmp_path / name

    processes = multiprocessing.get_context("forkserver")  # which has imported everything, so that kills hit the work
    processes.set_forkserver_preload([__name__])

    def start(place: Path) -> Any:
        process = processes.Process(target=work_in, args=(place,))
        process.start()
        return process

    def finish(place: Path) -> None:
        process = start(place)
        process.join(120)
        assert process.exitcode == 0

    whole, torn = home("whole"), home("torn")
    finish(whole)
    queue = DownloadQueue(open_catalog(f"sqlite:///{torn / 'catalog.db'}"))
    for number in range(20):
        running = [start(torn) for _ in range(1 + number % 3 // 2)]
        time.sleep(float(rng.uniform(0.05, 0.3)))
        for process in running:
            process.kill()
            process.join()
    left = queue.counts(datetime.now(UTC))
    assert left.get("done", 0) < 61, "the kills came too late to mean anything"
    finish(torn)

    def state(place: Path) -> tuple[Any, Any]:
        items = Ledger(open_catalog(f"sqlite:///{place / 'catalog.db'}")).downloads()
        rows = {item.key: (item.state, item.content_hash, item.path, item.reason, item.blocked_by) for item in items}
        return rows, blobs(open_lake(str(place / "lake")))

    (rows, files), (wanted_rows, wanted_files) = state(torn), state(whole)
    assert rows == wanted_rows
    assert {path: len(data) for path, data in files.items()} == {path: len(data) for path, data in wanted_files.items()}
    assert files == wanted_files
    assert not list((torn / "spool").glob("*"))
    wait_until(lambda: queue.counts(datetime.now(UTC)).get("working", 0) == 0, 5)


def test_a_file_that_finds_a_hole_in_the_program_stops_none_of_the_others(
    folder_lake: Lake, sqlite_catalog: Catalog, web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(sqlite_catalog, *((f"c{n}", "agent", web.serve(f"/{n}", wav(1, 300 + 20 * n))) for n in range(6)))
    convert = downloader.convert_download

    def holed(source: Path, *arguments: Any, **options: Any) -> Any:
        if source.name == "3.part":
            raise ZeroDivisionError("division by zero")
        return convert(source, *arguments, **options)

    monkeypatch.setattr(downloader, "convert_download", holed)
    done = update_downloads(folder_lake, sqlite_catalog, DAY, options(tmp_path))
    assert (done.states, done.reasons) == ({"ready": 5, "quarantined": 1}, {"internal_error": 1})


@pytest.mark.parametrize("how", ["replaced", "withdrawn"])
def test_who_lost_the_claim_puts_nothing_in_place(
    folder_lake: Lake, sqlite_catalog: Catalog, web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    ask(sqlite_catalog, ("c", "agent", web.serve("/one", wav(1, 300))))
    queue, convert, second = DownloadQueue(sqlite_catalog), downloader.convert_download, [True]

    def meanwhile(*arguments: Any, **options: Any) -> Any:
        made = convert(*arguments, **options)
        if second.pop() if second else False:
            if how == "withdrawn":
                erase(folder_lake, sqlite_catalog, Conversation("c"))
            else:
                queue.add([Wanted("c", "agent", web.serve("/two", wav(1, 500)))], NOW, replace=True)
                update_downloads(folder_lake, sqlite_catalog, DAY, options(tmp_path / "other"))
        return made

    monkeypatch.setattr(downloader, "convert_download", meanwhile)
    update_downloads(folder_lake, sqlite_catalog, DAY, options(tmp_path))
    (item,) = Ledger(sqlite_catalog).downloads() or [None]
    files = [entry.path for entry in folder_lake.files("audio")]
    if how == "withdrawn":
        assert (item, files) == (None, [])
    else:
        assert item is not None
        assert item.measures["url"].endswith("/two")
        assert hashlib.sha256(folder_lake.read_bytes(item.path or "")).hexdigest() == item.content_hash
    assert not [name for _, _, names in os.walk(folder_lake.root) for name in names if "partial" in name]


def test_an_interrupt_stops_a_run_and_frees_what_it_held(folder_lake: Lake, sqlite_catalog: Catalog, web: Web, tmp_path: Path) -> None:
    def slow(_: Asked, connection: socket.socket) -> None:
        time.sleep(0.5)
        reply(connection, "200 OK", wav(1))

    ask(sqlite_catalog, *((f"c{n}", "agent", web.on(f"/{n}", slow)) for n in range(40)))

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        update_downloads(folder_lake, sqlite_catalog, DAY, options(tmp_path, concurrency=2), interrupt)
    counts = DownloadQueue(sqlite_catalog).counts(datetime.now(UTC))
    assert counts["queued"] >= 36
    assert "working" not in counts


def test_it_runs_where_a_loop_runs_already(folder_lake: Lake, sqlite_catalog: Catalog, web: Web, tmp_path: Path) -> None:
    ask(sqlite_catalog, ("a", "agent", web.serve("/a", wav(1))))

    async def notebook() -> dict[str, int]:
        return dict(update_downloads(folder_lake, sqlite_catalog, DAY, options(tmp_path)).states)

    assert asyncio.run(notebook()) == {"ready": 1}


def test_attempts_that_meet_a_full_disk_together_end_in_one_error(
    folder_lake: Lake, sqlite_catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ask(sqlite_catalog, *((f"call{n}", "agent", f"http://127.0.0.1:9/{n}") for n in range(6)))

    async def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Downloader, "_attempt", full)
    with pytest.raises(OSError, match="No space left"):
        update_downloads(folder_lake, sqlite_catalog, DAY, options(tmp_path, concurrency=6))
    gc.collect()
    assert "never retrieved" not in caplog.text
    assert {request.state for n in range(6) for request in DownloadQueue(sqlite_catalog).of(f"call{n}")} == {"queued"}


def test_no_password_of_a_url_is_written_down(folder_lake: Lake, sqlite_catalog: Catalog, web: Web, tmp_path: Path) -> None:
    secret = web.url.replace("http://", "http://ann:s3cretpw@")
    web.serve("/a", wav(2))
    ask(sqlite_catalog, ("good", "agent", f"{secret}/a"), ("bad", "agent", f"{secret}/gone?token=s3cretpw"))
    update_downloads(folder_lake, sqlite_catalog, DAY, options(tmp_path, max_attempts=1))
    written = [folder_lake.read_bytes(entry.path) for folder in ("tables", "quarantine") for entry in folder_lake.files(folder)]
    assert not any(b"s3cretpw" in data for data in written)
    assert "s3cretpw" not in repr(Ledger(sqlite_catalog).downloads())
    assert DownloadQueue(sqlite_catalog).of("good")[0].shown_url.startswith("http://ann:***@")
