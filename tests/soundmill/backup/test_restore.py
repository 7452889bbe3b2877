"""The way back from a backup: every byte and row, also where it breaks off midway."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from botocore.response import StreamingBody
from sqlalchemy import text

from soundmill.backup import Bucket, back_up, restore, verify
from soundmill.backup.catalog_copy import chunk_names, read_chunk, snapshot
from soundmill.backup.manifest import read_manifest
from soundmill.catalog import Annotations, Catalog, DownloadQueue, Wanted, open_catalog
from soundmill.errors import BackupUnavailable, RestoreRefused
from soundmill.formats.annotation import Annotation
from soundmill.lake import Lake, open_lake
from tests.soundmill.backup.homes import NOW, content, fill, settings


def rows(catalog: Catalog) -> dict[str, Any]:
    with snapshot(catalog) as connection:
        return {name: read_chunk(connection, name) for name in chunk_names(connection, NOW)}


def nulls(catalog: Catalog) -> int:
    """How many rows of the ledger have no turns, as the database sees it."""
    with catalog.engine.connect() as connection:
        return int(connection.execute(text("select count(*) from items where turns is null")).scalar_one())


@pytest.mark.parametrize("target", ["sqlite", "postgresql"])
def test_a_restore_gives_back_every_byte_and_row(
    lake: Lake, catalog: Catalog, bucket: Bucket, tmp_path: Path, target: str, request: pytest.FixtureRequest
) -> None:
    fill(lake, catalog)
    done = back_up(bucket, lake, catalog, settings(tmp_path, target_hours=7))
    assert (done.uploaded, done.failed, done.changed) == (31, {}, True)
    assert verify(bucket).sound
    new = tmp_path / "new"
    url = f"sqlite:///{new / 'catalog.db'}" if target == "sqlite" else request.getfixturevalue("other_postgres_url")
    other = open_lake(str(new / "lake"))
    restored = restore(bucket, other, url, new)
    assert (restored.files, restored.damaged) == (31, [])
    assert content(other) == content(lake)
    opened = open_catalog(url)
    assert rows(opened) == rows(catalog)
    assert nulls(opened) == nulls(catalog) > 0
    assert "SOUNDMILL_TARGET_HOURS" in (new / "restored-settings.json").read_text()
    # life goes on: numbers of new rows follow those that came
    Annotations(opened).add([Annotation("mic", NOW, NOW + timedelta(seconds=2), "bell", "anna")])
    assert DownloadQueue(opened).add([Wanted("call-2", "agent", "http://a.test/")], NOW) == ["new"]
    if lake.is_local:
        assert [entry.stamp for entry in other.files("")] == [entry.stamp for entry in lake.files("")]
    opened.close()


def test_a_restore_needs_an_empty_home_and_goes_on_where_it_was_killed(
    folder_lake: Lake, sqlite_catalog: Catalog, bucket: Bucket, tmp_path: Path
) -> None:
    fill(folder_lake, sqlite_catalog)
    back_up(bucket, folder_lake, sqlite_catalog, settings(tmp_path))
    new = tmp_path / "new"
    url, other = f"sqlite:///{new}/catalog.db", open_lake(str(new / "lake"))
    with pytest.raises(RestoreRefused, match="catalog is not empty"):
        restore(bucket, other, f"sqlite:///{tmp_path}/catalog.db", tmp_path)
    other.write_bytes("audio/mine.wav", b"mine")
    with pytest.raises(RestoreRefused, match="lake"):
        restore(bucket, other, url, new)
    other.delete("audio/mine.wav")

    def stop(done: int, _: int) -> None:
        if done == 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore(bucket, other, url, new, progress=stop)
    done = restore(bucket, other, url, new)
    assert done.kept >= 10
    assert done.kept + done.files == 31
    assert content(other) == content(folder_lake)
    with pytest.raises(RestoreRefused):
        restore(bucket, other, url, new)


def test_a_body_that_breaks_off_is_read_again_and_a_bucket_that_is_away_stops_a_restore(
    folder_lake: Lake, sqlite_catalog: Catalog, bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(folder_lake, sqlite_catalog)
    back_up(bucket, folder_lake, sqlite_catalog, settings(tmp_path))
    failures, chunks = [3], StreamingBody.iter_chunks

    def broken(self: StreamingBody, size: int) -> Any:
        if failures[0] > 0:
            failures[0] -= 1
            raise ReadTimeoutError(endpoint_url="x")
        return chunks(self, size)

    monkeypatch.setattr(StreamingBody, "iter_chunks", broken)
    assert verify(bucket).sound
    new = tmp_path / "new"
    other, url = open_lake(str(new / "lake")), f"sqlite:///{new}/catalog.db"
    read_manifest(bucket)
    copy = Bucket.copy

    def away(self: Bucket, name: str, into: Any) -> Any:
        if name.startswith("lake/audio"):
            raise BackupUnavailable("away")
        return copy(self, name, into)

    with monkeypatch.context() as patched, pytest.raises(BackupUnavailable):
        patched.setattr(Bucket, "copy", away)
        restore(bucket, other, url, new)
    assert restore(bucket, other, url, new).damaged == []  # it goes on: no catalog was made
    assert content(other) == content(folder_lake)
