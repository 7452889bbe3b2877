"""Releases when things go wrong: kills, leases that are lost, sound that goes meanwhile, rounds that overlap."""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete

from soundmill.catalog import Box, Catalog, Releases, Rounds, RoundSession, Submission, clip_path
from soundmill.catalog.schema import LeaseRow
from soundmill.errors import ReleaseRefused
from soundmill.lake import Lake
from soundmill.workflows.releases import compare, define_release, export_release, make_release, making, opened
from tests.soundmill.workflows.releases.garden import DAY, HALF, MORNING, RATE, garden, label, land, noise
from tests.soundmill.workflows.releases.test_withdrawal import redact

CC0 = {"rounds": ["owls"], "licence": "CC0-1.0"}


def sound(lake: Lake) -> set[str]:
    return {entry.path for entry in lake.files("audio/clips")}


def living(catalog: Catalog) -> set[str]:
    return {clip_path(one.sha256) for one in Releases(catalog).clips() if one.withdrawn_at is None}


def more(catalog: Catalog, name: str, length: timedelta, boxes: list[Box], tag: str = "owl") -> None:
    """Another round, of one session at the beginning of the garden's morning."""
    rounds = Rounds(catalog)
    rounds.define(name, {"tags": [tag], "days": [str(DAY)]})
    rounds.put(name, [RoundSession(name, 1, "garden", MORNING, MORNING + length, "random")], None)
    rounds.set_state(name, "open")
    while claim := rounds.claim(name, "bob"):
        rounds.submit(claim, Submission("bob", "garden", claim.session.start, claim.session.end, tuple(boxes)))
    rounds.set_state(name, "closed")


def meanwhile(monkeypatch: pytest.MonkeyPatch, catalog: Catalog, does: Callable[[], object]) -> None:
    """While the first release's card is written, the machine sleeps: its lease is over, and others go on."""
    write, slept = making.card_text, list[bool]()

    def sleepy(*given: Any) -> str:
        if not slept:
            slept.append(True)
            with catalog.writing() as session:
                session.execute(delete(LeaseRow))
            does()
        return write(*given)

    monkeypatch.setattr(making, "card_text", sleepy)


def test_what_a_killed_release_wrote_goes_with_the_next_and_with_an_erasure(
    folder_lake: Lake, sqlite_catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    garden(folder_lake, sqlite_catalog)
    define_release(sqlite_catalog, "a", CC0)
    with monkeypatch.context() as patched:
        patched.setattr(making, "manifest_bytes", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            make_release(folder_lake, sqlite_catalog, "a")
    assert len(sound(folder_lake)) == 6
    redact(folder_lake, sqlite_catalog)
    assert sound(folder_lake) == set()
    folder_lake.write_bytes("releases/a-000000000000/manifest.json", b"of another time")
    make_release(folder_lake, sqlite_catalog, "a")
    assert sound(folder_lake) == living(sqlite_catalog)
    assert len(list(folder_lake.files("releases"))) == 3


def test_sound_that_is_erased_while_a_release_is_made_is_in_none(
    folder_lake: Lake, sqlite_catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    garden(folder_lake, sqlite_catalog)
    define_release(sqlite_catalog, "a", CC0)
    meanwhile(monkeypatch, sqlite_catalog, lambda: redact(folder_lake, sqlite_catalog))
    with pytest.raises(ReleaseRefused, match="withdrawn while the release was made"):
        make_release(folder_lake, sqlite_catalog, "a")
    assert make_release(folder_lake, sqlite_catalog, "a").facts["clips"] == 5
    assert sound(folder_lake) == living(sqlite_catalog)


def test_who_comes_late_overwrites_no_release(folder_lake: Lake, sqlite_catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    garden(folder_lake, sqlite_catalog)
    define_release(sqlite_catalog, "a", CC0)

    def another() -> None:
        rounds = Rounds(sqlite_catalog)
        rounds.set_state("owls", "open")
        claim = rounds.held("owls", 1, "ann")
        assert claim
        rounds.submit(claim, Submission("ann", "garden", claim.session.start, claim.session.end, ()))
        rounds.set_state("owls", "closed")
        make_release(folder_lake, sqlite_catalog, "a")

    meanwhile(monkeypatch, sqlite_catalog, another)
    with pytest.raises(ReleaseRefused, match="made meanwhile"):
        make_release(folder_lake, sqlite_catalog, "a")
    assert opened(folder_lake, sqlite_catalog, "a").clips[0].labels == ()


def test_a_copy_that_is_shifted_by_any_time_is_kept_together(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    long = noise(1, 90.0)
    files = {("garden", 0): long[: 60 * RATE], ("garden", 60): noise(2), ("yard", 0): 0.3 * long[round(22.5 * RATE) : round(82.5 * RATE)]}
    land(folder_lake, sqlite_catalog, files)
    label(sqlite_catalog)
    define_release(sqlite_catalog, "a", CC0)
    make_release(folder_lake, sqlite_catalog, "a")
    groups = [one.group for one in opened(folder_lake, sqlite_catalog, "a").clips]
    assert groups[0] == groups[1] == groups[4] == groups[5] != groups[2] == groups[3]


def test_rounds_over_the_same_stretch_agree_on_the_last_and_over_part_of_it_have_two_files(
    folder_lake: Lake, sqlite_catalog: Catalog, tmp_path: Path
) -> None:
    garden(folder_lake, sqlite_catalog)
    second = timedelta(seconds=1)
    more(sqlite_catalog, "again", HALF, [Box(MORNING + 4.05 * second, MORNING + 6.1 * second, "owl")])
    more(sqlite_catalog, "long", 2 * HALF, [Box(MORNING + 50 * second, MORNING + 52 * second, "fox")], "fox")
    define_release(sqlite_catalog, "a", CC0 | {"rounds": ["owls", "again", "long"]})
    make_release(folder_lake, sqlite_catalog, "a")
    release = export_release(folder_lake, sqlite_catalog, "a", tmp_path)
    whole = [one for one in release.clips if one.source == "garden" and one.start == MORNING]
    assert [(one.rounds, [(label.start_s, label.tag) for label in one.labels]) for one in whole] == [
        (("again", "owls"), [(4.05, "owl")]), (("long",), [(50.0, "fox")]),
    ]  # fmt: skip
    assert len({one.split for one in whole}) == 1
    for one in release.clips:
        assert hashlib.sha256((tmp_path / "wav" / one.file_name).read_bytes()).hexdigest() == one.sha256


def test_a_recording_keeps_its_split_although_other_sessions_of_it_are_settled(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    land(folder_lake, sqlite_catalog, {("garden", 0): noise(1), ("garden", 60): noise(2), ("yard", 0): noise(3)})
    label(sqlite_catalog)
    rounds = Rounds(sqlite_catalog)
    halves = {0: rounds.sessions("owls")[::2], 1: rounds.sessions("owls")[1::2]}  # of each recording one in the first round
    for half, sessions in halves.items():
        rounds.define(f"half{half}", rounds.get("owls").spec)
        fresh = [RoundSession(f"half{half}", n, one.source, one.start, one.end, "random") for n, one in enumerate(sessions, 1)]
        rounds.put(f"half{half}", fresh, None)
        rounds.set_state(f"half{half}", "open")
        while claim := rounds.claim(f"half{half}", "ann"):
            rounds.submit(claim, Submission("ann", claim.session.source, claim.session.start, claim.session.end, ()))
        rounds.set_state(f"half{half}", "closed")
    thirds = {"splits": {"train": 0.67, "test": 0.33}}
    define_release(sqlite_catalog, "a", CC0 | {"rounds": ["half0"]} | thirds)
    make_release(folder_lake, sqlite_catalog, "a")
    for seed in range(4):
        name = f"b{seed}"
        define_release(sqlite_catalog, name, CC0 | {"rounds": ["half1"], "after": "a", "seed": seed} | thirds)
        make_release(folder_lake, sqlite_catalog, name)
        assert compare(*(opened(folder_lake, sqlite_catalog, which) for which in ("a", name))).leaked == ()
        first, second = (
            {recording: one.split for one in opened(folder_lake, sqlite_catalog, which).clips for recording in one.recordings}
            for which in ("a", name)
        )
        assert first == second


def test_what_was_withdrawn_meanwhile_is_in_no_export(folder_lake: Lake, sqlite_catalog: Catalog, tmp_path: Path) -> None:
    garden(folder_lake, sqlite_catalog)
    define_release(sqlite_catalog, "a", CC0)
    make_release(folder_lake, sqlite_catalog, "a")
    gone = opened(folder_lake, sqlite_catalog, "a").clips[0]
    erased = list[bool]()

    def while_it_is_written(done: int, total: int) -> None:
        if not erased:
            erased.append(True)
            redact(folder_lake, sqlite_catalog)

    export_release(folder_lake, sqlite_catalog, "a", tmp_path, progress=while_it_is_written)
    assert not (tmp_path / "wav" / gone.file_name).exists()
    assert gone.file_name not in (tmp_path / f"{gone.split}.tsv").read_text()
    assert gone.sha256 in (tmp_path / "withdrawn.txt").read_text()


def test_a_session_whose_segments_are_gone_is_left_out_and_counted(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    garden(folder_lake, sqlite_catalog)
    path = next(entry.path for entry in folder_lake.files("audio/segments/yard"))
    folder_lake.delete(path)
    define_release(sqlite_catalog, "a", CC0)
    facts = make_release(folder_lake, sqlite_catalog, "a").facts
    assert (facts["clips"], facts["silent_sessions"]) == (5, 1)
