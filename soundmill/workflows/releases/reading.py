"""Opening a release that is made, and comparing two."""

import hashlib
from dataclasses import dataclass

from soundmill.catalog import CLIPS_FOLDER, Catalog, Release, ReleasedClip, Releases, clip_path
from soundmill.errors import DamagedRelease, NotInLake, ReleaseRefused
from soundmill.lake import Lake
from soundmill.releases.manifest import CARD, CLIPS, MANIFEST, Clip, Difference, clips_mark, difference, read_clips, release_folder


@dataclass(frozen=True)
class Opened:
    """A release with its folder in the lake, its card, its clips, and those of them that were withdrawn since. Of takes that were withdrawn
    no more is there than how many: `tombstones`."""

    release: Release
    folder: str
    card: str
    clips: tuple[Clip, ...]
    withdrawn: tuple[Clip, ...]
    tombstones: int = 0

    @property
    def gone(self) -> int:
        """How many clips were withdrawn of it."""
        return len(self.withdrawn) + self.tombstones

    @property
    def living(self) -> tuple[Clip, ...]:
        """Clips that were not withdrawn: what may be used and handed on."""
        gone = {one.id for one in self.withdrawn}
        return tuple(one for one in self.clips if one.id not in gone)


def opened(lake: Lake, catalog: Catalog, name: str) -> Opened:
    """A release, checked against its sha256. Raises `UnknownRelease`, `ReleaseRefused` where it is not made yet, `DamagedRelease`."""
    releases = Releases(catalog)
    release = releases.get(name)
    if release.content is None:
        raise ReleaseRefused(f"release {name!r} is not made yet: soundmill materialize dataset_release --release {name}")
    folder = release_folder(name, release.content)
    try:
        manifest, clips, card = (lake.read_bytes(f"{folder}/{file}") for file in (MANIFEST, CLIPS, CARD))
    except NotInLake as error:
        raise DamagedRelease(f"release {name!r} is damaged: {error}; a backup has it") from None
    hashes = [hashlib.sha256(data).hexdigest() for data in (manifest, card)]
    known = clips_mark(clips).encode() in manifest or hashlib.sha256(clips).hexdigest().encode() in manifest
    if hashes[0] != release.content or hashes[1].encode() not in manifest or not known:
        raise DamagedRelease(f"release {name!r} is damaged: its files are not what was written; a backup has them")
    found = read_clips(clips)
    gone = {_place(one) for one in releases.clips(name, withdrawn=True)}
    withdrawn = tuple(one for one in found if _place(one) in gone)
    return Opened(release, folder, card.decode(), tuple(found), withdrawn, clips.count(b"\n") - len(found))


@dataclass(frozen=True)
class Inspected:
    """What is true of a release now.

    torn       groups, recordings, and hashes of sound, that are in two splits
    lacking    splits that are empty, or without one of the tags, in words
    missing    ids of clips whose sound ought to be there, and is not
    """

    torn: tuple[str, ...]
    lacking: tuple[str, ...]
    missing: tuple[str, ...]


def inspect(lake: Lake, release: Opened) -> Inspected:
    """Looks at a release as it lies there, not at what was meant."""
    splits: dict[str, set[str]] = {}
    tags: dict[str, set[str]] = {split: set() for split in (release.release.facts or {}).get("by_split", {})}
    for one in release.clips:
        for what in (one.group, *one.marks):
            splits.setdefault(what, set()).add(one.split)
        tags.setdefault(one.split, set()).update(label.tag for label in one.labels)
    every, filled = set().union(*tags.values()), {one.split for one in release.clips}
    there = {entry.path for entry in lake.files(CLIPS_FOLDER)}
    lacking = [f"{split} is empty" for split in sorted(tags.keys() - filled)]
    lacking += [f"{split} has no {tag}" for split in sorted(filled) for tag in sorted(every - tags[split])]
    return Inspected(
        torn=tuple(sorted(what for what, found in splits.items() if len(found) > 1)),
        lacking=tuple(lacking),
        missing=tuple(one.id for one in release.living if clip_path(one.sha256) not in there),
    )


def compare(first: Opened, second: Opened) -> Difference:
    """What differs from one release to another."""
    return difference(first.clips, second.clips, [one.id for one in (*first.withdrawn, *second.withdrawn)])


def _place(clip: Clip | ReleasedClip) -> tuple[object, ...]:
    return clip.source, clip.start, clip.end
