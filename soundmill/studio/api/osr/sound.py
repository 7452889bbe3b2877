"""Sound by day, and macrosegments: five segments around a moment."""

import time
from datetime import UTC, date, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc
from fastapi import APIRouter, Depends, HTTPException, Query, Request

from soundmill.audio import Resampler
from soundmill.capture import SEGMENTS
from soundmill.catalog import SoundIndex
from soundmill.lake import Lake
from soundmill.settings import Settings
from soundmill.studio.api.osr import words
from soundmill.times import days_between, from_ms
from soundmill.workflows.listening import SoundByTime

router = APIRouter()
RATE, SAMPLES, SLOTS = 44_100, 132_352, 5  # of a macrosegment
SEGMENT = timedelta(seconds=SAMPLES / RATE)  # D in the original
_HALF = timedelta(seconds=2.5 * SAMPLES / RATE)
_DAY = timedelta(days=1)
_SOURCE_KNOWN_FOR = 30.0  # seconds


def the_source(
    request: Request, source: Annotated[str, Query(description="the one with the newest sound where it is left out")] = ""
) -> str:
    """Which source a request is about: the original has only one."""
    state = request.app.state
    if source:
        return source
    known: tuple[float, str] | None = getattr(state, "osr_source", None)
    if known is None or time.monotonic() - known[0] > _SOURCE_KNOWN_FOR:
        found = SoundIndex(state.catalog).sources()
        known = state.osr_source = (time.monotonic(), max(found, key=lambda one: one.last).source if found else "")
    return known[1]


Source = Annotated[str, Depends(the_source)]


def zone_of(request: Request) -> ZoneInfo:
    """The zone in which moments are read and written."""
    settings: Settings = request.app.state.settings
    return settings.zone


@router.post("/raw/dtLims", summary="First and last segment")
def limits(request: Request, source: Source) -> list[str]:
    """When the first and the last segment ended; nothing where there is none."""
    for one in SoundIndex(request.app.state.catalog).sources():
        if one.source == source:
            ends = one.first + SEGMENT, one.last + SEGMENT
            return [words.written(end, zone_of(request)) for end in ends]
    return []


@router.post("/raw/data/dayCounts", summary="Segments a day")
def day_counts(request: Request, source: Source) -> dict[str, int]:
    """Stored segments by local day of their end."""
    index, zone = SoundIndex(request.app.state.catalog), zone_of(request)
    days = [one.day for one in index.days(source)]
    around = sorted({near for day in days for near in (day - _DAY, day, day + _DAY)})
    counts = {day: index.count(source, *(start - SEGMENT for start in _bounds(day, zone))) for day in around}
    return {day.isoformat(): number for day, number in counts.items() if number}


@router.post("/raw/allDays", summary="Days with sound")
def all_days(request: Request, source: Source) -> list[str]:
    """In order."""
    return sorted(day_counts(request, source))


@router.post("/raw/data/timeline/{day}", summary="A day's segments")
def timeline(request: Request, day: str, source: Source) -> dict[str, list[str] | list[int]]:
    """When each segment ended, and its largest sample."""
    lake: Lake = request.app.state.lake
    zone = zone_of(request)
    start, end = _bounds(words.day(day), zone)
    days = days_between((start - timedelta(minutes=1)).date(), end.date())
    rows = lake.read_days(SEGMENTS, days, columns=["started_at", "seconds", "max_amp"], where=pc.field("source") == source)
    found = [
        (at + timedelta(seconds=seconds), loudest)
        for at, seconds, loudest in zip(*(column.to_pylist() for column in rows.columns), strict=True)
    ]
    inside = sorted((at, loudest) for at, loudest in found if start <= at < end)
    return {"datetime": [words.written(at, zone) for at, _ in inside], "max_amp": [loudest for _, loudest in inside]}


def macrosegment_start(request: Request, source: str, middle: datetime) -> datetime | None:
    """When the macrosegment around a moment begins: five slots as long as a segment, laid so that stored segments fill them, the middle one
    ending nearest to the moment. None where none of them has sound."""
    index = SoundIndex(request.app.state.catalog)
    places = [one for one in index.places(source, middle - _HALF, middle + _HALF) if one.state == "ready"]
    ends = [one.start + timedelta(seconds=one.seconds) for one in places]
    ends = [end for end in ends if abs(end - middle) <= _HALF]
    if not ends:
        return None
    slots = round((middle - ends[0]) / SEGMENT)  # of the grid that the first one lies on
    return ends[0] + (slots - 3) * SEGMENT


def macrosegment(request: Request, source: str, middle: datetime) -> npt.NDArray[np.float32]:
    """Its samples at 44.1 kHz, shape (661,760,), in shares of full scale, zeros where there is no sound. Raises a 404."""
    start = macrosegment_start(request, source, middle)
    count = SLOTS * SAMPLES
    if start is None:
        raise HTTPException(404, "there is no sound around this moment")
    ms = (start - from_ms(0)) / timedelta(milliseconds=1)
    opened = SoundByTime(request.app.state.lake, request.app.state.catalog).open(source, ms, ms + 1000 * count / RATE)
    rate = opened.sample_rate
    samples, _ = opened.read(round(ms * rate / 1000), -(-count * rate // RATE))
    found: npt.NDArray[np.float32] = samples.astype(np.float32) / np.float32(32_768)
    if rate != RATE:
        found = np.concatenate(list(Resampler(rate, RATE)([found])))
    out = np.zeros(count, np.float32)
    out[: min(count, len(found))] = found[:count]
    return out


def sample_of(start: datetime, at: datetime) -> int:
    """The sample of a macrosegment that a moment falls on."""
    return round((at - start).total_seconds() * RATE)


def _bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Where a local day begins and ends."""
    start, end = (datetime.combine(one, datetime.min.time(), zone).astimezone(UTC) for one in (day, day + _DAY))
    return start, end
