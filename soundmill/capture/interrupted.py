"""What a killed cut leaves: a landed file is marked before its WAVs are written, so that the next run knows what it may find.

A cut writes WAVs before the rows that name them. Killed in between, it leaves WAVs that no row names, and, where a file is cut anew under
other settings, rows that name WAVs which hold something else by now. A marked file is due whatever the settings are, and what no row names
is deleted once it is cut.
"""

from dataclasses import replace
from datetime import timedelta

from soundmill.capture.landing import LandedFile, named_start
from soundmill.catalog import Item, Ledger, Span
from soundmill.lake import Lake
from soundmill.times import days_between, to_ms

CUTTING = "being cut"  # fingerprint of an item whose cut has begun, and is not over
_UNKNOWN = 86_400.0  # seconds that are looked through where a length is not known


def marked(before: Item | None, file: LandedFile) -> Item:
    """A file's row while it is cut, from its row before."""
    if before is not None:
        return replace(before, fingerprint=CUTTING)
    return Item(file.key, "recording", file.source, file.day, "cut", CUTTING, landed=file.day)


def is_mark(item: Item) -> bool:
    """Whether a row says no more than that a first cut began."""
    return item.fingerprint == CUTTING and item.state == "cut" and item.started_at is None


def sweep(lake: Lake, ledger: Ledger, folder: str, item: Item) -> None:
    """Deletes WAVs below `folder` that no row names, from the time of a file whose cut was killed: as it was cut now, and by its name, for
    it may have had another start before."""
    begins = item.started_at
    by_name = named_start(item.key.rpartition("/")[2])
    length = timedelta(seconds=item.seconds or _UNKNOWN)
    for span in {(start, start + length) for start in (begins, by_name) if start is not None}:
        _sweep_span(lake, ledger, f"{folder}/{item.source}", span)


def _sweep_span(lake: Lake, ledger: Ledger, folder: str, span: Span) -> None:
    first, last = to_ms(span[0]), to_ms(span[1])
    there = {
        entry.path
        for day in days_between(span[0].date(), span[1].date())
        for entry in lake.files(f"{folder}/{day.isoformat()}")
        if (stem := entry.path.rpartition("/")[2].removesuffix(".wav")).isdigit() and first <= int(stem) <= last
    }
    for path in there - ledger.paths_in_use(there, ""):
        lake.delete(path)
