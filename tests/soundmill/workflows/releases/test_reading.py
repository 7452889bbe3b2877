"""Opening releases: one whose files were touched is damaged, and what is missing of one is told."""

import hashlib
from dataclasses import replace

import pytest

from soundmill.catalog import Catalog, Releases, clip_path
from soundmill.errors import DamagedRelease
from soundmill.lake import Lake
from soundmill.releases.manifest import Clip, clips_bytes, manifest_bytes, release_folder
from soundmill.workflows.releases import define_release, inspect, make_release, opened
from tests.soundmill.workflows.releases.garden import garden


def made(lake: Lake, catalog: Catalog) -> tuple[Clip, ...]:
    garden(lake, catalog)
    define_release(catalog, "owls-1.0", {"rounds": ["owls"], "licence": "CC0-1.0"})
    make_release(lake, catalog, "owls-1.0")
    return opened(lake, catalog, "owls-1.0").clips


@pytest.mark.parametrize("file", ["manifest.json", "clips.jsonl", "card.md"])
def test_a_release_whose_files_were_touched_or_lost_is_damaged(folder_lake: Lake, sqlite_catalog: Catalog, file: str) -> None:
    made(folder_lake, sqlite_catalog)
    path = f"{opened(folder_lake, sqlite_catalog, 'owls-1.0').folder}/{file}"
    folder_lake.write_bytes(path, folder_lake.read_bytes(path).replace(b"owl", b"fox"))
    with pytest.raises(DamagedRelease, match="not what was written"):
        opened(folder_lake, sqlite_catalog, "owls-1.0")
    folder_lake.delete(path)
    with pytest.raises(DamagedRelease, match="a backup has it"):
        opened(folder_lake, sqlite_catalog, "owls-1.0")


def test_a_release_is_looked_at_as_it_lies_there(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    clips = made(folder_lake, sqlite_catalog)
    folder_lake.delete(clip_path(clips[2].sha256))
    found = inspect(folder_lake, opened(folder_lake, sqlite_catalog, "owls-1.0"))
    assert (found.missing, found.torn) == ((clips[2].id,), ())
    torn = [replace(one, split="test" if n == 0 else "train", labels=() if n == 0 else one.labels) for n, one in enumerate(clips)]
    files = {"clips.jsonl": clips_bytes(torn), "card.md": b"# torn"}
    files["manifest.json"] = manifest_bytes({}, files)
    content = hashlib.sha256(files["manifest.json"]).hexdigest()
    for name, data in files.items():
        folder_lake.write_bytes(f"{release_folder('torn', content)}/{name}", data)
    spec = define_release(sqlite_catalog, "torn", {"rounds": ["owls"], "licence": "x"}).model_dump(mode="json")
    Releases(sqlite_catalog).made("torn", spec, content, {}, [])
    found = inspect(folder_lake, opened(folder_lake, sqlite_catalog, "torn"))
    assert (set(found.torn), found.lacking) == ({clips[0].group, *clips[0].recordings}, ("test has no owl",))
