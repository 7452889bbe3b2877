"""Takes as the catalog keeps them."""

from pathlib import Path

import pytest

from soundmill.catalog import Catalog, Ledger, Speakers, Takes
from soundmill.catalog.takes import path_hash, take_key
from soundmill.errors import ConsentNeeded, UnknownPrompts
from soundmill.lake import Lake
from tests.soundmill.workflows.takes.reading import prompt_set, read, somebody


def test_a_key_names_one_sound_of_one_sentence_by_one_speaker() -> None:
    known = {
        take_key(*of)
        for of in (("a", "s", "u", "x"), ("b", "s", "u", "x"), ("a", "t", "u", "x"), ("a", "s", "v", "x"), ("a", "s", "u", "y"))
    }
    assert len(known) == 5
    assert take_key("a", "s", "u", "x") in known


def test_a_person_overrules_the_verdict_and_takes_it_back(folder_lake: Lake, catalog: Catalog, data: Path) -> None:
    prompt_set(catalog)
    takes, take = Takes(catalog), read(folder_lake, catalog, data, somebody(catalog), "u0")
    assert (take.verdict, take.counts) == ("good", True)
    assert takes.listed(show="good")[1] == 1
    rejected = takes.review(take.key, "rejected", "eve", ("prompted_takes",))
    assert (rejected.counts, rejected.reviewed_by) == (False, "eve")
    assert (takes.listed(show="good")[1], takes.listed(show="rejected")[1], takes.listed(show="todo")[1]) == (0, 1, 0)
    assert Ledger(catalog).takes(take.day)[0].measures["counts"] is False
    assert take.day in Ledger(catalog).stale("prompted_takes")
    back = takes.review(take.key, None, "eve", ())
    assert (back.counts, back.review, back.reviewed_by) == (True, None, None)
    takes.judge([(back, "again", [{"rule": "words", "verdict": "again", "text": "no"}], {"errors": 0.9})])
    assert takes.listed(show="todo")[1] == 1
    assert takes.review(take.key, "accepted", "eve", ()).counts
    with pytest.raises(UnknownPrompts):
        takes.review("none", "accepted", "eve", ())


def test_what_is_withdrawn_leaves_a_row_that_says_so_and_where_its_files_were_as_hashes(
    folder_lake: Lake, catalog: Catalog, data: Path
) -> None:
    prompt_set(catalog)
    takes, take = Takes(catalog), read(folder_lake, catalog, data, somebody(catalog), "u0")
    assert [one.key for one in takes.remove([take, take], ("transcripts",))] == [take.key]
    assert takes.get(take.key) is None
    (item,) = takes.withdrawn_files()
    assert item.measures["paths"] == [take.path, take.derived_path]
    takes.files_are_gone([item])
    assert takes.withdrawn_files() == []
    (left,) = Ledger(catalog).known([take.source]).values()
    assert (left.state, left.path, left.content_hash, left.seconds) == ("withdrawn", None, None, 0)
    assert take.speaker not in str(left.measures)
    assert takes.withdrawn_path_hashes() == {path_hash(take.path), path_hash(take.derived_path)}


def test_a_take_that_comes_after_its_consent_ended_is_not_entered(folder_lake: Lake, catalog: Catalog, data: Path) -> None:
    prompt_set(catalog)
    who = somebody(catalog)
    Speakers(catalog).withdraw(who[0])
    with pytest.raises(ConsentNeeded, match="not stored"):
        read(folder_lake, catalog, data, who, "u0")
    assert list(folder_lake.files("audio")) == []
    assert Takes(catalog).listed(state=None) == ([], 0)


def test_files_of_one_name_get_a_number(folder_lake: Lake, catalog: Catalog, data: Path) -> None:
    prompt_set(catalog)
    who = somebody(catalog)
    first, second = (read(folder_lake, catalog, data, who, "u0", number) for number in (0, 1))
    assert Path(first.path).stem == f"u0_{who[0].id}"
    assert Path(second.path).stem == f"u0_{who[0].id}_2"
    assert Takes(catalog).pace_of(who[0].id, first.key) == [second.measures["characters"]]
    assert Takes(catalog).counts_of("digits", who[0].id) == 1  # sentence
    assert Takes(catalog).days("digits") == {first.day}
