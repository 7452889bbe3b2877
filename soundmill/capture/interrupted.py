"""What a killed cut leaves: a landed file is marked before its WAVs are written, so that the next run knows what it may find.

A cut writes WAVs before the rows that name them. Killed in between, it leaves WAVs that no row names, and, where a file is cut anew under
other settings, rows that name WAVs which hold something else by now. A marked file is due whatever the settings are, and what no row names
is deleted once it is cut.
"""

from dataclasses import replace
from datetime import date, datetime, timedelta

from soundmill.capture.landing import LandedFile, named_start
from soundmill.catalog import Item, Ledger, Span, held
from soundmill.lake import Lake
from soundmill.times import days_between, from_ms, to_ms

CUTTING = "being cut"  # fingerprint of an item whose cut has begun, and is not over
FILE_DELETED = "file deleted"  # fingerprint of a recording whose file a redaction deleted: should it land again, it is looked at again
_UNKNOWN = 86_400.0  # seconds that are looked through where a length is not known
_CUT_FROM = "cut_from"  # of a mark: when the file began, in ms since 1970, where its name does not say it


def marked(before: Item | None, file: LandedFile) -> Item:
    """A file's row while it is cut, from its row before."""
    if before is not None:
        return replace(before, fingerprint=CUTTING)
    return Item(file.key, "recording", file.source, file.day, "cut", CUTTING, landed=file.day)


def marked_from(before: Item | None, file: LandedFile, began: datetime) -> Item:
    """The same, with the moment that the file is cut from."""
    mark = marked(before, file)
    return replace(mark, measures={**mark.measures, _CUT_FROM: to_ms(began)})


def is_mark(item: Item) -> bool:
    """Whether a row says no more than that a first cut began."""
    return item.fingerprint == CUTTING and item.state == "cut" and item.started_at is None


def sweep(lake: Lake, ledger: Ledger, asset: str, folder: str, day: date, item: Item, before: Item | None = None) -> bool:
    """Deletes WAVs below `folder` that no row names, from the time of a file whose cut was killed: as it is cut now, and as it was before,
    by its row and by its name.

    Not while another run cuts a day near them: its WAVs have no rows yet. Says whether it is done; else the file's mark is to stay.
    """
    known = [one for one in (item, before) if one is not None]
    by_mark = {from_ms(one.measures[_CUT_FROM]) for one in known if _CUT_FROM in one.measures}
    starts = {named_start(item.key.rpartition("/")[2]), *(one.started_at for one in known), *by_mark}
    longest = max(one.seconds for one in known) or _UNKNOWN
    spans = {(start, start + timedelta(seconds=longest)) for start in starts if start is not None}
    return all(_sweep_span(lake, ledger, asset, f"{folder}/{item.source}", day, span) for span in spans)


def _sweep_span(lake: Lake, ledger: Ledger, asset: str, folder: str, day: date, span: Span) -> bool:
    first, last = to_ms(span[0]), to_ms(span[1])
    days = list(days_between(span[0].date(), span[1].date()))
    there = {
        entry.path
        for one in days
        for entry in lake.files(f"{folder}/{one.isoformat()}")
        if (stem := entry.path.rpartition("/")[2].removesuffix(".wav")).isdigit() and first <= int(stem) < last
    }
    near = {(one + timedelta(days=by)).isoformat() for one in days for by in (-1, 0, 1)} - {day.isoformat()}
    # in this order: who wrote what was listed is either still at work now, or its rows are there by now
    are_others_at_work = bool(held(ledger.catalog, f"{asset}/") & near)
    orphans = there - ledger.paths_in_use(there, "")
    if orphans and are_others_at_work:
        return False
    for path in orphans:
        lake.delete(path)
    return True
