"""The studio: how long tiles take over a day of 28,800 segments and a year of days, the annotator's first picture, a thousand boxes drawn,
and fifty people who label at once."""

import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import numpy as np

from bench.browser import in_browser
from soundmill.audio import wav_bytes
from soundmill.audio.tiles import tile_ms
from soundmill.catalog import Accounts, Catalog, Item, Labels, Ledger, open_catalog
from soundmill.lake import Lake, open_lake
from soundmill.scene import SLOT
from soundmill.times import midnight, to_ms
from soundmill.workflows.listening.overview import Overviews

RATE = 44_100
SEGMENTS = 28_788  # of a day
DAY = date(2026, 1, 5)
A_YEAR = 365
_WAVS = 60
_PEOPLE = 50
_PASSWORD = "a long one that nobody guesses"


def lines() -> Iterator[str]:
    """Latencies as a client on the same machine sees them; each cold figure is of tiles that nobody asked for before."""
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
    with TemporaryDirectory(prefix="soundmill-bench-") as name:
        home = Path(name)
        lake, catalog = open_lake(str(home / "lake")), open_catalog(f"sqlite:///{home}/catalog.db")
        _fill(lake, catalog)
        before = time.process_time()
        made = Overviews(lake, catalog).update("day", DAY)
        yield f"overview of a day of {SEGMENTS} segments: {time.process_time() - before:.1f} s of CPU for {made.made} tiles"
        overviews = Overviews(lake, catalog)
        for number in range(A_YEAR):
            overviews.update("year", DAY - timedelta(days=number))
        with _served(home) as client:
            rng = random.Random(1)
            begin = to_ms(midnight(DAY))
            for level in (0, 3, 6, 8, 9, 12, 15):
                indexes = [int((begin + rng.random() * 86_400_000) // tile_ms(level)) for _ in range(40 if level < 8 else 10)]
                yield _latency(client, "day", level, list(dict.fromkeys(indexes)))
            for level in (15, 18, 20, 23):
                start = to_ms(midnight(DAY - timedelta(days=A_YEAR - 1)))
                indexes = list(range(start // tile_ms(level), begin // tile_ms(level) + 1))
                yield _latency(client, "year", level, rng.sample(indexes, min(len(indexes), 10)))
            yield from in_browser(client, DAY)
            yield _fifty_people(client, catalog)  # last: from now on the studio asks who one is
        catalog.close()


def _latency(client: httpx.Client, source: str, level: int, indexes: list[int]) -> str:
    cold, warm = [], []
    for into in (cold, warm):
        for index in indexes:
            before = time.perf_counter()
            client.get(f"/api/tiles/{source}/fft1024/{level}/{index}").raise_for_status()
            into.append(1000 * (time.perf_counter() - before))
    figures = [_at(times, share) for times in (cold, warm) for share in (0.5, 0.99)]
    return "{}, level {:2}: cold p50 {:7.1f} p99 {:7.1f} ms, warm {:5.1f} {:5.1f} ms".format(source, level, *figures)


def _at(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def _fill(lake: Lake, catalog: Catalog) -> None:
    """A day of segments, whose WAVs are a few that are used again and again; and a year of days with some each."""
    rng, ledger = np.random.default_rng(0), Ledger(catalog)
    paths = []
    for number in range(_WAVS):
        paths.append(f"audio/segments/{number}.wav")
        lake.write_bytes(paths[-1], wav_bytes(rng.integers(-9000, 9000, SLOT).astype(np.int16), RATE))
    seconds = SLOT / RATE

    def items(source: str, day: date, count: int) -> list[Item]:
        return [
            Item(
                f"landing/{source}/{day}/{number}", "segment", source, day, "ready", "1", day, None,
                midnight(day) + timedelta(seconds=seconds * number), seconds, paths[number % _WAVS], f"{number % _WAVS:064}",
                {"samples": SLOT, "offset": 0, "max_amp": 9000, "rms": 0.2, "dc": 0.0, "clipped": 0},
            )
            for number in range(count)
        ]  # fmt: skip

    with catalog.writing() as session:
        ledger.write(session, items("day", DAY, SEGMENTS))
        for number in range(A_YEAR):
            ledger.write(session, items("year", DAY - timedelta(days=number), 20))


@contextmanager
def _served(home: Path) -> Iterator[httpx.Client]:
    """The studio in a process of its own, as people run it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SOUNDMILL_")} | {"SOUNDMILL_HOME": str(home)}
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        port = holder.getsockname()[1]
    command = [Path(sys.executable).with_name("soundmill"), "studio", "--port", str(port)]
    server = subprocess.Popen(command, env=environment, cwd=home, stdout=subprocess.DEVNULL)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120) as client:
            for _ in range(600):
                with suppress(httpx.TransportError):
                    client.get("/api/sources").raise_for_status()
                    break
                time.sleep(0.1)
            yield client
    finally:
        server.terminate()
        server.wait()


def _fifty_people(client: httpx.Client, catalog: Catalog) -> str:
    """Fifty people for a minute, each on a day of their own: a look at tiles, a draft, and labels handed in, again and again."""
    accounts = Accounts(catalog)
    for number in range(_PEOPLE):
        accounts.add(f"person{number}", _PASSWORD, roles=["annotator"])
    taken: dict[str, list[float]] = {"tile": [], "draft": [], "labels": []}
    wrong: list[str] = []
    handed_in = [0] * _PEOPLE
    all_signed_in = threading.Barrier(_PEOPLE)

    def label(number: int) -> None:
        day, rng = DAY - timedelta(days=number), random.Random(number)
        begin = to_ms(midnight(day))
        with httpx.Client(base_url=client.base_url, timeout=60) as mine:
            mine.post("/sign-in", data={"username": f"person{number}", "password": _PASSWORD})
            all_signed_in.wait()
            time.sleep(2 * random.random())  # nobody begins at the same millisecond as everybody else
            based_on, until = 0, time.monotonic() + 60
            while time.monotonic() < until:
                boxes = [{"start": begin + 1000 * n + rng.random(), "end": begin + 1000 * n + 500, "tag": "owl"} for n in range(20)]
                asked: list[Callable[[], httpx.Response]] = [
                    lambda: mine.get(f"/api/tiles/year/fft1024/2/{begin // tile_ms(2) + rng.randrange(6)}"),
                    lambda boxes=boxes, at=based_on: mine.put(f"/api/drafts/year/{day}", json={"boxes": boxes, "based_on": at}),
                    lambda boxes=boxes, at=based_on: mine.post(f"/api/labels/year/{day}", json={"boxes": boxes, "based_on": at}),
                ]
                for times, ask in zip(taken.values(), asked, strict=True):
                    before = time.perf_counter()
                    answer = ask()
                    times.append(1000 * (time.perf_counter() - before))
                    if answer.status_code != 200:
                        wrong.append(f"{answer.status_code} {answer.text[:100]}")
                    time.sleep(rng.random())
                if answer.status_code == 200:
                    handed_in[number] += 1
                    based_on = answer.json()["version"]

    with ThreadPoolExecutor(_PEOPLE) as pool:
        list(pool.map(label, range(_PEOPLE)))
    stored = sum(len(Labels(catalog).history(f"person{number}", "year")) for number in range(_PEOPLE))
    every = [one for times in taken.values() for one in times]
    p99 = _at(every, 0.99)
    is_ok = p99 < 300 and not wrong and stored == sum(handed_in)
    return (
        f"{_PEOPLE} people for a minute: {len(every)} requests, p50 {_at(every, 0.5):.0f} ms, p99 {p99:.0f} ms "
        f"({', '.join(f'{name} {_at(times, 0.5):.0f} and {_at(times, 0.99):.0f}' for name, times in taken.items())}), "
        f"{len(wrong)} wrong answers, {stored} of {sum(handed_in)} submissions stored  target 300 ms  {'ok' if is_ok else 'SHORT'}"
        + "".join(f"\n  {one}" for one in wrong[:3])
    )
