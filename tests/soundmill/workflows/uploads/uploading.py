"""Uploads and what becomes of them."""

from soundmill.catalog import Upload
from soundmill.workflows.uploads.worker import UploadWorker
from tests.conftest import wait_until

PASSWORD = "correct-horse-9"


def state(worker: UploadWorker, upload: Upload) -> str:
    found = worker.uploads.get(upload.uuid)
    return found.state if found else "gone"


def wait_for(worker: UploadWorker, upload: Upload, wanted: str = "done") -> Upload:
    wait_until(lambda: state(worker, upload) == wanted, 60)
    found = worker.uploads.get(upload.uuid)
    assert found is not None
    return found


def actions(worker: UploadWorker, upload: Upload) -> list[str]:
    return [change.action for change in worker.uploads.changes(upload.uuid)]
