"""The sweep deletes what could not be deleted before, and files that nobody knows."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from soundmill.catalog import Account, Catalog, Ledger, Uploads
from soundmill.lake import Lake
from soundmill.workflows.erasure import erase
from soundmill.workflows.uploads import sweep
from soundmill.workflows.uploads.intake import Wanted
from tests.conftest import wait_until
from tests.soundmill.workflows.uploads.uploading import wait_for


def test_a_file_that_cannot_be_deleted_is_deleted_later_and_a_stray_one_too(
    working: Any, ann: Account, digits: Path, folder_lake: Lake, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    with working() as worker:
        upload = wait_for(worker, worker.receive(ann, Wanted("x", "x.wav"), digits, "0"))

    def fails(*_: object) -> None:
        raise OSError("the disk does not answer")

    with monkeypatch.context() as broken:
        broken.setattr(Lake, "delete", fails)
        erase(folder_lake, catalog, upload)
    assert folder_lake.exists(upload.path)
    stray = f"audio/uploads/{datetime.now(UTC).date()}/11111111-2222-3333-4444-555555555555.wav"
    folder_lake.write_bytes(stray, b"killed before its row was there")
    monkeypatch.setattr(sweep, "_EVERY_SECONDS", 0.1)
    with working():
        wait_until(lambda: not folder_lake.exists(upload.path) and not folder_lake.exists(stray), 30)
    assert upload.path in Ledger(catalog).withdrawn_paths()  # the backup drops it, too
    assert Uploads(catalog).withdrawn_files() == []
