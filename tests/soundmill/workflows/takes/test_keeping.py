"""The original's folder, kept while a studio runs, and copied where a backup is set."""

import json
from pathlib import Path

import boto3
import pytest
from sqlalchemy.exc import OperationalError

from soundmill.backup.bucket import bucket_of
from soundmill.catalog import Catalog, Prompts
from soundmill.lake import Lake
from soundmill.options import BackupOptions
from soundmill.workflows.erasure import erase
from soundmill.workflows.takes import write_original
from soundmill.workflows.takes.keeping import Originals, copy_original, purge_originals
from tests.conftest import wait_until
from tests.soundmill.workflows.takes.reading import metadata, prompt_set, read, somebody


def options(s3_url: str, s3_endpoint: str, lake: Lake) -> BackupOptions:
    return BackupOptions(url=s3_url.removesuffix("/lake"), endpoint=s3_endpoint, lake_url=lake.url)


def objects(s3_url: str, s3_endpoint: str) -> set[str]:
    found = boto3.client("s3", endpoint_url=s3_endpoint).list_objects_v2(Bucket=s3_url.split("/")[2])
    return {one["Key"] for one in found.get("Contents", ())}


def test_files_follow_what_changes_and_what_changed_while_nobody_was_there(folder_lake: Lake, sqlite_catalog: Catalog, data: Path) -> None:
    prompt_set(sqlite_catalog)
    who = somebody(sqlite_catalog)
    read(folder_lake, sqlite_catalog, data, who, "u0")
    with Originals(folder_lake, sqlite_catalog, BackupOptions()) as kept:
        wait_until(lambda: folder_lake.exists("audio/takes/digits/metadata.json"), 10)
        assert list(metadata(folder_lake)) == ["u0.wav"]
        read(folder_lake, sqlite_catalog, data, who, "u1", 1)
        Prompts(sqlite_catalog).claim("digits", who[0].id)
        kept.changed("digits")
        wait_until(lambda: sorted(metadata(folder_lake)) == ["u0.wav", "u1.wav"], 10)
        wait_until(lambda: folder_lake.read_bytes("audio/takes/digits/active_utterances.txt") == b"u2\n", 10)
        read(folder_lake, sqlite_catalog, data, who, "u2", 2)
        kept.changed("digits")
    assert len(metadata(folder_lake)) == 3  # the last change before the end, too


def test_only_what_changed_is_copied_and_what_is_withdrawn_goes(
    folder_lake: Lake, sqlite_catalog: Catalog, data: Path, s3_url: str, s3_endpoint: str
) -> None:
    prompt_set(sqlite_catalog)
    ann, ben = somebody(sqlite_catalog), somebody(sqlite_catalog)
    first = read(folder_lake, sqlite_catalog, data, ann, "u0")
    where, sent = options(s3_url, s3_endpoint, folder_lake), dict[str, str]()
    assert copy_original(folder_lake, sqlite_catalog, where, "digits", sent) == 1
    assert copy_original(folder_lake, sqlite_catalog, where, "digits", sent) == 0
    read(folder_lake, sqlite_catalog, data, ben, "u1", 1)
    assert copy_original(folder_lake, sqlite_catalog, where, "digits", sent) == 1
    there = objects(s3_url, s3_endpoint)
    assert f"labelled_audio_v2/digits/recordings/{Path(first.path).name}" in there
    erase(folder_lake, sqlite_catalog, ann[0])
    copy_original(folder_lake, sqlite_catalog, where, "digits", sent)
    assert not any(ann[0].id in one for one in objects(s3_url, s3_endpoint))
    folder_lake.delete(read(folder_lake, sqlite_catalog, data, ben, "u2", 2).path)  # lost, not withdrawn: its copy stays
    before = objects(s3_url, s3_endpoint)
    copy_original(folder_lake, sqlite_catalog, where, "digits", sent)
    assert objects(s3_url, s3_endpoint) >= before


def test_a_bucket_is_written_to_every_while_survives_errors_and_is_up_to_date_at_the_end(
    folder_lake: Lake, sqlite_catalog: Catalog, data: Path, s3_url: str, s3_endpoint: str
) -> None:
    prompt_set(sqlite_catalog)
    read(folder_lake, sqlite_catalog, data, somebody(sqlite_catalog), "u0")
    nowhere = BackupOptions(url="s3://no-such-bucket", endpoint=s3_endpoint, lake_url=folder_lake.url)
    with Originals(folder_lake, sqlite_catalog, nowhere, ["digits"], every=0.05):
        pass  # it could not be reached, and nobody is the worse for it
    with Originals(folder_lake, sqlite_catalog, options(s3_url, s3_endpoint, folder_lake), ["digits"], every=600):
        read(folder_lake, sqlite_catalog, data, somebody(sqlite_catalog), "u1", 1)
    there = objects(s3_url, s3_endpoint)
    assert "labelled_audio_v2/digits/active_utterances.txt" in there
    found = boto3.client("s3", endpoint_url=s3_endpoint).get_object(
        Bucket=s3_url.split("/")[2], Key="labelled_audio_v2/digits/metadata.json"
    )
    assert sorted(json.loads(found["Body"].read())) == ["u0.wav", "u1.wav"]


@pytest.mark.parametrize("copied", [(), ("digits",)])
def test_without_a_bucket_nothing_is_copied(
    folder_lake: Lake, sqlite_catalog: Catalog, copied: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    from soundmill.workflows.takes import keeping

    def never(*_: object) -> int:
        raise AssertionError("nothing is to be copied")

    monkeypatch.setattr(keeping, "copy_original", never)
    prompt_set(sqlite_catalog)
    kept = Originals(folder_lake, sqlite_catalog, BackupOptions(), copied, every=0.01)
    with kept:
        wait_until(lambda: folder_lake.exists("audio/takes/digits/metadata.json"), 10)


def test_a_name_that_is_no_set_and_a_catalog_that_is_away_for_a_moment_stop_nothing(
    folder_lake: Lake, sqlite_catalog: Catalog, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompt_set(sqlite_catalog)
    real, asked = Prompts.all, list[int]()

    def away(self: Prompts) -> object:
        asked.append(1)
        if len(asked) == 1:
            raise OperationalError("SELECT", {}, Exception("locked"))
        return real(self)

    monkeypatch.setattr(Prompts, "all", away)
    with Originals(folder_lake, sqlite_catalog, BackupOptions()) as kept:
        kept.changed("aaaa")
        read(folder_lake, sqlite_catalog, data, somebody(sqlite_catalog), "u0")
        kept.changed("digits")
        wait_until(lambda: folder_lake.exists("audio/takes/digits/metadata.json") and metadata(folder_lake), 10)


def test_what_is_withdrawn_goes_from_sets_that_nobody_serves_any_longer(
    folder_lake: Lake, sqlite_catalog: Catalog, data: Path, s3_url: str, s3_endpoint: str
) -> None:
    prompt_set(sqlite_catalog)
    ann, ben, where = somebody(sqlite_catalog), somebody(sqlite_catalog), options(s3_url, s3_endpoint, folder_lake)
    read(folder_lake, sqlite_catalog, data, ann, "u0")
    read(folder_lake, sqlite_catalog, data, ben, "u1", 1)
    write_original(folder_lake, sqlite_catalog, "digits")
    copy_original(folder_lake, sqlite_catalog, where, "digits", {})
    assert purge_originals(folder_lake, sqlite_catalog, where) == 0
    erase(folder_lake, sqlite_catalog, ann[0])
    assert purge_originals(folder_lake, sqlite_catalog, where) == 1
    bucket = bucket_of(where, f"{where.url}/labelled_audio_v2/digits")
    assert not any(ann[0].id in one for one in bucket.list())
    assert sorted(json.loads(bucket.get("metadata.json") or b"")) == ["u1.wav"]
