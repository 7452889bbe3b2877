"""Where the backup goes."""

import pytest

from resources import BackupResource
from soundmill.errors import BackupUnavailable


def test_without_a_place_there_is_no_bucket_and_a_wrong_one_is_refused() -> None:
    assert BackupResource().bucket() is None
    with pytest.raises(BackupUnavailable):
        BackupResource(url="/not/s3").bucket()


def test_a_place_is_a_bucket_with_its_prefix(s3_url: str, s3_endpoint: str) -> None:
    bucket = BackupResource(url=s3_url.replace("/lake", "/backup"), endpoint=s3_endpoint, keep_deleted_days=3).bucket()
    assert bucket is not None
    assert bucket.list() == {}
    assert BackupResource(keep_deleted_days=3).options().keep_deleted_days == 3
