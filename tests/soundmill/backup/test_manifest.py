"""The manifest of a backup: what it keeps comes back, and one that cannot be read is refused."""

import gzip
import json
from datetime import UTC, datetime

import pytest

from soundmill.backup import Bucket
from soundmill.backup.manifest import NAME, KeptChunk, KeptFile, Manifest, object_of, read_manifest
from soundmill.errors import BackupUnavailable

KEPT = Manifest(
    datetime(2026, 1, 5, tzinfo=UTC),
    "0005",
    {"audio/a.wav": KeptFile(7, "1", "aa"), "audio/gone.wav": KeptFile(7, "2", "bb", "2026-01-04T00:00:00+00:00")},
    {"items/2026-01-05": KeptChunk("items/x", "m", 3, "cc")},
    "dd",
)


def put(bucket: Bucket, data: bytes) -> None:
    bucket.put(NAME, data, "")


def test_a_manifest_comes_back_as_it_was_written(bucket: Bucket) -> None:
    assert read_manifest(bucket) is None
    put(bucket, KEPT.to_bytes())
    found = read_manifest(bucket)
    assert found == KEPT
    assert list(found.present) == ["audio/a.wav"]  # what was deleted since is kept, and not present
    assert KEPT.to_bytes() == KEPT.to_bytes()


@pytest.mark.parametrize(
    "data",
    [
        b"no gzip",
        gzip.compress(b"no json"),
        gzip.compress(b"{}"),
        KEPT.to_bytes()[:40],
        gzip.compress(json.dumps({**json.loads(gzip.decompress(KEPT.to_bytes())), "format": 99}).encode()),
    ],
    ids=["bytes", "text", "empty", "cut off", "of another version"],
)
def test_a_manifest_that_cannot_be_read_is_refused_and_not_taken_for_none(bucket: Bucket, data: bytes) -> None:
    put(bucket, data)
    with pytest.raises(BackupUnavailable, match="manifest"):
        read_manifest(bucket)


def test_other_content_under_the_same_path_is_another_object() -> None:
    assert object_of("a.wav", "1" * 64) != object_of("a.wav", "2" * 64)
    assert object_of("a.wav", "1" * 64).startswith("lake/a.wav")
