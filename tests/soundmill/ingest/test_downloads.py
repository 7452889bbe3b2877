"""From requests to files, rows, tables and manifests: on real servers, with real faults, and killed midway."""

import asyncio
import errno
import hashlib
import io
import json
import multiprocessing
import os
import socket
import time
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf

from soundmill.audio import probe, read_pcm, to_pcm16, wav_bytes
from soundmill.catalog import Catalog, DownloadQueue, Ledger, Wanted, open_catalog
from soundmill.ingest import downloader, downloads, fetch
from soundmill.ingest.downloader import Downloader
from soundmill.ingest.downloads import DOWNLOADS, damaged_files, update_downloads
from soundmill.ingest.pairs import PAIRS
from soundmill.lake import Lake, open_lake
from soundmill.options import DownloadOptions, FetchOptions
from soundmill.workflows.erasure import Conversation, erase
from tests.conftest import tone, wait_until, wav
from tests.web import Asked, Web, reply, reset

NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)
DAY = date(2026, 1, 5)


def options(folder: Path, **values: Any) -> DownloadOptions:
    fetch = FetchOptions(allow=("127.0.0.1",), per_host=8, idle_seconds=10)
    return DownloadOptions(spool=folder / "spool", **{"fetch": fetch, "concurrency": 8, **values})


def ask(catalog: Catalog, *wanted: tuple[str, str, str]) -> None:
    DownloadQueue(catalog).add([Wanted(*one) for one in wanted], NOW)


def blobs(lake: Lake) -> dict[str, bytes]:
    folders = ("audio", "tables", "manifests", "quarantine")
    return {entry.path: lake.read_bytes(entry.path) for folder in folders for entry in lake.files(folder)}


def test_both_sides_of_a_call_come_in(lake: Lake, catalog: Catalog, web: Web, tmp_path: Path) -> None:
    ask(catalog, ("call-1", "agent", web.serve("/a.wav", wav(3, 300))), ("call-1", "customer", web.serve("/b.wav", wav(3.2, 500, 8_000))))
    done = update_downloads(lake, catalog, DAY, options(tmp_path))
    assert (done.states, done.requests, done.damaged, done.attempts) == ({"ready": 2}, {"done": 2}, [], 2)
    rows = lake.read_days(DOWNLOADS, [DAY]).to_pylist()
    assert [(row["speaker"], row["seconds"], row["original_rate"]) for row in rows] == [("agent", 3.0, 44_100), ("customer", 3.2, 8_000)]
    with lake.local_file("audio/downloads/2026-01-05/call-1/call-1_customer.wav") as path:
        info = probe(path)
        assert (info.sample_rate, info.channels, info.codec) == (16_000, 1, "pcm_16")
    (pair,) = lake.read_days(PAIRS, [DAY]).to_pylist()
    assert (pair["difference"], pair["agrees"]) == (pytest.approx(0.2), True)
    assert list((tmp_path / "spool").iterdir()) == []
    before = blobs(lake)
    assert update_downloads(lake, catalog, DAY, options(tmp_path)).attempts == 0
    assert blobs(lake) == before


def test_a_stereo_recording_is_taken_apart_and_other_files_are_mixed(
    folder_lake: Lake, sqlite_catalog: Catalog, web: Web, tmp_path: Path
) -> None:
    left, right = tone(2, 300, 16_000), tone(2, 900, 16_000, 0.1)
    stereo = io.BytesIO()
    sf.write(stereo, np.stack([left, right], 1), 16_000, format="FLAC")
    url = web.serve("/s.flac", stereo.getvalue())
    ask(sqlite_catalog, ("call", "agent+customer", url), ("mixed", "speaker", url), ("three", "a+b+c", url))
    done = update_downloads(folder_lake, sqlite_catalog, DAY, options(tmp_path))
    assert done.states == {"ready": 3, "quarantined": 3}
    assert done.reasons == {"channel_count": 3}
    names = ("call/call_agent", "call/call_customer", "mixed/mixed_speaker")
    pcm = {name: read_pcm(folder_lake.read_bytes(f"audio/downloads/2026-01-05/{name}.wav"))[0] for name in names}
    assert np.abs(pcm["call/call_agent"] - to_pcm16(left)).max() <= 1
    assert np.abs(pcm["call/call_customer"] - to_pcm16(right)).max() <= 1
    assert np.abs(pcm["mixed/mixed_speaker"] - to_pcm16((left + right) / 2)).max() <= 1


def test_real_calls_come_in_as_their_readme_says(data: Path, folder_lake: Lake, sqlite_catalog: Catalog, web: Web, tmp_path: Path) -> None:
    urls = {path.name: web.serve(f"/{path.name}", path.read_bytes()) for path in (data / "calls").iterdir() if path.suffix != ".md"}
    ask(
        sqlite_catalog,
        ("40", "agent", urls["call_40_agent.wav"]),
        ("40", "customer", urls["call_40_customer.wav"]),
        ("49", "agent+customer", urls["call_49_stereo_agent_left.flac"]),
        ("mono", "speaker", urls["mono_8bit_pcm.wav"]),
    )
    done = update_downloads(folder_lake, sqlite_catalog, DAY, options(tmp_path))
    assert done.states == {"ready": 5}
    assert [pair.problem for pair in done.pairs] == ["", ""]
    shown = [(p.agent_seconds, p.customer_seconds, p.agent_speech, p.customer_speech, p.both_speech) for p in done.pairs]
    assert shown[0] == (
        pytest.approx(245.4, abs=0.1),
        pytest.approx(245.4, abs=0.1),
        *(pytest.approx(x, abs=0.01) for x in (0.37, 0.37, 0.002)),
    )
    assert shown[1] == (
        pytest.approx(237.6, abs=0.1),
        pytest.approx(237.6, abs=0.1),
        *(pytest.approx(x, abs=0.01) for x in (0.53, 0.38, 0.09)),
    )
    assert folder_lake.read_days(DOWNLOADS, [DAY]).to_pylist()[-1]["seconds"] == pytest.approx(277.7, abs=0.1)


def test_lhotse_opens_and_validates_what_is_written(folder_lake: Lake, sqlite_catalog: Catalog, web: Web, tmp_path: Path) -> None:
    from lhotse import CutSet, RecordingSet, SupervisionSet, validate

    bursts = np.concatenate([np.zeros(16_000), tone(1, 300, 16_000), np.zeros(16_000)]).astype(np.float32)
    ask(
        sqlite_catalog,
        ("call 1", "agent", web.serve("/a", wav_bytes(to_pcm16(bursts), 16_000))),
        ("call 1", "customer", web.serve("/b", wav_bytes(to_pcm16(np.roll(bursts, 12_000)), 16_000))),
    )
    update_downloads(folder_lake, sqlite_catalog, DAY, options(tmp_path))
    folder = f"{folder_lake.root}/manifests/downloads/{DAY}"
    recordings = RecordingSet.from_file(f"{folder}/recordings.jsonl.gz").with_path_prefix(folder_lake.root)
    supervisions = SupervisionSet.from_file(f"{folder}/supervisions.jsonl.gz")
    validate(recordings, read_data=True)
    validate(supervisions)
    cuts = CutSet.from_manifests(recordings=recordings, supervisions=supervisions)
    validate(cuts)
    (said,) = next(cut for cut in cuts if cut.recording_id == "call 1--agent").supervisions
    assert (said.speaker, said.start, said.end) == ("agent", pytest.approx(1.0, abs=0.03), pytest.approx(2.0, abs=0.03))
    rttm = SupervisionSet.from_rttm(f"{folder}/speech.rttm")
    assert sorted((one.recording_id, one.speaker) for one in rttm) == [("call_1", "agent"), ("call_1", "customer")]


def test_the_same_sound_under_another_name_is_a_duplicate(folder_lake: Lake, sqlite_catalog: Catalog, web: Web, tmp_path: Path) -> None:
    url = web.serve("/a", wav(2))
    ask(sqlite_catalog, ("b", "agent", url), ("b", "customer", url), ("c", "agent", url), ("a", "agent", url))
    done = update_downloads(folder_lake, sqlite_catalog, DAY, options(tmp_path))
    assert done.states == {"ready": 1, "duplicate": 3}
    states = {row["key"]: row["state"] for row in folder_lake.read_days(DOWNLOADS, [DAY]).to_pylist()}
    assert states == {
        "downloads/a/agent": "ready",
        "downloads/b/agent": "duplicate",
        "downloads/b/customer": "duplicate",
        "downloads/c/agent": "duplicate",
    }
    assert done.seconds["ready"] == 2.0
    assert [pair.problem for pair in done.pairs] == ["both sides are the same audio"]
    assert erase(folder_lake, sqlite_catalog, Conversation("a")).files == 1
    assert not folder_lake.exists("audio/downloads/2026-01-05/a/a_agent.wav")
    done = update_downloads(folder_lake, sqlite_catalog, DAY, options(tmp_path))
    assert done.states == {"ready": 2, "duplicate": 1, "withdrawn": 1}


def test_what_silent_and_damaged_files_are_called(folder_lake: Lake, sqlite_catalog: Catalog, web: Web, tmp_path: Path) -> None:
    ask(sqlite_catalog, ("a", "agent", web.serve("/a", wav(2, amplitude=0.0))), ("b", "agent", web.serve("/b", wav(2))))
    assert update_downloads(folder_lake, sqlite_catalog, DAY, options(tmp_path)).silent == ["downloads/a/agent"]
    path = "audio/downloads/2026-01-05/b/b_agent.wav"
    folder_lake.write_bytes(path, wav(2, rate=44_100))
    items = Ledger(sqlite_catalog).downloads(DAY)
    (problem,) = damaged_files(folder_lake, items)
    assert problem.startswith(path)
    folder_lake.delete(path)
    assert damaged_files(folder_lake, items) == [f"{path} is missing"]


def test_originals_are_kept_under_their_hash_and_go_with_the_last_that_uses_them(
    folder_lake: Lake, sqlite_catalog: Catalog, web: Web, tmp_path: Path
) -> None:
    sound = wav(2)
    url = web.serve("/a", sound)
    ask(sqlite_catalog, ("a", "agent", url), ("b", "agent", url))
    update_downloads(folder_lake, sqlite_catalog, DAY, options(tmp_path, keep_originals=True))
    (kept,) = list(folder_lake.files("audio/originals"))
    assert folder_lake.read_bytes(kept.path) == sound
    erase(folder_lake, sqlite_catalog, Conversation("a"))
    assert folder_lake.exists(kept.path)
    erase(folder_lake, sqlite_catalog, Conversation("b"))
    assert not folder_lake.exists(kept.path)


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
        patched.setattr(fetch._Spool, "write", full)
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
        ("truncated", lambda _, connection: reply(connection, "200 OK", short[:-500])),
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


def test_a_run_stopped_before_its_tables_leaves_the_day_to_be_made(
    folder_lake: Lake, sqlite_catalog: Catalog, web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(sqlite_catalog, ("a", "agent", web.serve("/a", wav(2))))

    def stop(*_: Any) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(downloads, "_write_day", stop)
        update_downloads(folder_lake, sqlite_catalog, DAY, options(tmp_path))
    assert DownloadQueue(sqlite_catalog).due_days(datetime.now(UTC)) == {}
    assert Ledger(sqlite_catalog).stale("downloads") == [DAY]
    assert update_downloads(folder_lake, sqlite_catalog, DAY, options(tmp_path)).states == {"ready": 1}
    assert Ledger(sqlite_catalog).stale("downloads") == []
    assert len(folder_lake.read_days(DOWNLOADS, [DAY])) == 1


def test_a_file_that_finds_a_hole_in_the_program_stops_none_of_the_others(
    folder_lake: Lake, sqlite_catalog: Catalog, web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(sqlite_catalog, *((f"c{n}", "agent", web.serve(f"/{n}", wav(1, 300 + 20 * n))) for n in range(6)))
    convert = downloader.convert_download

    def holed(source: Path, *arguments: Any) -> Any:
        if source.name == "3.part":
            raise ZeroDivisionError("division by zero")
        return convert(source, *arguments)

    monkeypatch.setattr(downloader, "convert_download", holed)
    done = update_downloads(folder_lake, sqlite_catalog, DAY, options(tmp_path))
    assert (done.states, done.reasons) == ({"ready": 5, "quarantined": 1}, {"internal_error": 1})


@pytest.mark.parametrize("how", ["replaced", "withdrawn"])
def test_who_lost_the_claim_puts_nothing_in_place(
    folder_lake: Lake, sqlite_catalog: Catalog, web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    ask(sqlite_catalog, ("c", "agent", web.serve("/one", wav(1, 300))))
    queue, convert, second = DownloadQueue(sqlite_catalog), downloader.convert_download, [True]

    def meanwhile(*arguments: Any) -> Any:
        made = convert(*arguments)
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


def test_a_replaced_files_original_goes_when_nothing_uses_it(folder_lake: Lake, sqlite_catalog: Catalog, web: Web, tmp_path: Path) -> None:
    ask(sqlite_catalog, ("a", "agent", web.serve("/a", wav(1))))
    update_downloads(folder_lake, sqlite_catalog, DAY, options(tmp_path, keep_originals=True))
    DownloadQueue(sqlite_catalog).add([Wanted("a", "agent", web.serve("/b", wav(1, 500)))], NOW, replace=True)
    update_downloads(folder_lake, sqlite_catalog, DAY, options(tmp_path, keep_originals=True))
    (kept,) = list(folder_lake.files("audio/originals"))
    assert folder_lake.read_bytes(kept.path) == wav(1, 500)
