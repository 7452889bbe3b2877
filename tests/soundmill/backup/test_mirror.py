"""The backup on a real S3 server: what is sent, what is found out, and the way back."""

import multiprocessing
import os
import time
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from soundmill.backup import Bucket, back_up, bucket_of, pending, restore, verify
from soundmill.backup.manifest import NAME, read_manifest
from soundmill.capture.redaction import plan_redaction
from soundmill.catalog import Catalog, Item, Ledger, clip_path, lease, open_catalog
from soundmill.errors import BackupRefused, BackupUnavailable, LeaseLost
from soundmill.lake import Lake, open_lake
from soundmill.workflows.erasure import Conversation, erase
from soundmill.workflows.releases import define_release, make_release, opened
from tests.soundmill.backup.homes import DAY, NOW, content, fill, settings
from tests.soundmill.workflows.releases.garden import MORNING, garden


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


def test_the_sound_of_a_clip_that_was_taken_back_of_its_release_goes_at_once(
    folder_lake: Lake, sqlite_catalog: Catalog, bucket: Bucket, tmp_path: Path
) -> None:
    garden(folder_lake, sqlite_catalog)
    define_release(sqlite_catalog, "owls-1.0", {"rounds": ["owls"], "licence": "CC0-1.0"})
    make_release(folder_lake, sqlite_catalog, "owls-1.0")
    back_up(bucket, folder_lake, sqlite_catalog, settings(tmp_path))
    gone, lost = (clip_path(one.sha256) for one in opened(folder_lake, sqlite_catalog, "owls-1.0").clips[:2])
    folder_lake.delete(lost)  # by mistake: it is in the release still
    assert any(gone in name for name in bucket.list())
    at = MORNING + timedelta(seconds=20)
    erase(folder_lake, sqlite_catalog, plan_redaction(sqlite_catalog, "garden", at, at + timedelta(seconds=3), keep=0))
    back_up(bucket, folder_lake, sqlite_catalog, settings(tmp_path))
    assert not any(gone in name for name in bucket.list())
    assert any(lost in name for name in bucket.list())
    assert any(name.rpartition("~")[0].endswith("/withdrawn.txt") for name in bucket.list())


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


def back_up_in(home: Path, place: str, endpoint: str) -> None:
    """What a process of its own does that is killed."""
    back_up(Bucket(place, endpoint), open_lake(str(home / "lake")), open_catalog(f"sqlite:///{home}/catalog.db"), settings(home))


def test_killed_ten_times_a_backup_ends_as_if_undisturbed(bucket: Bucket, s3_endpoint: str, tmp_path: Path) -> None:
    lake, catalog = open_lake(str(tmp_path / "lake")), open_catalog(f"sqlite:///{tmp_path}/catalog.db")
    fill(lake, catalog, 400)
    rng = np.random.default_rng(5)
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload([__name__, "boto3", "botocore.session", "botocore.config"])
    counts = []
    for _ in range(10):
        process = processes.Process(target=back_up_in, args=(tmp_path, bucket.url, s3_endpoint))
        process.start()
        time.sleep(float(rng.uniform(0.3, 0.6)))
        process.kill()
        process.join()
        counts.append(len(bucket.list()))
    assert counts[0] < 400, "the kills came too late to mean anything"
    assert counts == sorted(counts)
    done = back_up(bucket, lake, catalog, settings(tmp_path))
    assert done.uploaded + done.unchanged == 401
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
