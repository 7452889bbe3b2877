"""Fixtures: the transcriber over HTTP."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.soundmill.studio.running import studio


@pytest.fixture
def strings(data: Path) -> Path:
    return data / "digit-strings"


@pytest.fixture
def api(tmp_path: Path, digits_model: Path) -> Iterator[httpx.Client]:
    with studio(tmp_path, vosk_model=digits_model, download_allow="") as running:
        yield running
