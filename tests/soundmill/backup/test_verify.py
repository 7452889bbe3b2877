"""Verifying a backup finds what is damaged or missing."""

from pathlib import Path

import boto3

from soundmill.backup import Bucket, back_up, restore, verify
from soundmill.catalog import Catalog
from soundmill.lake import Lake, open_lake
from tests.soundmill.backup.homes import fill, settings


def test_a_flipped_byte_and_a_missing_object_are_found(
    folder_lake: Lake, sqlite_catalog: Catalog, bucket: Bucket, s3_endpoint: str, tmp_path: Path
) -> None:
    fill(folder_lake, sqlite_catalog)
    back_up(bucket, folder_lake, sqlite_catalog, settings(tmp_path))
    first, second = "audio/segments/mic/2026-01-01/0.wav", "audio/segments/mic/2026-01-02/1.wav"
    flipped, missing = (next(name for name in bucket.list() if name.startswith(f"lake/{path}~")) for path in (first, second))
    data = bytearray(bucket.get(flipped) or b"")
    data[100] ^= 1
    name = bucket.url.removeprefix("s3://").split("/")[0]
    boto3.client("s3", endpoint_url=s3_endpoint).put_object(Bucket=name, Key=bucket.key(flipped), Body=bytes(data))
    bucket.delete([missing])
    found = verify(bucket)
    assert (found.damaged, found.missing, found.sound) == ([flipped], [missing], False)
    done = restore(bucket, open_lake(str(tmp_path / "new/lake")), f"sqlite:///{tmp_path}/new/catalog.db", tmp_path / "new")
    assert sorted(done.damaged) == [first, second]
    assert not (tmp_path / "new/lake/audio/segments/mic/2026-01-01/0.wav").exists()
    # the missing one is sent again by the next backup, for the listing lacks it
    assert back_up(bucket, folder_lake, sqlite_catalog, settings(tmp_path)).uploaded == 1
