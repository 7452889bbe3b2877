"""Tags, annotations by day and by macrosegment, and the two changes that the original's annotator knows."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends, HTTPException, Request

from soundmill.catalog import Annotations
from soundmill.formats.annotation import Annotation
from soundmill.studio.api.osr import words
from soundmill.studio.api.osr.sound import RATE, SAMPLES, SEGMENT, SLOTS, Source, macrosegment_start, sample_of, zone_of
from soundmill.studio.auth import User, page_for

router = APIRouter()
_SHADE = 0.8
# matplotlib's jet: places, and how much of a colour there is
_JET = {
    "red": ((0, 0.35, 0.66, 0.89, 1), (0, 0, 1, 1, 0.5)),
    "green": ((0, 0.125, 0.375, 0.64, 0.91, 1), (0, 0, 1, 1, 0, 0)),
    "blue": ((0, 0.11, 0.34, 0.65, 1), (0.5, 1, 1, 0, 0)),
}
_EVER = (date(1971, 1, 1), date(2200, 1, 1))
Person = Annotated[User, Depends(page_for("engineer", "annotator"))]


@router.post("/annotator/tags", summary="Tags and their colours")
def tags(request: Request) -> dict[str, Any]:
    """By name; the colours are jet, a little darker, evenly spaced."""
    names = sorted(Annotations(request.app.state.catalog).tags())
    return {
        "tags": [{"label": name.replace("_", " "), "value": name} for name in names],
        "colors": [_jet(place / max(1, len(names) - 1)) for place in range(len(names))],
    }


@router.post("/annotator/data/annots", summary="All annotations")
def annotations(request: Request, source: Source) -> list[dict[str, Any]]:
    """In order of their start."""
    return [_row(request, one) for one in _of(request, source, *_EVER)]


@router.post("/annotator/data/annots/groupByDay", summary="Annotations by day")
def annotations_by_day(request: Request, source: Source) -> dict[str, list[dict[str, Any]]]:
    """By the local day they start on."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in annotations(request, source):
        found.setdefault(row["datetime_start"][:10], []).append(row)
    return found


@router.post("/annotator/data/annots/day/{day}", summary="A day's annotations")
def annotations_of_day(request: Request, day: str, source: Source) -> list[dict[str, Any]]:
    """Those that start or end on a local day."""
    wanted = words.day(day)
    near = _of(request, source, wanted - timedelta(days=2), wanted + timedelta(days=1))
    rows = [_row(request, one) for one in near]
    return [row for row in rows if wanted.isoformat() in (row["datetime_start"][:10], row["datetime_end"][:10])]


@router.post("/annotator/data/annots/macroseg/{at}", summary="Annotations around a moment")
def annotations_around(request: Request, at: str, source: Source) -> list[dict[str, Any]]:
    """Those within three segments of it, also in samples of the macrosegment."""
    middle = words.moment(at, zone_of(request))
    start = macrosegment_start(request, source, middle)
    if start is None:
        return []
    near = _of(request, source, (middle - timedelta(days=1)).date(), (middle + timedelta(days=1)).date())
    inside = [one for one in near if one.start >= middle - 3 * SEGMENT and one.end <= middle + 3 * SEGMENT]
    return [_row(request, one) | {"samp_start": sample_of(start, one.start), "samp_end": sample_of(start, one.end)} for one in inside]


@router.post("/annotator/data/macroseg/{at}", summary="Where a macrosegment's sound is")
def macrosegment_file(request: Request, at: str, source: Source) -> dict[str, str]:
    """The address of its WAV, below this API."""
    middle = words.moment(at, zone_of(request))
    if macrosegment_start(request, source, middle) is None:
        raise HTTPException(404, "there is no sound around this moment")
    return {"macrosegFpath": f"assets/macroseg_{words.written(middle, zone_of(request)).replace(' ', '_')}.wav"}


@router.post("/annotator/annotInsert/{tag}/{at}/{first}/{last}", summary="Add an annotation")
def insert(request: Request, tag: str, at: str, first: int, last: int, source: Source, user: Person) -> dict[str, str] | None:
    """From one sample of the macrosegment around a moment to another; nothing where there is no sound."""
    start = macrosegment_start(request, source, words.moment(at, zone_of(request)))
    if start is None:
        return None
    low, high = sorted((first, last))
    if not (0 <= low < high <= SLOTS * SAMPLES):
        raise HTTPException(400, f"samples of a macrosegment are 0 to {SLOTS * SAMPLES}, and two different ones are asked for")
    begin, end = (start + _millisecond(sample) for sample in (low, high))
    try:
        changed = Annotations(request.app.state.catalog).add([Annotation(source, begin, end, tag, user.name)])
    except ValueError as error:
        raise HTTPException(400, str(error)) from None
    return {"action": "insert" if changed else "none"}


@router.post("/annotator/annotRemove/{tag}/{at}/{sample}", summary="Remove an annotation")
def remove(request: Request, tag: str, at: str, sample: int, source: Source, user: Person) -> dict[str, str] | None:
    """One's own that starts exactly at this sample; nothing where there is no sound."""
    middle = words.moment(at, zone_of(request))
    start = macrosegment_start(request, source, middle)
    if start is None:
        return None
    near = _of(request, source, (middle - timedelta(days=1)).date(), (middle + timedelta(days=1)).date(), each=False)
    there = [one for one in near if one.tag == tag and abs(sample_of(start, one.start) - sample) <= RATE // 2000]
    mine = [one for one in there if one.author == user.name]
    if there and not mine:
        raise HTTPException(403, f"this annotation is {there[0].author}'s")
    return {"action": "remove" if Annotations(request.app.state.catalog).withdraw(mine) else "none"}


def _of(request: Request, source: str, first: date, last: date, *, each: bool = True) -> list[Annotation]:
    """A source's annotations that start on the days (UTC) from first to last; with `each`, what several people labelled alike once."""
    found = [one for one in Annotations(request.app.state.catalog).of_days(first, last) if one.source == source]
    return list({one.key: one for one in found}.values()) if each else found


def _row(request: Request, one: Annotation) -> dict[str, Any]:
    zone = zone_of(request)
    return {"datetime_start": words.written(one.start, zone), "datetime_end": words.written(one.end, zone), "tag": one.tag}


def _millisecond(sample: int) -> timedelta:
    """Where a sample lies, to the millisecond, as moments are kept and written."""
    return timedelta(milliseconds=round(1000 * sample / RATE))


def _jet(place: float) -> Sequence[float]:
    return [round(_SHADE * round(255 * float(np.interp(place, *stops))), 1) for stops in _JET.values()]
