"""The bucket: what an S3 server is asked for, and what is said when it does not answer."""

import os
from pathlib import Path

import boto3
import numpy as np
import pytest

from soundmill.backup import Bucket, back_up, bucket_of, verify
from soundmill.backup.manifest import NAME
from soundmill.catalog import Catalog
from soundmill.errors import BackupUnavailable
from soundmill.lake import Lake
from tests.soundmill.backup.homes import fill, settings


def test_large_files_go_in_parts(folder_lake: Lake, sqlite_catalog: Catalog, bucket: Bucket, tmp_path: Path) -> None:
    big = np.random.default_rng(1).bytes(20 << 20)
    folder_lake.write_bytes("audio/big.wav", big)
    assert back_up(bucket, folder_lake, sqlite_catalog, settings(tmp_path)).uploaded == 1
    assert back_up(bucket, folder_lake, sqlite_catalog, settings(tmp_path)).uploaded == 0
    assert verify(bucket).sound
    os.utime(folder_lake.full_path("audio/big.wav"), ns=(1, 1))
    assert back_up(bucket, folder_lake, sqlite_catalog, settings(tmp_path)).uploaded == 0


def test_encryption_and_storage_class_are_asked_for(
    folder_lake: Lake, sqlite_catalog: Catalog, s3_url: str, s3_endpoint: str, tmp_path: Path
) -> None:
    fill(folder_lake, sqlite_catalog, 2)
    mine = settings(tmp_path, backup=s3_url, s3_endpoint=s3_endpoint, backup_encryption="AES256", backup_storage_class="STANDARD_IA")
    bucket = bucket_of(mine)
    back_up(bucket, folder_lake, sqlite_catalog, mine)
    name = s3_url.removeprefix("s3://").split("/")[0]
    head = boto3.client("s3", endpoint_url=s3_endpoint).head_object(Bucket=name, Key=bucket.key(NAME))
    assert (head["ServerSideEncryption"], head["StorageClass"]) == ("AES256", "STANDARD_IA")


def test_a_backup_that_cannot_be_is_refused_in_one_line(
    folder_lake: Lake, sqlite_catalog: Catalog, s3_endpoint: str, tmp_path: Path
) -> None:
    for call in (
        lambda: Bucket("/not/s3"),
        lambda: bucket_of(settings(tmp_path)),
        lambda: back_up(Bucket("s3://no-such-bucket-here/x", s3_endpoint), folder_lake, sqlite_catalog, settings(tmp_path)),
        lambda: verify(Bucket("s3://no-such-bucket-here/x", s3_endpoint)),
    ):
        with pytest.raises(BackupUnavailable):
            call()
