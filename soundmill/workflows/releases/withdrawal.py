"""What is withdrawn from releases: its sound goes, and hashes stay that tell whoever has a copy what to delete."""

from collections.abc import Collection

from soundmill.catalog import CLIPS_FOLDER, Catalog, Ledger, ReleasedClip, Releases, lease
from soundmill.catalog.takes import TAKE_SOURCES
from soundmill.lake import Lake
from soundmill.releases.manifest import CLIPS, RELEASES, WITHDRAWN, release_folder, with_tombstones

LEASE = "releases"  # whoever makes one, or withdraws clips, is alone
LONGEST_WAIT = 12 * 3600.0  # seconds


def withdraw_clips(lake: Lake, catalog: Catalog, sources: Collection[str], wait: float = LONGEST_WAIT) -> int:
    """Withdraws from every release the clips that have sound in a withdrawn span of these sources; returns how many that are new.

    From then on no export has them. Their WAVs are deleted, and `withdrawn.txt` beside each release names their hashes, once no release is
    being made: raises `LeaseLost` where one is for longer than `wait` seconds. What a killed call left, the next one does.
    """
    releases, ledger = Releases(catalog), Ledger(catalog)
    fresh = list[ReleasedClip]()
    for source in sorted(sources):
        clips = releases.clips(source=source, withdrawn=False)
        spans = ledger.withdrawn_spans(source) if clips else []
        fresh += [one for one in clips if one.lies_in(spans)]
    releases.withdraw(fresh)
    with lease(catalog, LEASE, wait=wait):
        gone = releases.clips(withdrawn=True)
        for release in (one for one in releases.all() if one.content):
            hashes = sorted({one.sha256 for one in gone if one.release == release.name})
            if hashes and release.content:
                path = f"{release_folder(release.name, release.content)}/{WITHDRAWN}"
                lake.write_if_changed(path, "".join(f"{sha256}\n" for sha256 in hashes).encode())
                _bury(lake, release_folder(release.name, release.content), {one.source for one in gone if one.release == release.name})
        sweep(lake, catalog)
    return len(fresh)


def _bury(lake: Lake, folder: str, sources: Collection[str]) -> None:
    """Leaves of withdrawn takes nothing but tombstones in a release's clips: what was read, and by whom, goes, too."""
    if takes := {one for one in sources if one.startswith(TAKE_SOURCES)}:
        data = lake.read_bytes(f"{folder}/{CLIPS}")
        lake.write_if_changed(f"{folder}/{CLIPS}", with_tombstones(data, takes))


def sweep(lake: Lake, catalog: Catalog) -> None:
    """Deletes the WAVs of clips that no release holds (any more), and files of releases that were never made. For who holds the lease."""
    releases = Releases(catalog)
    living = releases.living_paths()
    folders = {release_folder(one.name, one.content) for one in releases.all() if one.content}
    strange = [entry.path for entry in lake.files(CLIPS_FOLDER) if entry.path not in living]
    strange += [entry.path for entry in lake.files(RELEASES) if entry.path.rpartition("/")[0] not in folders]
    for path in strange:
        lake.delete(path)
