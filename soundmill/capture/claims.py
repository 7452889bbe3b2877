"""Two recordings of one source that claim the same moment: which sound is kept already, and what is left of the one that comes second."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import numpy as np
from sqlalchemy import or_, select

from soundmill.audio import read_pcm
from soundmill.audio.reader import Int16
from soundmill.catalog import Item, Ledger, lies_in
from soundmill.catalog.schema import ItemRow
from soundmill.errors import NotInLake, UndecodableAudio
from soundmill.lake import Lake

_ROUNDING_SECONDS = 0.002  # starts are kept to the millisecond: the same sound lies within this of where they say
_PROBE = 256  # samples that are looked for; the rest is compared only where these are found
_HELD_BY = "held_by"  # among an item's measures
_STEP = 1  # int16 steps by which the same sound may differ once it was decoded twice


@dataclass(frozen=True)
class Kept:
    """The samples `first` to `last` of a piece are the sound of `item`."""

    item: Item
    first: int
    last: int


def kept_already(lake: Lake, others: Iterable[Item], start: datetime, pcm: Int16, sample_rate: int, content_hash: str) -> list[Kept]:
    """Which of a source's other segments hold sound of a piece that begins at `start`: the same samples at about the same moment.

    `content_hash` is that of the piece's WAV: a segment of the same moment and content need not be read. Other sound from the same moment
    (a clock that was set back, two microphones under one name) is not listed, nor is the same sound at another rate.
    """
    found = []
    for other in others:
        if other.started_at == start and other.content_hash == content_hash:
            found.append(Kept(other, 0, len(pcm)))
        elif other.started_at is not None and other.path is not None:
            try:
                kept, rate = read_pcm(lake.read_bytes(other.path))
            except (NotInLake, UndecodableAudio):  # it is going just now, or damaged: it holds nothing
                continue
            expected = round((other.started_at - start).total_seconds() * sample_rate)
            place = _place(pcm, kept, expected, round(_ROUNDING_SECONDS * sample_rate)) if rate == sample_rate else None
            if place is not None:
                found.append(Kept(other, max(place, 0), min(place + len(kept), len(pcm))))
    return found


def left_over(kept: Iterable[Kept], samples: int, shortest: int) -> list[tuple[int, int]]:
    """What of so many samples is kept nowhere yet: (first, last) of each stretch of at least `shortest`, in order."""
    rests, reached = [], 0
    for first, last in (*sorted((one.first, one.last) for one in kept), (samples, samples)):
        if first - reached >= shortest:
            rests.append((reached, first))
        reached = max(reached, last)
    return rests


def gave_way_to(item: Item, kept: Iterable[Kept]) -> Item:
    """An item that notes all those that hold its sound: it comes back when any of them changes or goes."""
    hashes = {one.item.key: one.item.content_hash for one in kept}
    return replace(item, blocked_by=next(iter(hashes)), measures={**item.measures, _HELD_BY: hashes})


def released(ledger: Ledger, landed: date) -> set[str]:
    """Files landed on the day that gave way to another item which no longer stands in their way."""
    of_day = select(ItemRow.key).where(ItemRow.landed == landed)
    gave_way = ledger.selected(ItemRow.blocked_by.is_not(None), or_(ItemRow.landed == landed, ItemRow.parent.in_(of_day)))
    held_by = {item.key: item.measures.get(_HELD_BY) or {item.blocked_by or "": None} for item in gave_way}
    others = ledger.known(sorted({key for held in held_by.values() for key in held}))
    return {
        item.parent or item.key
        for item in gave_way
        if not all(_stands(others.get(key), item, content_hash) for key, content_hash in held_by[item.key].items())
    }


def _stands(other: Item | None, item: Item, content_hash: str | None) -> bool:
    """Whether an item is still in the way of one that gave way to it (when it had this content), as a whole or in part."""
    if other is None or other.state != "ready" or content_hash not in (None, other.content_hash):
        return False
    if item.state not in ("duplicate", "quarantined") or item.started_at is None or other.started_at == item.started_at:
        return True
    own = (item.started_at, item.started_at + timedelta(seconds=item.seconds))
    return item.state == "duplicate" and lies_in(other.started_at, other.seconds, [own])


def _place(pcm: Int16, kept: Int16, expected: int, tolerance: int) -> int | None:
    """The index in `pcm` at which `kept` begins, near the expected one (which may be negative), if their common samples are the same."""
    for distance in range(tolerance + 1):
        for place in {expected - distance, expected + distance}:
            first, last = max(place, 0), min(place + len(kept), len(pcm))
            probe = min(first + _PROBE, last)
            if last - first > tolerance and all(_same(pcm[first:end], kept[first - place : end - place]) for end in (probe, last)):
                return place
    return None


def _same(one: Int16, other: Int16) -> bool:
    return bool(np.all(np.abs(one.astype(np.int32) - other) <= _STEP))
