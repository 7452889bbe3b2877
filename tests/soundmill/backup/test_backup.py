"""The backup on a real S3 server: what is sent, what is found out, and the way back."""

import multiprocessing
import os
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest
from botocore.exceptions import ReadTimeoutError
from botocore.response import StreamingBody

from soundmill.backup import Bucket, back_up, bucket_of, pending, restore, verify
from soundmill.backup.catalog_copy import chunk_names, marks, read_chunk, snapshot
from soundmill.backup.manifest import NAME, read_manifest
from soundmill.catalog import Annotations, Catalog, DownloadQueue, Item, Ledger, ModelRegistry, Wanted, lease, open_catalog
from soundmill.errors import BackupRefused, BackupUnavailable, LeaseLost, RestoreRefused
from soundmill.formats.annotation import Annotation
from soundmill.lake import Lake, open_lake
from soundmill.options import BackupOptions, backup_options
from soundmill.settings import Settings
from soundmill.workflows.erasure import Conversation, erase

DAY = date(2026, 1, 5)
NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)


def settings(folder: Path, **values: Any) -> BackupOptions:
    return backup_options(Settings(**{"home": folder, "_env_file": None, **values}))


@pytest.fixture
def bucket(s3_url: str, s3_endpoint: str) -> Bucket:
    return Bucket(s3_url.replace("/lake", "/backup"), s3_endpoint)


def fill(lake: Lake, catalog: Catalog, files: int = 30) -> None:
    """A lake with some files, and a catalog with something in every table that is kept."""
    rng = np.random.default_rng(3)
    for n in range(files):
        lake.write_bytes(f"audio/segments/mic/2026-01-{1 + n % 28:02d}/{n}.wav", rng.bytes(500 + n))
    lake.write_bytes("landing/mic/2026-01-05/Größe 1.wav", b"x" * 3000)
    ledger = Ledger(catalog)
    for n in range(40):
        day = DAY + timedelta(days=n % 4)
        start = datetime(day.year, day.month, day.day, 9, tzinfo=UTC) + timedelta(seconds=n)
        ledger.record(Item(f"mic/{n}", "segment", "mic", day, "ready", "f", started_at=start, seconds=3.25, measures={"max_amp": n}))
    ledger.mark_processed("captured_segments", DAY, "x", None)
    Annotations(catalog).add([Annotation("mic", NOW, NOW + timedelta(seconds=1), "bell", "anna")])
    ModelRegistry(catalog).define("house", {"tags": ["bell"]})
    DownloadQueue(catalog).add([Wanted("call", "agent", "http://a.test/")], NOW)


def content(lake: Lake) -> dict[str, bytes]:
    return {entry.path: lake.read_bytes(entry.path) for entry in lake.files("")}


def rows(catalog: Catalog) -> dict[str, Any]:
    with snapshot(catalog) as connection:
        return {name: read_chunk(connection, name) for name in chunk_names(connection, NOW)}


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
    assert "SOUNDMILL_TARGET_HOURS" in (new / "restored-settings.json").read_text()
    # life goes on: numbers of new rows follow those that came
    Annotations(opened).add([Annotation("mic", NOW, NOW + timedelta(seconds=2), "bell", "anna")])
    assert DownloadQueue(opened).add([Wanted("call-2", "agent", "http://a.test/")], NOW) == ["new"]
    if lake.is_local:
        assert [entry.stamp for entry in other.files("")] == [entry.stamp for entry in lake.files("")]
    opened.close()


def test_what_did_not_change_is_not_sent_again(folder_lake: Lake, sqlite_catalog: Catalog, bucket: Bucket, tmp_path: Path) -> None:
    fill(folder_lake, sqlite_catalog)
    mine = settings(tmp_path)
    assert pending(bucket, folder_lake, sqlite_catalog, mine) == "there is no backup yet"
    back_up(bucket, folder_lake, sqlite_catalog, mine)
    assert pending(bucket, folder_lake, sqlite_catalog, mine) == ""
    before = bucket.get(NAME)
    done = back_up(bucket, folder_lake, sqlite_catalog, mine)
    assert (done.uploaded, done.chunks, done.unchanged, done.changed) == (0, 0, 31, False)
    assert bucket.get(NAME) == before
    folder_lake.write_bytes("audio/segments/mic/2026-01-01/0.wav", b"new")
    assert pending(bucket, folder_lake, sqlite_catalog, mine) == "1 changed files"
    assert back_up(bucket, folder_lake, sqlite_catalog, mine).uploaded == 1
    os.utime(folder_lake.full_path("audio/segments/mic/2026-01-01/0.wav"), ns=(1, 1))  # touched, and the same
    done = back_up(bucket, folder_lake, sqlite_catalog, mine)
    assert (done.uploaded, done.changed) == (0, True)
    Ledger(sqlite_catalog).record(Item("mic/x", "segment", "mic", DAY, "ready", "f"))
    assert pending(bucket, folder_lake, sqlite_catalog, mine) == "1 changed tables"  # the ledger's day
    assert back_up(bucket, folder_lake, sqlite_catalog, mine).chunks == 1
    assert pending(bucket, folder_lake, sqlite_catalog, settings(tmp_path, target_hours=9)) == "other settings"


def test_deleted_files_are_kept_for_a_while(folder_lake: Lake, sqlite_catalog: Catalog, bucket: Bucket, tmp_path: Path) -> None:
    fill(folder_lake, sqlite_catalog)
    mine, path = settings(tmp_path, backup_keep_deleted_days=10), "audio/segments/mic/2026-01-01/0.wav"
    back_up(bucket, folder_lake, sqlite_catalog, mine, now=NOW)
    folder_lake.delete(path)
    assert pending(bucket, folder_lake, sqlite_catalog, mine) == "1 deleted files"
    assert back_up(bucket, folder_lake, sqlite_catalog, mine, now=NOW).deleted == 1
    assert pending(bucket, folder_lake, sqlite_catalog, mine) == ""
    assert any(name.startswith(f"lake/{path}~") for name in bucket.list())
    other = open_lake(str(tmp_path / "new/lake"))
    restore(bucket, other, f"sqlite:///{tmp_path}/new/catalog.db", tmp_path / "new")
    assert not other.exists(path)
    whole = open_lake(str(tmp_path / "whole/lake"))
    restore(bucket, whole, f"sqlite:///{tmp_path}/whole/catalog.db", tmp_path / "whole", with_deleted=True)
    assert whole.exists(path)
    done = back_up(bucket, folder_lake, sqlite_catalog, mine, now=NOW + timedelta(days=11))
    assert (done.deleted, done.purged) == (0, 1)
    assert not any(name.startswith(f"lake/{path}~") for name in bucket.list())


def test_ruins_do_not_take_the_backups_place(folder_lake: Lake, sqlite_catalog: Catalog, bucket: Bucket, tmp_path: Path) -> None:
    fill(folder_lake, sqlite_catalog)
    mine = settings(tmp_path)
    back_up(bucket, folder_lake, sqlite_catalog, mine)
    before = bucket.list()
    with pytest.raises(BackupRefused, match="files of the lake"):
        back_up(bucket, open_lake(str(tmp_path / "not mounted")), sqlite_catalog, mine)
    fresh = open_catalog(f"sqlite:///{tmp_path}/fresh.db")
    with pytest.raises(BackupRefused, match="rows of the catalog"):
        back_up(bucket, folder_lake, fresh, mine)
    assert bucket.list() == before
    back_up(bucket, folder_lake, fresh, mine, even_if_emptier=True)
    assert bucket.list() != before


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


def test_what_cannot_be_read_is_named_and_stops_nothing(folder_lake: Lake, sqlite_catalog: Catalog, bucket: Bucket, tmp_path: Path) -> None:
    fill(folder_lake, sqlite_catalog)
    bad, read = "audio/segments/mic/2026-01-01/0.wav", folder_lake.read_bytes

    def broken(path: str) -> bytes:
        if path == bad:
            raise OSError(5, "Input/output error")
        return read(path)

    folder_lake.read_bytes = broken  # type: ignore[method-assign]  # a disk with a bad sector
    done = back_up(bucket, folder_lake, sqlite_catalog, settings(tmp_path))
    assert (done.uploaded, list(done.failed)) == (30, [bad])
    folder_lake.read_bytes = read  # type: ignore[method-assign]
    assert back_up(bucket, folder_lake, sqlite_catalog, settings(tmp_path)).uploaded == 1


def test_one_backup_at_a_time(folder_lake: Lake, sqlite_catalog: Catalog, bucket: Bucket, tmp_path: Path) -> None:
    with lease(sqlite_catalog, "backup", wait=0), pytest.raises(LeaseLost):
        back_up(bucket, folder_lake, sqlite_catalog, settings(tmp_path))


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


def back_up_in(home: Path, place: str, endpoint: str) -> None:
    """What a process of its own does that is killed."""
    back_up(Bucket(place, endpoint), open_lake(str(home / "lake")), open_catalog(f"sqlite:///{home}/catalog.db"), settings(home))


def test_killed_twenty_times_a_backup_ends_as_if_undisturbed(bucket: Bucket, s3_endpoint: str, tmp_path: Path) -> None:
    lake, catalog = open_lake(str(tmp_path / "lake")), open_catalog(f"sqlite:///{tmp_path}/catalog.db")
    fill(lake, catalog, 700)
    rng = np.random.default_rng(5)
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload([__name__, "boto3", "botocore.session", "botocore.config"])
    counts = []
    for _ in range(20):
        process = processes.Process(target=back_up_in, args=(tmp_path, bucket.url, s3_endpoint))
        process.start()
        time.sleep(float(rng.uniform(0.3, 0.6)))
        process.kill()
        process.join()
        counts.append(len(bucket.list()))
    assert counts[0] < 700, "the kills came too late to mean anything"
    assert counts == sorted(counts)
    done = back_up(bucket, lake, catalog, settings(tmp_path))
    assert done.uploaded + done.unchanged == 701
    assert verify(bucket).sound
    whole = Bucket(bucket.url + "-whole", s3_endpoint)
    back_up(whole, lake, catalog, settings(tmp_path))
    torn, undisturbed = read_manifest(bucket), read_manifest(whole)
    assert torn
    assert undisturbed
    assert (torn.files, torn.chunks) == (undisturbed.files, undisturbed.chunks)
    assert set(bucket.list()) == set(whole.list())


def test_a_backup_that_is_killed_leaves_the_one_before_it_whole(
    folder_lake: Lake, sqlite_catalog: Catalog, bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(folder_lake, sqlite_catalog)
    back_up(bucket, folder_lake, sqlite_catalog, settings(tmp_path))
    before = content(folder_lake)
    for path in list(before):
        folder_lake.write_bytes(path, b"changed " + path.encode())

    def dies(self: Bucket, name: str, data: bytes, sha256: str) -> None:
        if name == NAME:
            raise KeyboardInterrupt
        put(self, name, data, sha256)

    put = Bucket.put
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Bucket, "put", dies)
        back_up(bucket, folder_lake, sqlite_catalog, settings(tmp_path))
    assert verify(bucket).sound
    other = open_lake(str(tmp_path / "new/lake"))
    restore(bucket, other, f"sqlite:///{tmp_path}/new/catalog.db", tmp_path / "new")
    assert content(other) == before
    done = back_up(bucket, folder_lake, sqlite_catalog, settings(tmp_path))
    assert (done.uploaded, done.unchanged) == (0, 31)  # all had been sent


def test_what_was_taken_back_leaves_the_backup_at_once(folder_lake: Lake, sqlite_catalog: Catalog, bucket: Bucket, tmp_path: Path) -> None:
    fill(folder_lake, sqlite_catalog)
    path = "audio/downloads/2026-01-05/call/call_agent.wav"
    folder_lake.write_bytes(path, b"x")
    back_up(bucket, folder_lake, sqlite_catalog, settings(tmp_path))
    erase(folder_lake, sqlite_catalog, Conversation("call"))
    assert back_up(bucket, folder_lake, sqlite_catalog, settings(tmp_path)).purged == 1
    assert not any(path in name for name in bucket.list())


def test_no_secret_and_no_password_is_in_the_backup(folder_lake: Lake, sqlite_catalog: Catalog, bucket: Bucket, tmp_path: Path) -> None:
    mine = settings(tmp_path, catalog="postgresql+psycopg://anna:HUNTER2@db/x", api_token="HUNTER2", alert_webhook="http://a.test/HUNTER2")
    back_up(bucket, folder_lake, sqlite_catalog, mine)
    kept = bucket.get("config/settings.json") or b""
    assert b"HUNTER2" not in kept
    assert b"postgresql+psycopg://anna:***@db/x" in kept


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


def test_what_cannot_be_listed_is_named_and_not_taken_for_deleted(
    folder_lake: Lake, sqlite_catalog: Catalog, bucket: Bucket, tmp_path: Path
) -> None:
    fill(folder_lake, sqlite_catalog)
    mine = settings(tmp_path, backup_keep_deleted_days=0)
    back_up(bucket, folder_lake, sqlite_catalog, mine)
    audio = Path(folder_lake.full_path("audio/segments/mic"))
    audio.rename(tmp_path / "elsewhere")
    audio.symlink_to(tmp_path / "elsewhere")
    Path(folder_lake.full_path("audio/gone.wav")).symlink_to("/nowhere")
    done = back_up(bucket, folder_lake, sqlite_catalog, mine, even_if_emptier=True)
    assert done.failed == {"audio/segments/mic": "link to a folder", "audio/gone.wav": "dangling link"}
    assert (done.deleted, done.purged) == (0, 0)
    assert len(verify(bucket).missing) == 0
    assert pending(bucket, folder_lake, sqlite_catalog, mine) == ""


def test_a_name_that_is_no_text_is_named_and_stops_nothing(
    folder_lake: Lake, sqlite_catalog: Catalog, bucket: Bucket, tmp_path: Path
) -> None:
    fill(folder_lake, sqlite_catalog)
    with open(os.fsencode(folder_lake.full_path("audio")) + b"/bad\xff.wav", "wb") as file:
        file.write(b"x")
    done = back_up(bucket, folder_lake, sqlite_catalog, settings(tmp_path))
    assert (done.uploaded, len(done.failed), done.changed) == (31, 1, True)


def test_lake_and_backup_may_not_lie_one_inside_the_other(tmp_path: Path) -> None:
    for lake, place in (("s3://b", "s3://b/backup"), ("s3://b/lake", "s3://b"), ("s3://b/x", "s3://b/x/")):
        with pytest.raises(BackupUnavailable, match="one inside the other"):
            bucket_of(settings(tmp_path, lake=lake, backup=place))
    bucket_of(settings(tmp_path, lake="s3://b/lake", backup="s3://b/lake-backup"))


def test_a_row_written_before_and_committed_after_a_backup_is_in_the_next(sqlite_catalog: Catalog) -> None:
    Ledger(sqlite_catalog).record(Item("mic/1", "segment", "mic", DAY, "ready", "f"))
    with snapshot(sqlite_catalog) as connection:
        assert marks(connection, datetime.now(UTC))[f"items/{DAY}"] == ""  # too young to be believed
        assert marks(connection, datetime.now(UTC) + timedelta(minutes=11))[f"items/{DAY}"].startswith("1 ")
