"""What is taken back of a release: its sound goes, its hash stays, and the next release does without."""

from datetime import timedelta
from pathlib import Path

import pytest

from soundmill.capture.redaction import plan_redaction
from soundmill.catalog import Catalog, Releases, clip_path
from soundmill.lake import Lake
from soundmill.workflows.erasure import erase
from soundmill.workflows.releases import compare, define_release, export_release, inspect, make_release, opened, withdrawal
from tests.soundmill.workflows.releases.garden import HALF, MORNING, garden

CC0 = {"rounds": ["owls"], "licence": "CC0-1.0"}


def redact(lake: Lake, catalog: Catalog) -> None:
    """Three seconds of the first session, in which nobody labelled anything."""
    at = MORNING + timedelta(seconds=20)
    erase(lake, catalog, plan_redaction(catalog, "garden", at, at + timedelta(seconds=3), keep=0), "ann")


def test_a_clip_with_sound_that_is_taken_back_goes_from_releases_and_exports(lake: Lake, catalog: Catalog, tmp_path: Path) -> None:
    garden(lake, catalog)
    for name in ("a", "b"):
        define_release(catalog, name, CC0)
        make_release(lake, catalog, name)
    export_release(lake, catalog, "a", tmp_path / "out")
    gone, *others = opened(lake, catalog, "a").clips
    redact(lake, catalog)
    for name in ("a", "b"):
        assert lake.read_bytes(f"{opened(lake, catalog, name).folder}/withdrawn.txt").decode().splitlines() == [gone.sha256]
        release = opened(lake, catalog, name)
        assert (release.withdrawn, release.living) == ((gone,), tuple(others))
        assert inspect(lake, opened(lake, catalog, name)).missing == ()
    assert not lake.exists(clip_path(gone.sha256))
    assert all(lake.exists(clip_path(one.sha256)) for one in others)
    export_release(lake, catalog, "a", tmp_path / "out")
    assert not (tmp_path / "out" / "wav" / gone.file_name).exists()
    assert gone.file_name not in (tmp_path / "out" / f"{gone.split}.tsv").read_text()
    assert (tmp_path / "out" / "withdrawn.txt").read_text().split() == [gone.sha256]
    define_release(catalog, "c", CC0)
    made = make_release(lake, catalog, "c")
    assert (made.facts["clips"], made.facts["withdrawn_sessions"]) == (5, 1)
    change = compare(opened(lake, catalog, "a"), opened(lake, catalog, "c"))
    assert (change.removed, change.withdrawn) == ((gone.id,), (gone.id,))


def test_a_withdrawal_that_was_cut_off_is_completed_by_the_next(
    folder_lake: Lake, sqlite_catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    garden(folder_lake, sqlite_catalog)
    define_release(sqlite_catalog, "a", CC0)
    make_release(folder_lake, sqlite_catalog, "a")
    gone = opened(folder_lake, sqlite_catalog, "a").clips[0]
    with monkeypatch.context() as patched:
        patched.setattr(Releases, "living_paths", lambda _: 1 / 0)  # marked, and no file gone
        with pytest.raises(ZeroDivisionError):
            redact(folder_lake, sqlite_catalog)
    assert folder_lake.exists(clip_path(gone.sha256))
    assert withdrawal.withdraw_clips(folder_lake, sqlite_catalog, ["garden"]) == 0
    assert not folder_lake.exists(clip_path(gone.sha256))
    assert folder_lake.read_bytes(f"{opened(folder_lake, sqlite_catalog, 'a').folder}/withdrawn.txt")


def test_sound_of_elsewhere_takes_nothing_from_a_release(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    garden(folder_lake, sqlite_catalog)
    define_release(sqlite_catalog, "a", CC0)
    make_release(folder_lake, sqlite_catalog, "a")
    begin = MORNING + 2 * HALF
    erase(folder_lake, sqlite_catalog, plan_redaction(sqlite_catalog, "garden", begin, begin + HALF, keep=0))
    assert opened(folder_lake, sqlite_catalog, "a").withdrawn == ()
    assert not folder_lake.exists(f"{opened(folder_lake, sqlite_catalog, 'a').folder}/withdrawn.txt")
