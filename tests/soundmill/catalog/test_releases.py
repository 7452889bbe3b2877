"""Releases in the catalog: defined, made once, and what was taken back of them."""

from datetime import timedelta

import pytest

from soundmill.catalog import Catalog, ReleasedClip, Releases, clip_path
from soundmill.errors import ReleaseRefused, UnknownRelease
from tests.soundmill.catalog.test_rounds import NOON

SPEC = {"rounds": ["owls"]}


def clip(release: str, minute: int, sha256: str) -> ReleasedClip:
    start = NOON + timedelta(minutes=minute)
    return ReleasedClip(release, "garden", start, start + timedelta(minutes=1), sha256 * 64)


def test_a_release_is_defined_anew_until_it_is_made(catalog: Catalog) -> None:
    releases = Releases(catalog)
    releases.define("a", {"rounds": []})
    releases.define("a", SPEC)
    with pytest.raises(ReleaseRefused, match="defined anew meanwhile"):
        releases.made("a", {"rounds": []}, "c", {}, [])
    made = releases.made("a", SPEC, "c", {"clips": 1}, [clip("a", 0, "1")])
    assert (made.content, made.facts, made.spec) == ("c", {"clips": 1}, SPEC)
    assert made.made_at is not None
    with pytest.raises(ReleaseRefused, match="made meanwhile"):
        releases.made("a", SPEC, "c", {}, [])
    with pytest.raises(ReleaseRefused, match="stays as it is"):
        releases.define("a", SPEC)
    releases.define("b", SPEC)
    assert [one.name for one in releases.all()] == ["b", "a"]
    with pytest.raises(UnknownRelease):
        releases.get("c")


def test_sound_is_gone_when_no_release_has_it_any_more(catalog: Catalog) -> None:
    releases = Releases(catalog)
    for name in ("a", "b"):
        releases.define(name, SPEC)
        releases.made(name, SPEC, name, {}, [clip(name, 0, "1"), clip(name, 1, "2")])
    assert releases.living_paths() == {clip_path("1" * 64), clip_path("2" * 64)}
    first = releases.clips("a")[0]
    releases.withdraw([first])
    assert [one.withdrawn_at is not None for one in releases.clips("a")] == [True, False]
    assert [one.sha256[0] for one in releases.clips(withdrawn=True)] == ["1"]
    assert [(one.release, one.sha256[0]) for one in releases.clips(withdrawn=False)] == [("a", "2"), ("b", "1"), ("b", "2")]
    assert clip_path("1" * 64) in releases.living_paths()  # b has it still
    releases.withdraw(releases.clips("b")[:1])
    assert releases.living_paths() == {clip_path("2" * 64)}
    assert len(releases.clips(source="garden")) == 4
    assert releases.clips(source="yard") == []
