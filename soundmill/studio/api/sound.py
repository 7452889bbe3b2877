"""`/api`: sound by time, for pages and programs: sources, coverage, spectrogram tiles, peaks, and exact slices of WAV.

Time is absolute, in ms since 1970 (UTC). A source is the name of a microphone, or the ledger's key of a download or an upload.
"""

import struct
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal, TypeVar

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel

from soundmill.audio import wav_bytes
from soundmill.audio.tiles import LEVELS, RECIPES, tile_ms
from soundmill.errors import NoAudio
from soundmill.studio.auth import page_for
from soundmill.workflows.listening import SoundByTime, Tiles
from soundmill.workflows.listening.newest import newest_sound
from soundmill.workflows.listening.noise import NoiseHour, noise_by_hour
from soundmill.workflows.listening.tiles import PEAKS, Tile

router = APIRouter(prefix="/api", tags=["sound"], dependencies=[Depends(page_for("engineer", "annotator"))])
MADE_AT_ONCE = 2  # tiles: each takes a core
_MOST_SECONDS = 60
_MOST_RATE = 384_000
_FINE_MS = 2 * 86_400_000  # a longer span of the timeline is told by day
_HOUR_MS = 3_600_000
_FOR_EVER = "private, max-age=31536000, immutable"
_T = TypeVar("_T")

_LAST_MS = 4.2e12  # in 2103
_Year = Annotated[float, Query(ge=0, le=_LAST_MS, description="ms since 1970")]
_Index = Annotated[int, Path(ge=0, le=1 << 40)]
_Level = Annotated[int, Path(ge=LEVELS[0], le=LEVELS[-1], description="a column lasts 4 ms times 2 to the level")]
_NOTHING: dict[int | str, dict[str, Any]] = {404: {"description": "There is no such sound"}}


class SourceOut(BaseModel):
    """A captured source: when its first and last stored segments began (ms), how many there are, and their seconds."""

    source: str
    first: float
    last: float
    segments: int
    seconds: float


class SpanOut(BaseModel):
    """From `start` to `end` (ms) there is sound, or silence that was not kept."""

    start: int
    end: int
    state: Literal["sound", "silence"]


class DayOut(BaseModel):
    """A day (UTC) with its stored segments, their seconds, and a mark that changes when any of them does."""

    day: str
    segments: int
    seconds: float
    mark: str


class TimelineOut(BaseModel):
    """What there is of a source.

    spans  where there is sound, and silence; the rest are gaps. For more than two days of a microphone empty: see `/api/days`.
    marks  for each hour of the span (hours since 1970) a mark that changes when its sound does: `v` of tiles and peaks
    """

    source: str
    spans: list[SpanOut]
    marks: dict[int, str]


@router.get("/sources", summary="Sources with captured sound")
async def sources(request: Request) -> list[SourceOut]:
    """In order of name."""
    found = await run_sync(_sound(request).index.sources)
    return [
        SourceOut(
            source=one.source,
            first=one.first.timestamp() * 1000,
            last=one.last.timestamp() * 1000,
            segments=one.segments,
            seconds=round(one.seconds, 3),
        )
        for one in found
    ]


@router.get("/timeline/{source:path}", summary="Where a source has sound", responses=_NOTHING)
async def timeline(
    request: Request, source: str, start: Annotated[_Year, Query(alias="from")] = 0, end: Annotated[_Year, Query(alias="to")] = 0
) -> TimelineOut:
    """Coverage from one moment to another, and the marks under which tiles may be kept for ever."""
    if end < start:
        raise HTTPException(400, "`to` lies before `from`")
    sound = _sound(request)
    fine = end - start <= _FINE_MS
    hours = range(int(start // _HOUR_MS), int(end // _HOUR_MS) + 1) if fine else range(0)

    def read() -> TimelineOut:
        spans = sound.spans(source, start, end) if fine or "/" in source else []
        return TimelineOut(
            source=source,
            spans=[SpanOut(start=one.start, end=one.end, state="sound" if one.state == "sound" else "silence") for one in spans],
            marks={hour: sound.mark(source, hour * _HOUR_MS, (hour + 1) * _HOUR_MS) for hour in hours},
        )

    return await _found(read)


@router.get("/days/{source:path}", summary="A source's days")
async def days(request: Request, source: str) -> list[DayOut]:
    """Every day (UTC) of a microphone with stored segments, the oldest first. Downloads and uploads have none."""
    found = [] if "/" in source else await run_sync(_sound(request).index.days, source)
    return [DayOut(day=str(one.day), segments=one.segments, seconds=round(one.seconds, 3), mark=one.mark) for one in found]


@router.get("/noise/{source:path}", summary="A source's noise floor, hour by hour")
async def noise(
    request: Request,
    source: str,
    last: Annotated[date, Query(description="the last day (UTC)")],
    number: Annotated[int, Query(ge=1, le=31, description="how many days")] = 7,
) -> list[NoiseHour]:
    """Levels of the stored segments of some days, in dBFS."""
    some = [last - timedelta(days=back) for back in range(number - 1, -1, -1)]
    return await run_sync(noise_by_hour, request.app.state.lake, source, some)


@router.get(
    "/newest/{source:path}",
    summary="The last minute of a microphone",
    response_class=Response,
    responses={204: {"description": "None yet"}},
)
async def newest(request: Request, source: str) -> Response:
    """Columns of a spectrogram, 256 bytes each as those of tiles, of what has just landed, also before a run has cut it. `X-Start` (ms),
    `X-Column-Ms` and `X-Columns` say when and how many."""
    state = request.app.state
    try:
        found = await run_sync(newest_sound, state.lake, state.catalog, source, datetime.now(UTC))
    except NoAudio:  # a microphone that has not begun is no error
        return Response(status_code=204)
    headers = {
        "Content-Encoding": "gzip",
        "Cache-Control": "no-store",
        "X-Start": str(found.start),
        "X-Column-Ms": str(found.column_ms),
        "X-Columns": str(found.columns),
        "X-Sample-Rate": str(found.sample_rate),
    }
    return Response(found.data, media_type="application/octet-stream", headers=headers)


@router.get(
    "/tiles/{source:path}/{recipe}/{level}/{index}", summary="A tile of the spectrogram", response_class=Response, responses=_NOTHING
)
async def tile(
    request: Request,
    source: str,
    recipe: str,
    level: _Level,
    index: _Index,
    v: Annotated[str, Query(max_length=4000, description="the mark of the hours it lies in, as the timeline tells")] = "",
) -> Response:
    """512 columns of 256 bytes (128 for mel128), low frequencies first, as gzip: 0 where there is no sound, 1 to 255 for -120 to 0 dBFS.
    No bytes at all where the whole tile has no sound. Recipes: fft512, fft1024, fft2048, mel128."""
    if recipe not in RECIPES:
        raise HTTPException(404, f"no recipe is called {recipe!r}; there are {', '.join(RECIPES)}")
    return await _tile(request, source, recipe, level, index, v)


@router.get("/peaks/{source:path}/{level}/{index}", summary="Peaks of the waveform", response_class=Response, responses=_NOTHING)
async def peaks(request: Request, source: str, level: _Level, index: _Index, v: Annotated[str, Query(max_length=4000)] = "") -> Response:
    """1,024 pairs of int8, smallest and largest sample in 128ths of full scale, two for each column of the level, as gzip."""
    return await _tile(request, source, PEAKS, level, index, v)


@router.get("/sound/{source:path}.wav", summary="An exact slice of the sound", response_class=Response, responses=_NOTHING)
async def sound(
    request: Request,
    source: str,
    start: Annotated[_Year, Query(alias="from")],
    samples: Annotated[int, Query(ge=1, le=_MOST_SECONDS * _MOST_RATE, description="how many; a minute at most")],
    v: Annotated[str, Query(max_length=4000)] = "",
) -> Response:
    """A WAV (16 bits, mono, the source's own rate) from the sample nearest to a moment on. Gaps are zeros, and listed in the header
    `X-Gaps` as first and last sample; `X-First-Sample` counts samples since 1970."""
    found = await _found(_sound(request).slice, source, start, samples)
    if samples > _MOST_SECONDS * found.sample_rate:
        raise HTTPException(400, f"a slice holds {_MOST_SECONDS} s at most")
    headers = {
        "X-Gaps": ",".join(f"{begin}-{stop}" for begin, stop in found.gaps[:100]),
        "X-First-Sample": str(found.first),
        "X-Sample-Rate": str(found.sample_rate),
        "Cache-Control": _FOR_EVER if v else "no-store",
    }
    return Response(wav_bytes(found.samples, found.sample_rate), media_type="audio/wav", headers=headers)


async def _tile(request: Request, source: str, recipe: str, level: int, index: int, v: str) -> Response:
    if (index + 1) * tile_ms(level) > _LAST_MS:
        raise HTTPException(400, "there is no such tile: it lies after 2100")
    tiles: Tiles = _once(request, "tiles", lambda: Tiles(request.app.state.lake, request.app.state.catalog))
    limiter = _once(request, "making_tiles", lambda: CapacityLimiter(MADE_AT_ONCE))
    found: Tile = await run_sync(tiles.get, source, recipe, level, index, limiter=limiter)
    headers = {
        "Content-Encoding": "gzip",
        "X-Sample-Rate": str(found.sample_rate),
        "Cache-Control": _FOR_EVER if v and found.is_whole else "no-store",
    }
    return Response(found.data, media_type="application/octet-stream", headers=headers)


async def _found(function: Callable[..., _T], *arguments: Any) -> _T:
    try:
        return await run_sync(function, *arguments)
    except (OverflowError, struct.error) as error:
        raise HTTPException(400, f"no such moment: {error}") from None


def _sound(request: Request) -> SoundByTime:
    return _once(request, "sound", lambda: SoundByTime(request.app.state.lake, request.app.state.catalog))


def _once(request: Request, name: str, make: Callable[[], _T]) -> _T:
    """Something that the application keeps from its first use on."""
    state = request.app.state
    if not hasattr(state, name):
        setattr(state, name, make())
    kept: _T = getattr(state, name)
    return kept
