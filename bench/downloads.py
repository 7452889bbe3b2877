"""Downloads from a server on loopback against curl and ffmpeg on the same files; the backup of many small files on a local S3 server."""

import logging
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import boto3
import numpy as np
import soundfile as sf
from moto.server import ThreadedMotoServer

from bench.measure import Figure, medians
from soundmill.backup import Bucket, back_up, verify
from soundmill.catalog import DownloadQueue, Wanted, open_catalog
from soundmill.ingest.downloads import update_downloads
from soundmill.lake import open_lake
from soundmill.options import DownloadOptions, FetchOptions, backup_options
from soundmill.settings import Settings

FILES = {"wav": 40, "mp3": 40}
SECONDS = 30
SMALL_FILES = 10_000
UNCHANGED_TARGET = 5.0
_T = TypeVar("_T")
# with pipefail, so that a curl that failed does not pass for a fast one
PEER = "set -o pipefail; curl -sSf {url} | ffmpeg -v error -y -i pipe:0 -ac 1 -ar 16000 -c:a pcm_s16le {target}"


def figures() -> Iterator[Figure]:
    """Forty files of half a minute in two codecs, fetched and converted; ours also measures them and enters them in the ledger."""
    for tool in ("curl", "ffmpeg"):
        if shutil.which(tool) is None:
            raise SystemExit(f"bench downloads compares with {tool}, which is not installed (Debian: apt-get install {tool})")
    with TemporaryDirectory(prefix="soundmill-bench-") as name:
        folder = Path(name)
        rng = np.random.default_rng(1)
        for number in range(max(FILES.values())):
            hum = np.sin(np.arange(SECONDS * 44_100) * (200 + 10 * number) / 44_100 * 6.28)[:, None]
            sf.write(folder / f"{number}.wav", 0.2 * hum + rng.normal(0, 0.02, (SECONDS * 44_100, 2)), 44_100, subtype="PCM_16")
            subprocess.run(f"ffmpeg -v error -y -i {folder}/{number}.wav -b:a 128k {folder}/{number}.mp3", shell=True, check=True)
        with _server(folder) as url:
            for kind, files in FILES.items():
                urls = [f"{url}/{number}.{kind}" for number in range(files)]
                homes = count()

                def ours(urls: list[str] = urls, kind: str = kind, homes: Iterator[int] = homes) -> None:
                    _ours(urls, folder / f"home-{kind}-{next(homes)}")

                taken = medians({"ours": ours, "peer": lambda urls=urls: _curl_and_ffmpeg(urls, folder)}, 3)
                yield Figure(f"{files} {kind} of {SECONDS} s by HTTP to 16 kHz mono", taken["ours"], "curl | ffmpeg", taken["peer"], None)


def lines() -> Iterator[str]:
    """Ten thousand small files to S3: the first time, again with nothing changed, and read back."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    access = {"aws_access_key_id": "bench", "aws_secret_access_key": "bench", "region_name": "us-east-1"}
    boto3.setup_default_session(**access)
    boto3.client("s3", endpoint_url=endpoint).create_bucket(Bucket="bench")
    with TemporaryDirectory(prefix="soundmill-bench-") as name:
        settings = Settings(home=Path(name), s3_endpoint=endpoint)
        lake, catalog = open_lake(settings.lake_url), open_catalog(settings.catalog_url)
        rng = np.random.default_rng(2)
        for number in range(SMALL_FILES):
            path = Path(lake.full_path(f"audio/segments/mic/2025-01-{1 + number % 28:02d}/{number}.wav"))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(rng.bytes(2000))
        bucket, kept = Bucket("s3://bench/backup", endpoint), backup_options(settings)
        first, done = _timed(lambda: back_up(bucket, lake, catalog, kept))
        yield f"backup of {SMALL_FILES:,} small files, first time: {first:.1f} s, {done.uploaded:,} sent"
        again, done = _timed(lambda: back_up(bucket, lake, catalog, kept))
        verdict = "ok" if again < UNCHANGED_TARGET and not done.uploaded else "SHORT"
        yield f"backup of them again, nothing changed:       {again:.1f} s, {done.uploaded} sent; target {UNCHANGED_TARGET:g} s  {verdict}"
        lake.write_bytes("audio/segments/mic/2025-01-01/0.wav", b"changed")
        one, done = _timed(lambda: back_up(bucket, lake, catalog, kept))
        yield f"backup with one file changed:                {one:.1f} s, {done.uploaded} sent"
        back, found = _timed(lambda: verify(bucket))
        yield f"verify, every object read back:              {back:.1f} s, {found.objects:,} whole"
    server.stop()


def _ours(urls: list[str], home: Path) -> None:
    lake, catalog = open_lake(str(home / "lake")), open_catalog(f"sqlite:///{home / 'catalog.db'}")
    now = datetime.now(UTC)
    DownloadQueue(catalog).add([Wanted(f"call-{number}", "agent", url) for number, url in enumerate(urls)], now)
    options = DownloadOptions(home / "spool", FetchOptions(allow=("127.0.0.1",)))
    done = update_downloads(lake, catalog, now.date(), options)
    if done.states != {"ready": len(urls)}:
        raise SystemExit(f"the benchmark's downloads failed: {dict(done.reasons)}")
    catalog.close()


def _curl_and_ffmpeg(urls: list[str], folder: Path) -> None:
    for url in urls:
        subprocess.run(["bash", "-c", PEER.format(url=url, target=folder / "peer.wav")], check=True)


@contextmanager
def _server(folder: Path) -> Iterator[str]:
    command = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout
    port = process.stdout.readline().split(" port ")[1].split()[0]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _timed(run: Callable[[], _T]) -> tuple[float, _T]:
    began = time.perf_counter()
    result = run()
    return time.perf_counter() - began, result
