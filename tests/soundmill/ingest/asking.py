"""Asking for a file, and for many; what is left and what was written."""

import asyncio
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from soundmill.catalog import Catalog, DownloadQueue, Wanted
from soundmill.errors import FetchFailed
from soundmill.ingest.fetch import Fetched, Fetcher
from soundmill.lake import Lake
from soundmill.options import DownloadOptions, FetchOptions
from tests.conftest import wav

OPTIONS = FetchOptions(allow=("127.0.0.1",), idle_seconds=5)
SOUND = wav(2.0)
NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)
DAY = date(2026, 1, 5)


def fetch(url: str, folder: Path, options: FetchOptions = OPTIONS) -> Fetched:
    async def run() -> Fetched:
        async with Fetcher(options) as fetcher:
            return await fetcher.fetch(url, folder / "1.part")

    return asyncio.run(run())


def refused(url: str, folder: Path, options: FetchOptions = OPTIONS) -> FetchFailed:
    with pytest.raises(FetchFailed) as caught:
        fetch(url, folder, options)
    return caught.value


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.stat().st_size}


def options(folder: Path, **values: Any) -> DownloadOptions:
    fetch = FetchOptions(allow=("127.0.0.1",), per_host=8, idle_seconds=10)
    return DownloadOptions(spool=folder / "spool", **{"fetch": fetch, "concurrency": 8, **values})


def ask(catalog: Catalog, *wanted: tuple[str, str, str]) -> None:
    DownloadQueue(catalog).add([Wanted(*one) for one in wanted], NOW)


def blobs(lake: Lake) -> dict[str, bytes]:
    folders = ("audio", "tables", "manifests", "quarantine")
    return {entry.path: lake.read_bytes(entry.path) for folder in folders for entry in lake.files(folder)}
