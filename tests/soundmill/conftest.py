"""Fixtures: the studio over HTTP."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.soundmill.studio.running import studio, studio_processes


@pytest.fixture
def client(tmp_path: Path) -> Iterator[httpx.Client]:
    with studio(tmp_path) as running:
        yield running


@pytest.fixture
def strings(data: Path) -> Path:
    return data / "digit-strings"


@pytest.fixture
def api(tmp_path: Path, digits_model: Path) -> Iterator[httpx.Client]:
    with studio(tmp_path, vosk_model=digits_model, download_allow="") as running:
        yield running


@pytest.fixture
def four_workers(tmp_path: Path) -> Iterator[str]:
    """The studio as it is run: a command, with four processes."""
    with studio_processes(tmp_path, workers=4) as (client, _):
        yield f"{client.base_url}/downloader"
