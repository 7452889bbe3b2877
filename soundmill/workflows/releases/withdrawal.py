"""What is taken back of releases: their sound goes, and hashes stay that tell whoever has a copy what to drop."""

from soundmill.catalog import Catalog, Ledger, Releases, clip_path, lease, lies_in
from soundmill.lake import Lake
from soundmill.releases.manifest import WITHDRAWN, release_folder
from soundmill.workflows.releases.making import LEASE

_LONGEST_WAIT = 12 * 3600.0  # seconds, for a release that is being made


def withdraw_clips(lake: Lake, catalog: Catalog, source: str) -> int:
    """Takes out of every release the clips that have sound in a span of the source that was taken back; returns how many that are new.

    Their WAVs are deleted, and `withdrawn.txt` beside each release names their hashes. What a killed call left, the next one does.
    """
    releases, spans = Releases(catalog), Ledger(catalog).withdrawn_spans(source)
    with lease(catalog, LEASE, wait=_LONGEST_WAIT):
        there = [one for one in releases.clips(source=source) if one.withdrawn_at is None]
        fresh = [one for one in there if lies_in(one.start, (one.end - one.start).total_seconds(), spans)]
        releases.withdraw(fresh)
        gone = [one for one in releases.clips() if one.withdrawn_at is not None]
        for path in releases.withdrawn_paths() & {clip_path(one.sha256) for one in gone if one.source == source}:
            lake.delete(path)
        for name in {one.release for one in gone}:
            hashes = sorted({one.sha256 for one in gone if one.release == name})
            lake.write_if_changed(f"{release_folder(name)}/{WITHDRAWN}", "".join(f"{sha256}\n" for sha256 in hashes).encode())
    return len(fresh)
