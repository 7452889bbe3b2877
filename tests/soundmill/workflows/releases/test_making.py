"""Releases: the same inputs give the same bytes, nothing that belongs together is parted, and what is made stays."""

import json
import shutil
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from soundmill.audio import read_pcm
from soundmill.catalog import Box, Catalog, Releases, Rounds, RoundSession, Submission, clip_path, open_catalog
from soundmill.errors import ReleaseRefused, SpecRefused, UnknownRelease, UnknownRound
from soundmill.lake import Lake, open_lake
from soundmill.workflows.releases import NO_RELEASE, define_release, inspect, make_release, making, opened
from tests.catalogs import sqlite_in
from tests.soundmill.workflows.releases.garden import DAY, FILES, HALF, MORNING, RATE, garden, label, land, noise

CC0 = {"rounds": ["owls"], "licence": "CC0-1.0"}


def files_of(lake: Lake, name: str) -> dict[str, bytes]:
    return {entry.path: lake.read_bytes(entry.path) for folder in ("releases", "audio/clips") for entry in lake.files(folder)}


def test_a_release_holds_the_settled_sessions_with_their_sound(lake: Lake, catalog: Catalog) -> None:
    garden(lake, catalog)
    define_release(catalog, "owls-1.0", CC0 | {"use": "anybody"})
    steps: list[tuple[int, int]] = []
    made = make_release(lake, catalog, "owls-1.0", lambda done, total: steps.append((done, total)))
    assert made.is_new
    assert steps[-1] == (6, 6)
    release = opened(lake, catalog, "owls-1.0")
    assert [(one.source, one.start) for one in release.clips] == [
        (source, MORNING + timedelta(minutes=minute) + half * HALF) for source, minute in FILES for half in (0, 1)
    ]
    first = release.clips[0]
    assert [(one.start_s, one.duration_s, one.tag, one.low_hz, one.high_hz) for one in first.labels] == [(4.0, 2.0, "owl", 300.0, 900.0)]
    assert (first.tags, first.people, first.rounds, first.gaps) == (("owl",), 1, ("owls",), ())
    samples, rate = read_pcm(lake.read_bytes(clip_path(first.sha256)))
    assert rate == RATE
    assert np.abs(samples / 32_768 - noise(1)[: 30 * RATE]).max() < 1e-4
    found = inspect(lake, opened(lake, catalog, "owls-1.0"))
    assert (found.torn, found.missing, release.withdrawn) == ((), (), ())
    assert "**Who may use it**: anybody" in release.card
    assert "ann" not in (release.card + json.dumps(made.facts)).replace("anybody", "").replace("annotators", "")
    assert Releases(catalog).get("owls-1.0").facts == made.facts


def test_a_recording_is_never_parted_and_other_splits_get_their_tags(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    garden(folder_lake, sqlite_catalog)
    define_release(sqlite_catalog, "a", CC0 | {"splits": {"train": 0.67, "test": 0.33}})
    make_release(folder_lake, sqlite_catalog, "a")
    clips = opened(folder_lake, sqlite_catalog, "a").clips
    assert [one.split for one in clips[::2]] == [one.split for one in clips[1::2]]
    assert sorted(one.split for one in clips) == ["test"] * 2 + ["train"] * 4
    assert inspect(folder_lake, opened(folder_lake, sqlite_catalog, "a")).lacking == ()
    define_release(sqlite_catalog, "b", CC0 | {"together": "source", "after": NO_RELEASE})
    make_release(folder_lake, sqlite_catalog, "b")
    by_source = {one.source: one.split for one in opened(folder_lake, sqlite_catalog, "b").clips}
    assert len({(one.source, one.split) for one in opened(folder_lake, sqlite_catalog, "b").clips}) == len(by_source) == 2
    define_release(sqlite_catalog, "c", CC0 | {"together": "day", "after": NO_RELEASE})
    make_release(folder_lake, sqlite_catalog, "c")
    assert len({one.split for one in opened(folder_lake, sqlite_catalog, "c").clips}) == 1
    assert inspect(folder_lake, opened(folder_lake, sqlite_catalog, "c")).lacking == ("test is empty",)


def test_a_copy_and_a_labelled_sound_that_comes_again_keep_recordings_together(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    first, second = noise(1), noise(2)
    second[40 * RATE : 42 * RATE] = 0.5 * first[4 * RATE : 6 * RATE]  # the owl of session 1, softer
    land(folder_lake, sqlite_catalog, {("garden", 0): first, ("garden", 60): second, ("yard", 0): noise(3)})
    label(sqlite_catalog)
    define_release(sqlite_catalog, "a", CC0)
    make_release(folder_lake, sqlite_catalog, "a")
    groups = [one.group for one in opened(folder_lake, sqlite_catalog, "a").clips]
    assert len(set(groups[:4])) == 1
    facts = Releases(sqlite_catalog).get("a").facts or {}
    assert facts["copies"] == [["garden/2026-01-05T06:00:00.000Z/30000", "garden/2026-01-05T07:00:30.000Z/30000"]]
    assert len(set(groups)) == 2


def test_the_same_inputs_give_the_same_bytes_elsewhere_and_after_a_kill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake, catalog = open_lake(str(tmp_path / "one" / "lake")), open_catalog(sqlite_in(tmp_path / "one"))
    garden(lake, catalog)
    define_release(catalog, "owls-1.0", CC0)
    catalog.close()
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    found = []
    for home in ("one", "two"):
        lake, catalog = open_lake(str(tmp_path / home / "lake")), open_catalog(sqlite_in(tmp_path / home))
        if home == "two":
            with monkeypatch.context() as patched:
                patched.setattr(making, "manifest_bytes", lambda *_: 1 / 0)
                with pytest.raises(ZeroDivisionError):
                    make_release(lake, catalog, "owls-1.0")
            assert Releases(catalog).get("owls-1.0").content is None
        made = make_release(lake, catalog, "owls-1.0")
        found.append((made.content, files_of(lake, "owls-1.0")))
    assert found[0] == found[1]
    assert len(found[0][1]) == 3 + 6


def test_what_is_made_stays_as_it_is(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    garden(folder_lake, sqlite_catalog)
    define_release(sqlite_catalog, "a", CC0)
    made = make_release(folder_lake, sqlite_catalog, "a")
    before = files_of(folder_lake, "a")
    Rounds(sqlite_catalog).set_state("owls", "open")
    session = Rounds(sqlite_catalog).session("owls", 1)
    claim = Rounds(sqlite_catalog).held("owls", 1, "ann")
    assert claim
    Rounds(sqlite_catalog).submit(claim, Submission("ann", session.source, session.start, session.end, ()))
    again = make_release(folder_lake, sqlite_catalog, "a")
    assert (again.content, again.is_new) == (made.content, False)
    assert files_of(folder_lake, "a") == before
    with pytest.raises(ReleaseRefused, match="stays as it is"):
        define_release(sqlite_catalog, "a", CC0)
    Rounds(sqlite_catalog).set_state("owls", "closed")
    assert define_release(sqlite_catalog, "b", CC0).after == "a"
    make_release(folder_lake, sqlite_catalog, "b")
    clips = opened(folder_lake, sqlite_catalog, "b").clips
    assert clips[0].labels == ()
    assert [one.split for one in clips] == [one.split for one in opened(folder_lake, sqlite_catalog, "a").clips]
    assert "- 1 clip labelled otherwise" in opened(folder_lake, sqlite_catalog, "b").card


def test_what_was_in_a_split_stays_in_it_when_more_comes(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    garden(folder_lake, sqlite_catalog)
    define_release(sqlite_catalog, "a", CC0)
    make_release(folder_lake, sqlite_catalog, "a")
    land(folder_lake, sqlite_catalog, {("yard", 60 * n): noise(10 + n) for n in range(1, 6)})
    rounds = Rounds(sqlite_catalog)
    label(sqlite_catalog, "more", ("owl", "fox"), close=False)
    rounds.set_state("more", "closed")
    define_release(sqlite_catalog, "b", CC0 | {"rounds": ["owls", "more"], "seed": 5})
    make_release(folder_lake, sqlite_catalog, "b")
    first, second = (opened(folder_lake, sqlite_catalog, name).clips for name in "ab")
    assert {one.id: one.split for one in first}.items() <= {one.id: one.split for one in second}.items()
    assert second[0].rounds == ("more", "owls")  # the same stretch, asked about twice, is one clip
    assert second[0].tags == ("fox", "owl")
    assert len(second[0].labels) == 1


def test_disputed_sessions_and_those_without_sound_are_left_out(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    garden(folder_lake, sqlite_catalog)
    rounds = label(sqlite_catalog, "others", ("fox",), close=False)
    rounds.define("two", {"tags": ["owl"], "days": [str(DAY)]})
    night = MORNING - timedelta(hours=3)
    sessions = [
        RoundSession("two", 1, "garden", MORNING, MORNING + HALF, "random", 2),
        RoundSession("two", 2, "garden", night, night + HALF, "random"),
    ]
    rounds.put("two", sessions, None)
    rounds.set_state("two", "open")
    for who, boxes in {"ann": (Box(MORNING, MORNING + HALF, "owl"),), "bob": ()}.items():
        while claim := rounds.claim("two", who):
            there = boxes if claim.session.number == 1 else ()
            rounds.submit(claim, Submission(who, "garden", claim.session.start, claim.session.end, there))
    rounds.set_state("two", "closed")
    define_release(sqlite_catalog, "empty", {"rounds": ["two"], "licence": "x"})
    with pytest.raises(ReleaseRefused, match="would be empty"):
        make_release(folder_lake, sqlite_catalog, "empty")
    define_release(sqlite_catalog, "both", {"rounds": ["two", "owls"], "licence": "x"})
    assert make_release(folder_lake, sqlite_catalog, "both").facts["clips"] == 6


def test_what_cannot_be_made_is_refused_in_a_line(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    with pytest.raises(UnknownRound):
        define_release(sqlite_catalog, "a", CC0)
    with pytest.raises(SpecRefused):
        define_release(sqlite_catalog, "a", {"rounds": ["owls"]})
    with pytest.raises(SpecRefused, match="a release's name has letters"):
        define_release(sqlite_catalog, "../a", CC0)
    garden(folder_lake, sqlite_catalog)
    label(sqlite_catalog, "running", close=False)
    with pytest.raises(UnknownRelease):
        define_release(sqlite_catalog, "a", CC0 | {"after": "nothing"})
    define_release(sqlite_catalog, "a", CC0 | {"rounds": ["running"]})
    with pytest.raises(ReleaseRefused, match="'running' is not closed"):
        make_release(folder_lake, sqlite_catalog, "a")
    with pytest.raises(ReleaseRefused, match="nothing can come after it"):
        define_release(sqlite_catalog, "b", CC0 | {"after": "a"})
    with pytest.raises(ReleaseRefused, match="not made yet"):
        opened(folder_lake, sqlite_catalog, "a")
    with pytest.raises(UnknownRelease):
        make_release(folder_lake, sqlite_catalog, "nothing")


def test_the_release_before_is_the_one_that_shares_most_rounds(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    garden(folder_lake, sqlite_catalog)
    label(sqlite_catalog, "more")
    for name, rounds, after in (("a", ["owls", "more"], NO_RELEASE), ("b", ["more"], NO_RELEASE)):
        define_release(sqlite_catalog, name, CC0 | {"rounds": rounds, "after": after})
        make_release(folder_lake, sqlite_catalog, name)
    assert define_release(sqlite_catalog, "c", CC0 | {"rounds": ["owls", "more"]}).after == "a"
    assert define_release(sqlite_catalog, "d", CC0 | {"rounds": ["more"]}).after == "b"  # of two that share it, the newest


def test_a_card_tells_who_decided_and_what_fewer_people_labelled_than_was_wanted(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    garden(folder_lake, sqlite_catalog)
    rounds = Rounds(sqlite_catalog)
    rounds.define("two", {"tags": ["owl"], "days": [str(DAY)]})
    starts = [MORNING, MORNING + HALF]
    rounds.put("two", [RoundSession("two", n, "garden", start, start + HALF, "random", 2) for n, start in enumerate(starts, 1)], None)
    rounds.set_state("two", "open")
    for number in (1, 2):
        claim = rounds.take("two", number, "ann")
        assert claim
        rounds.submit(claim, Submission("ann", "garden", claim.session.start, claim.session.end, ()))
    rounds.set_session_states({rounds.session("two", 2).id: "adjudicate"})
    claim = rounds.adjudicate("two", 2, "cid")
    rounds.submit(claim, Submission("cid", "garden", claim.session.start, claim.session.end, (Box(starts[1], starts[1] + HALF, "owl"),)))
    rounds.set_state("two", "closed")
    define_release(sqlite_catalog, "a", {"rounds": ["two"], "licence": "x"})
    facts = make_release(folder_lake, sqlite_catalog, "a").facts["rounds"]["two"]
    assert (facts["settled"], facts["decided"], facts["by_fewer"]) == (2, 1, 1)
    assert (
        "An adjudicator decided 1, and 1 were labelled by fewer people than they wanted." in opened(folder_lake, sqlite_catalog, "a").card
    )
