"""Releases of takes: who allows what, speakers in one split each, and what is left of who withdrew."""

import json
from pathlib import Path

import pytest

from soundmill.catalog import Catalog, Releases, Takes, clip_path
from soundmill.errors import ReleaseRefused, SpecRefused, UnknownPrompts
from soundmill.lake import Lake
from soundmill.releases.manifest import release_folder
from soundmill.workflows.erasure import erase
from soundmill.workflows.releases import compare, define_release, export_release, inspect, make_release, opened
from tests.soundmill.workflows.takes.reading import found_anywhere, prompt_set, read, somebody

TERMS = {"prompts": ["digits"], "licence": "internal", "splits": {"train": 0.5, "test": 0.5}}


def test_takes_are_released_with_their_words_no_speaker_in_two_splits(
    folder_lake: Lake, sqlite_catalog: Catalog, data: Path, tmp_path: Path
) -> None:
    from lhotse import CutSet
    from lhotse.qa import validate

    prompt_set(sqlite_catalog, number=8, licence="CC0-1.0")
    people = [somebody(sqlite_catalog) for _ in range(4)]
    for number in range(8):
        read(folder_lake, sqlite_catalog, data, people[number % 4], f"u{number}", number)
    define_release(sqlite_catalog, "digits-1", TERMS)
    made = make_release(folder_lake, sqlite_catalog, "digits-1")
    assert (made.facts["clips"], made.facts["prompts"]["digits"]["speakers"]) == (8, 4)
    release = opened(folder_lake, sqlite_catalog, "digits-1")
    splits = {one.reading.speaker: set[str]() for one in release.clips if one.reading}
    for one in release.clips:
        assert one.reading is not None
        splits[one.reading.speaker].add(one.split)
        assert one.reading.licence == "CC0-1.0"
    assert all(len(found) == 1 for found in splits.values())
    assert {split for found in splits.values() for split in found} == {"train", "test"}
    assert not inspect(folder_lake, release).torn
    assert "none of whom is in two splits" in release.card
    export_release(folder_lake, sqlite_catalog, "digits-1", tmp_path / "out")
    assert not list((tmp_path / "out").glob("*.tsv"))
    cuts = [
        cut
        for split in ("train", "test")
        for cut in CutSet.from_file(tmp_path / "out" / f"cuts_{split}.jsonl.gz").with_recording_path_prefix(tmp_path / "out")
    ]
    assert {cut.supervisions[0].text for cut in cuts} == {f"sentence number {number} of this set" for number in range(8)}
    validate(cuts[0], read_data=True)
    assert cuts[0].supervisions[0].speaker in splits
    assert make_release(folder_lake, sqlite_catalog, "digits-1").content == made.content


def test_only_what_is_good_and_allowed_for_the_purpose_is_in_it(folder_lake: Lake, sqlite_catalog: Catalog, data: Path) -> None:
    prompt_set(sqlite_catalog, purposes=["train", "publish"])
    ann, ben = somebody(sqlite_catalog, purposes=("train",)), somebody(sqlite_catalog, purposes=("train", "publish"))
    read(folder_lake, sqlite_catalog, data, ann, "u0", 0)
    kept = read(folder_lake, sqlite_catalog, data, ben, "u1", 1)
    rejected = read(folder_lake, sqlite_catalog, data, ben, "u2", 2)
    Takes(sqlite_catalog).review(rejected.key, "rejected", "eve", ())
    define_release(sqlite_catalog, "free", {**TERMS, "licence": "CC0-1.0"})
    with pytest.raises(ReleaseRefused, match="empty"):  # nobody gave anything under this licence
        make_release(folder_lake, sqlite_catalog, "free")
    define_release(sqlite_catalog, "public", {**TERMS, "purpose": "publish", "splits": {"all": 1.0}})
    made = make_release(folder_lake, sqlite_catalog, "public")
    assert [one.source for one in opened(folder_lake, sqlite_catalog, "public").clips] == [kept.source]
    assert made.facts["prompts"]["digits"]["left_out"] == {"no consent to publish": 1, "not good enough": 1}


def test_who_withdraws_leaves_tombstones_and_the_release_is_what_it_was(
    folder_lake: Lake, sqlite_catalog: Catalog, data: Path, tmp_path: Path
) -> None:
    prompt_set(sqlite_catalog)
    ann, ben = somebody(sqlite_catalog), somebody(sqlite_catalog)
    gone, stays = read(folder_lake, sqlite_catalog, data, ann, "u0", 0), read(folder_lake, sqlite_catalog, data, ben, "u1", 1)
    define_release(sqlite_catalog, "digits-1", TERMS)
    content = make_release(folder_lake, sqlite_catalog, "digits-1").content
    export_release(folder_lake, sqlite_catalog, "digits-1", tmp_path / "out")
    erased = erase(folder_lake, sqlite_catalog, ann[0])
    assert (erased.items, erased.clips) == (1, 1)
    folder = release_folder("digits-1", content)
    assert folder_lake.read_bytes(f"{folder}/withdrawn.txt").decode().split() == [gone.derived_sha256]
    lines = [json.loads(line) for line in folder_lake.read_bytes(f"{folder}/clips.jsonl").splitlines()]
    assert sorted(map(len, lines))[0] == 1
    assert not folder_lake.exists(clip_path(gone.derived_sha256))
    release = opened(folder_lake, sqlite_catalog, "digits-1")  # its hash holds still
    assert (release.release.content, release.gone, [one.source for one in release.living]) == (content, 1, [stays.source])
    export_release(folder_lake, sqlite_catalog, "digits-1", tmp_path / "out")
    assert set(found_anywhere(gone, tmp_path / "out")) == {"withdrawn.txt"}
    lake = Path(folder_lake.root)
    assert {Path(one).name for one in found_anywhere(gone, lake)} == {"withdrawn.txt"}
    define_release(sqlite_catalog, "digits-2", TERMS)
    second = make_release(folder_lake, sqlite_catalog, "digits-2")
    assert second.facts["clips"] == 1
    assert compare(release, opened(folder_lake, sqlite_catalog, "digits-2")).is_empty


def test_a_take_that_is_withdrawn_while_a_release_is_made_stops_it(
    folder_lake: Lake, sqlite_catalog: Catalog, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompt_set(sqlite_catalog)
    ann, ben = somebody(sqlite_catalog), somebody(sqlite_catalog)
    read(folder_lake, sqlite_catalog, data, ann, "u0", 0)
    read(folder_lake, sqlite_catalog, data, ben, "u1", 1)
    define_release(sqlite_catalog, "digits-1", TERMS)
    real = Releases.made

    def meanwhile(self: Releases, *given: object) -> object:
        Takes(sqlite_catalog).remove(Takes(sqlite_catalog).listed(speaker=ann[0].id)[0], ())
        return real(self, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(Releases, "made", meanwhile)
    with pytest.raises(ReleaseRefused, match="withdrawn while"):
        make_release(folder_lake, sqlite_catalog, "digits-1")
    monkeypatch.setattr(Releases, "made", real)
    assert make_release(folder_lake, sqlite_catalog, "digits-1").facts["clips"] == 1


def test_a_release_of_nothing_or_of_a_set_that_is_not_there_is_refused(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    with pytest.raises(SpecRefused, match="name one"):
        define_release(sqlite_catalog, "x", {"licence": "CC0-1.0"})
    with pytest.raises(UnknownPrompts):
        define_release(sqlite_catalog, "x", TERMS)
    prompt_set(sqlite_catalog)
    define_release(sqlite_catalog, "x", TERMS)
    with pytest.raises(ReleaseRefused, match="empty"):
        make_release(folder_lake, sqlite_catalog, "x")
