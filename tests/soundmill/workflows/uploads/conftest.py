"""Fixtures: a worker on uploads."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from soundmill.catalog import Account, Accounts, Catalog
from soundmill.lake import Lake
from soundmill.options import SpeechOptions, UploadOptions
from soundmill.workflows.uploads.worker import UploadWorker
from tests.soundmill.workflows.uploads.uploading import PASSWORD


@pytest.fixture
def ann(catalog: Catalog) -> Account:
    return Accounts(catalog).add("ann", PASSWORD)


@pytest.fixture
def working(folder_lake: Lake, catalog: Catalog, digits_model: Path) -> Callable[[], Any]:
    @contextmanager
    def make(model: Path | None = None, **options: Any) -> Iterator[UploadWorker]:
        with UploadWorker(folder_lake, catalog, UploadOptions(SpeechOptions(model or digits_model), **{"workers": 2, **options})) as worker:
            yield worker

    return make


@pytest.fixture
def digits(data: Path) -> Path:
    return data / "digit-strings" / "two_pauses.wav"
