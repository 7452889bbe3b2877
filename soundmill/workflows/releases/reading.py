"""Opening a release that is made, and comparing two."""

import hashlib
from dataclasses import dataclass

from soundmill.catalog import Catalog, Release, ReleasedClip, Releases, clip_path
from soundmill.errors import DamagedRelease, NotInLake, ReleaseRefused
from soundmill.lake import Lake
from soundmill.releases.manifest import CARD, CLIPS, MANIFEST, Clip, Difference, difference, read_clips, release_folder


@dataclass(frozen=True)
class Opened:
    """A release with its clips, and those of them that were taken back since."""

    release: Release
    clips: tuple[Clip, ...]
    withdrawn: tuple[Clip, ...]

    @property
    def living(self) -> tuple[Clip, ...]:
        """Clips that nobody took back: what may be used and handed on."""
        gone = {one.id for one in self.withdrawn}
        return tuple(one for one in self.clips if one.id not in gone)


def opened(lake: Lake, catalog: Catalog, name: str) -> Opened:
    """A release, checked against its sha256. Raises `UnknownRelease`, `ReleaseRefused` where it is not made yet, `DamagedRelease`."""
    releases = Releases(catalog)
    release = releases.get(name)
    if release.content is None:
        raise ReleaseRefused(f"release {name!r} is not made yet: soundmill materialize dataset_release --release {name}")
    try:
        manifest, clips = (lake.read_bytes(f"{release_folder(name)}/{file}") for file in (MANIFEST, CLIPS))
    except NotInLake as error:
        raise DamagedRelease(f"release {name!r} is damaged: {error}; a backup has it") from None
    if hashlib.sha256(manifest).hexdigest() != release.content or hashlib.sha256(clips).hexdigest().encode() not in manifest:
        raise DamagedRelease(f"release {name!r} is damaged: its files are not what was written; a backup has them")
    found = read_clips(clips)
    gone = {_place(one) for one in releases.clips(name) if one.withdrawn_at is not None}
    return Opened(release, tuple(found), tuple(one for one in found if _place(one) in gone))


@dataclass(frozen=True)
class Inspected:
    """What is true of a release now.

    card       its card; withdrawn: clips that were taken back
    torn       groups, and hashes of sound, that are in two splits; lacking: splits without one of the tags, in words
    missing    ids of clips whose sound ought to be there, and is not
    """

    card: str
    withdrawn: int
    torn: tuple[str, ...]
    lacking: tuple[str, ...]
    missing: tuple[str, ...]


def inspect(lake: Lake, catalog: Catalog, name: str) -> Inspected:
    """Looks at a release as it lies there, not at what was meant. Raises as `opened`."""
    release = opened(lake, catalog, name)
    card = lake.read_bytes(f"{release_folder(name)}/{CARD}").decode()
    splits: dict[str, set[str]] = {}
    tags: dict[str, set[str]] = {one.split: set() for one in release.clips}
    for one in release.clips:
        for what in (one.group, one.sha256, one.id):
            splits.setdefault(what, set()).add(one.split)
        tags[one.split] |= {label.tag for label in one.labels}
    every = set().union(*tags.values())
    return Inspected(
        card,
        len(release.withdrawn),
        torn=tuple(sorted(what for what, found in splits.items() if len(found) > 1)),
        lacking=tuple(f"{split} has no {tag}" for split, found in sorted(tags.items()) for tag in sorted(every - found)),
        missing=tuple(one.id for one in release.living if not lake.exists(clip_path(one.sha256))),
    )


def compare(lake: Lake, catalog: Catalog, first: str, second: str) -> Difference:
    """What differs from one release to another. Raises as `opened`."""
    a, b = (opened(lake, catalog, name) for name in (first, second))
    return difference(a.clips, b.clips, [one.id for one in (*a.withdrawn, *b.withdrawn)])


def _place(clip: Clip | ReleasedClip) -> tuple[object, ...]:
    return clip.source, clip.start, clip.end
