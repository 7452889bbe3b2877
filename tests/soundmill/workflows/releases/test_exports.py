"""Releases for other tools: what is written is what was released, and lhotse opens it."""

import csv
import hashlib
from pathlib import Path

import pytest

from soundmill.catalog import Catalog, clip_path
from soundmill.errors import DamagedRelease
from soundmill.formats.podcast import read_spans
from soundmill.lake import Lake
from soundmill.workflows.releases import define_release, export_names, export_release, make_release, opened
from tests.soundmill.workflows.releases.garden import OWL, garden


@pytest.fixture
def made(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    garden(folder_lake, sqlite_catalog)
    define_release(sqlite_catalog, "owls-1.0", {"rounds": ["owls"], "licence": "CC0-1.0", "splits": {"train": 0.67, "test": 0.33}})
    make_release(folder_lake, sqlite_catalog, "owls-1.0")


@pytest.mark.usefixtures("made")
def test_an_export_has_sound_tables_and_cuts_of_each_split(folder_lake: Lake, sqlite_catalog: Catalog, tmp_path: Path) -> None:
    to, steps = tmp_path / "out", list[tuple[int, int]]()
    release = export_release(folder_lake, sqlite_catalog, "owls-1.0", to, progress=lambda done, total: steps.append((done, total)))
    assert steps[-1] == (6, 6)
    for one in release.clips:
        assert hashlib.sha256((to / "wav" / one.file_name).read_bytes()).hexdigest() == one.sha256
    tables = {split: read_spans((to / f"{split}.tsv").read_text()) for split in ("train", "test")}
    assert sum(len(table.recordings()) for table in tables.values()) == 6
    assert sum(span.duration_s > 0 for table in tables.values() for span in table.spans) == len(OWL)
    with (to / "train.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert {row["dataset"] for row in rows} == {"owls-1.0"}
    assert all((to / "wav" / row["wav_filename"]).is_file() for row in rows)
    assert hashlib.sha256((to / "manifest.json").read_bytes()).hexdigest() == release.release.content


@pytest.mark.usefixtures("made")
def test_lhotse_opens_the_cuts_and_hears_the_sound(folder_lake: Lake, sqlite_catalog: Catalog, tmp_path: Path) -> None:
    from lhotse import CutSet

    release = export_release(folder_lake, sqlite_catalog, "owls-1.0", tmp_path)
    cuts = list(CutSet.from_file(tmp_path / "cuts_train.jsonl.gz").with_recording_path_prefix(tmp_path))
    assert len(cuts) == sum(one.split == "train" for one in release.clips)
    first = next(cut for cut in cuts if cut.supervisions)
    assert (first.supervisions[0].custom["tag"], first.supervisions[0].custom["low_hz"]) == ("owl", 300.0)
    assert first.load_audio().shape == (1, 330_750)


@pytest.mark.usefixtures("made")
def test_what_was_cut_off_goes_on_and_what_is_damaged_is_written_again(folder_lake: Lake, sqlite_catalog: Catalog, tmp_path: Path) -> None:
    to = tmp_path / "out"
    export_release(folder_lake, sqlite_catalog, "owls-1.0", to)
    first, second = sorted((to / "wav").iterdir())[:2]
    before, whole = second.stat().st_mtime_ns, first.read_bytes()
    first.write_bytes(whole[:100])
    export_release(folder_lake, sqlite_catalog, "owls-1.0", to)
    assert first.read_bytes() == whole
    assert second.stat().st_mtime_ns == before
    export_release(folder_lake, sqlite_catalog, "owls-1.0", tmp_path / "labels", with_sound=False)
    assert not (tmp_path / "labels" / "wav").exists()
    assert set(export_names(opened(folder_lake, sqlite_catalog, "owls-1.0"))) == {
        "manifest.json", "clips.jsonl", "card.md", "train.tsv", "test.tsv", "cuts_train.jsonl.gz", "cuts_test.jsonl.gz",
    }  # fmt: skip


@pytest.mark.usefixtures("made")
def test_sound_that_is_gone_or_changed_is_no_release(folder_lake: Lake, sqlite_catalog: Catalog, tmp_path: Path) -> None:
    path = clip_path(opened(folder_lake, sqlite_catalog, "owls-1.0").clips[0].sha256)
    folder_lake.write_bytes(path, b"other")
    with pytest.raises(DamagedRelease, match="not what was released"):
        export_release(folder_lake, sqlite_catalog, "owls-1.0", tmp_path / "a")
    folder_lake.delete(path)
    with pytest.raises(DamagedRelease, match="is gone"):
        export_release(folder_lake, sqlite_catalog, "owls-1.0", tmp_path / "b")
