"""The lake, on a folder and on S3 over HTTP."""

import multiprocessing
import os
import signal
import tempfile
import time
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from soundmill.errors import BlobDiscarded, DamagedTable, NotInLake
from soundmill.lake import DayTable, Lake, open_lake
from tests.conftest import wait_until

TABLE = DayTable(
    "things",
    pa.schema([pa.field("key", pa.string()), pa.field("size", pa.int32()), pa.field("vector", pa.list_(pa.float32(), 4))]),
    key=("key",),
)
MONDAY, TUESDAY, FRIDAY = date(2026, 1, 5), date(2026, 1, 6), date(2026, 1, 9)


def rows(*names: str) -> pa.Table:
    return TABLE.from_rows({"key": name, "size": len(name), "vector": [float(len(name))] * 4} for name in names)


def test_a_blob_comes_back_and_can_go(lake: Lake) -> None:
    lake.write_bytes("audio/a/b.wav", b"sound")
    assert lake.read_bytes("audio/a/b.wav") == b"sound"
    assert lake.exists("audio/a/b.wav")
    with lake.local_file("audio/a/b.wav") as local:
        assert local.read_bytes() == b"sound"
    lake.delete("audio/a/b.wav")
    lake.delete("audio/a/b.wav")
    assert not lake.exists("audio/a/b.wav")
    with pytest.raises(NotInLake, match=r"b\.wav"):
        lake.read_bytes("audio/a/b.wav")
    with pytest.raises(NotInLake), lake.local_file("audio/a/b.wav"):
        pass


def test_equal_bytes_are_not_written_again(lake: Lake) -> None:
    assert lake.write_if_changed("x", b"1")
    assert not lake.write_if_changed("x", b"1")
    assert lake.write_if_changed("x", b"2")


def test_a_writer_that_fails_leaves_what_was_there(lake: Lake) -> None:
    lake.write_bytes("x", b"before")
    with pytest.raises(RuntimeError, match="midway"), lake.writer("x") as file:
        file.write(b"half")
        raise RuntimeError("midway")
    assert lake.read_bytes("x") == b"before"
    if lake.is_local:
        assert os.listdir(lake.root) == ["x"]


def test_a_writer_may_go_back_to_the_header(lake: Lake) -> None:
    with lake.writer("x") as file:
        file.write(b"????data")
        file.seek(0)
        file.write(b"RIFF")
    assert lake.read_bytes("x") == b"RIFFdata"


@pytest.mark.parametrize("path", ["../outside", "/etc/passwd", "a/../../b", ""])
def test_no_path_leaves_the_root(lake: Lake, path: str) -> None:
    with pytest.raises(ValueError, match="inside the lake"):
        lake.write_bytes(path, b"x")


def test_listing_names_files_and_passes_over_hidden_ones(lake: Lake) -> None:
    for path in (
        "landing/mic/2026-01-05/b.wav",
        "landing/mic/2026-01-05/a.wav",
        "landing/mic/2026-01-05/.c.wav.partial",
        "landing/porch/2026-01-05/a.wav",
    ):
        lake.write_bytes(path, b"123")
    listed = list(lake.files("landing"))
    assert [entry.path for entry in listed] == [
        "landing/mic/2026-01-05/a.wav",
        "landing/mic/2026-01-05/b.wav",
        "landing/porch/2026-01-05/a.wav",
    ]
    assert {entry.size for entry in listed} == {3}
    assert lake.folders("landing") == ["mic", "porch"]
    assert list(lake.files("nothing")) == []
    assert lake.folders("nothing") == []


def test_a_stamp_changes_with_the_bytes(lake: Lake) -> None:
    lake.write_bytes("x/a", b"1")
    before = next(iter(lake.files("x"))).stamp
    lake.write_bytes("x/a", b"2")
    assert next(iter(lake.files("x"))).stamp != before


def test_a_day_is_sorted_stamped_and_rewritten_only_when_it_differs(lake: Lake) -> None:
    assert lake.write_day(TABLE, MONDAY, rows("b", "a"), "first")
    assert not lake.write_day(TABLE, MONDAY, rows("a", "b"), "first")
    assert lake.made_from(TABLE, MONDAY) == "first"
    assert lake.read_days(TABLE, [MONDAY])["key"].to_pylist() == ["a", "b"]
    assert lake.write_day(TABLE, MONDAY, rows("a"), "second")
    assert lake.made_from(TABLE, TUESDAY) is None


def test_what_a_killed_writer_left_of_a_table_goes_with_its_next_day(folder_lake: Lake) -> None:
    folder_lake.write_day(TABLE, MONDAY, rows("a"), "first")
    left = [Path(folder_lake.full_path(f"tables/{TABLE.name}/.{day}.parquet.7.partial")) for day in (MONDAY, TUESDAY)]
    for path in left:
        path.write_bytes(b"half")
    os.utime(left[0], (time.time() - 7200,) * 2)
    folder_lake.write_day(TABLE, FRIDAY, rows("b"), "first")
    assert [path.exists() for path in left] == [False, True]  # somebody may be at the young one


def test_a_range_of_days_is_one_table_in_order(lake: Lake) -> None:
    lake.write_day(TABLE, FRIDAY, rows("late"), "")
    lake.write_day(TABLE, MONDAY, rows("early", "earlier"), "")
    lake.write_day(TABLE, TUESDAY, TABLE.empty(), "")
    week = [date(2026, 1, day) for day in range(5, 12)]
    found = lake.read_days(TABLE, week)
    assert found["key"].to_pylist() == ["earlier", "early", "late"]
    assert lake.days(TABLE) == [MONDAY, TUESDAY, FRIDAY]
    assert lake.read_days(TABLE, week, columns=["size"]).column_names == ["size"]
    assert lake.read_days(TABLE, week, where=pc.field("size") == 4)["key"].to_pylist() == ["late"]
    assert lake.read_days(TABLE, [date(2025, 1, 1)]).num_rows == 0


def test_a_vector_is_four_floats_and_stays_so(lake: Lake) -> None:
    lake.write_day(TABLE, MONDAY, rows("abc"), "")
    assert lake.read_days(TABLE, [MONDAY]).schema.field("vector").type == pa.list_(pa.float32(), 4)


def test_days_outside_the_range_are_not_even_opened(lake: Lake) -> None:
    lake.write_day(TABLE, MONDAY, rows("a"), "")
    lake.write_bytes(lake.table_path(TABLE, FRIDAY), b"no parquet")
    assert lake.read_days(TABLE, [MONDAY, TUESDAY])["key"].to_pylist() == ["a"]
    with pytest.raises(DamagedTable, match="materialise its day again"):
        lake.read_days(TABLE, [MONDAY, FRIDAY])
    assert lake.made_from(TABLE, FRIDAY) is None  # so the next run makes it anew


def test_a_table_of_an_older_schema_counts_as_not_made(folder_lake: Lake) -> None:
    folder_lake.write_day(TABLE, MONDAY, rows("a"), "first")
    newer = DayTable(TABLE.name, TABLE.schema.append(pa.field("colour", pa.string())), TABLE.key, version=2)
    assert folder_lake.made_from(newer, MONDAY) is None
    assert folder_lake.read_days(newer, [MONDAY])["colour"].to_pylist() == [None]


def _write_for_ever(root: str) -> None:
    lake = open_lake(root)
    while True:
        for letter in (b"a", b"b"):
            lake.write_bytes("blob", letter * 3_000_000)


def test_a_writer_killed_at_any_moment_leaves_whole_files(tmp_path: Path) -> None:
    lake = open_lake(str(tmp_path))
    for round_ in range(8):
        process = multiprocessing.get_context("spawn" if round_ == 0 else "fork").Process(target=_write_for_ever, args=(str(tmp_path),))
        process.start()
        wait_until(lambda: lake.exists("blob"), 30)
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
        content = lake.read_bytes("blob")
        assert content in (b"a" * 3_000_000, b"b" * 3_000_000)
    partials = list(tmp_path.glob(".*.partial"))
    assert lake.sweep_partials(0, 1e12) == len(partials)
    assert [path.name for path in tmp_path.iterdir()] == ["blob"]


def test_what_is_half_written_goes_below_the_folder_that_is_named_and_nowhere_else(tmp_path: Path) -> None:
    lake = open_lake(str(tmp_path))
    for name in ("a/1/.x.wav.12.partial", "a/2/.x.wav.12.partial", "a/1/x.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"half")
    assert lake.sweep_partials(3600, time.time(), "a/1") == 0  # young: somebody may be at it
    assert lake.sweep_partials(0, 1e12, "a/1") == 1
    assert lake.sweep_partials(0, 1e12, "not/there") == 0
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*x.wav*")) == ["a/1/x.wav", "a/2/.x.wav.12.partial"]


def test_uploads_in_parts_that_nobody_completes_are_aborted_once_they_are_old(s3_url: str, s3_endpoint: str) -> None:
    lake = open_lake(f"{s3_url}/lake", s3_endpoint)
    bucket = s3_url.removeprefix("s3://").partition("/")[0]
    prefix = lake.root.partition("/")[2]
    for key in (f"{prefix}/audio/a.wav", "others/b.wav"):
        lake.fs.call_s3("create_multipart_upload", Bucket=bucket, Key=key)
    began = lake.fs.call_s3("list_multipart_uploads", Bucket=bucket)["Uploads"][0]["Initiated"].timestamp()
    assert lake.sweep_partials(3600, began + 3500) == 0
    assert lake.sweep_partials(3600, began + 3700) == 1
    left = lake.fs.call_s3("list_multipart_uploads", Bucket=bucket)["Uploads"]
    assert [upload["Key"] for upload in left] == ["others/b.wav"]


def test_copies_that_a_killed_process_left_beside_a_bucket_go_once_they_are_old(
    s3_url: str, s3_endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    lake = open_lake(f"{s3_url}/lake", s3_endpoint)
    lake.pending("a.wav").file.write(b"half")  # and killed
    (tmp_path / "soundmill-lake-x").mkdir()
    (tmp_path / "somebody-else-s").write_bytes(b"x")
    assert lake.sweep_partials(3600, time.time()) == 0
    assert lake.sweep_partials(3600, time.time() + 7200) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["somebody-else-s"]


def test_a_full_disk_is_an_error_that_leaves_the_old_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import resource

    lake = open_lake(str(tmp_path))
    lake.write_bytes("blob", b"old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OSError, match="large"):
            lake.write_bytes("blob", b"x" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert lake.read_bytes("blob") == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["blob"]


def test_a_damaged_footer_is_a_day_to_be_made(lake: Lake) -> None:
    lake.write_day(TABLE, MONDAY, rows("a", "b"), "first")
    whole = lake.read_bytes(lake.table_path(TABLE, MONDAY))
    lake.write_bytes(lake.table_path(TABLE, MONDAY), whole[:20] + bytes(len(whole) - 28) + whole[-8:])
    assert lake.made_from(TABLE, MONDAY) is None
    with pytest.raises(DamagedTable):
        lake.read_days(TABLE, [MONDAY])


def test_an_interrupted_writer_of_something_large_leaves_nothing(lake: Lake) -> None:
    with pytest.raises(KeyboardInterrupt), lake.writer("large") as file:
        file.write(b"x" * 9_000_000)
        raise KeyboardInterrupt
    assert not lake.exists("large")


def test_a_pending_blob_is_put_in_place_or_discarded_and_never_both(lake: Lake) -> None:
    kept, dropped = lake.pending("audio/a.wav"), lake.pending("audio/b.wav")
    for blob in (kept, dropped):
        blob.file.write(b"x")
        blob.sync()
    assert list(lake.files("audio")) == []
    kept.commit()
    kept.commit()
    kept.discard()
    dropped.discard()
    with pytest.raises(BlobDiscarded):
        dropped.commit()
    assert [entry.path for entry in lake.files("audio")] == ["audio/a.wav"]
    if lake.is_local:
        assert [entry.name for entry in Path(lake.root, "audio").iterdir()] == ["a.wav"]
