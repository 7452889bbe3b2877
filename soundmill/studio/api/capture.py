"""`/capture`: the hub for edges. It answers edges whether to record, takes their segments, each once, and keeps their status."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials

from soundmill.audio import open_audio, wav_bytes
from soundmill.audio.sniff import sniff
from soundmill.capture.landing import LANDING, check_source, landing_path
from soundmill.capture.naming import SILENCE, SegmentName
from soundmill.capture.recorder import Silence
from soundmill.capture.sources import BLOCK
from soundmill.capture.status import SUFFIX, Status, read_status, write_status
from soundmill.capture.switch import HUB, Switch
from soundmill.catalog import Devices
from soundmill.errors import UndecodableAudio
from soundmill.lake import Lake
from soundmill.settings import Settings
from soundmill.studio.auth import BEARER, asks_nobody, knows_token
from soundmill.times import from_ms

router = APIRouter(prefix="/capture", tags=["capture"])
MOST_BYTES = 16 << 20  # of a segment: minutes of sound
MOST_JSON_BYTES_A_SAMPLE = 16  # "-32768, ", and as much again
PARSED_AT_ONCE = 2  # segments as JSON: each takes many times its bytes
_LONGEST = 200.0  # seconds of sound in a segment: what fits in a WAV of that size at 44.1 kHz
_JSON = ("application/json", "")
_KINDS = {"audio/wav": ".wav", "audio/x-wav": ".wav", "audio/wave": ".wav", "audio/flac": ".flac", "audio/x-flac": ".flac"}
_SILENCES = "application/x-silence"
_LONGEST_TEXT = 500
_EDGE = "edge"  # the source of segments that name none
_REFUSED: dict[int | str, dict[str, Any]] = {
    400: {"description": "What was sent is no segment"},
    401: {"description": "The token is not that of the device"},
    415: {"description": "It is neither WAV, FLAC, JSON nor a statement of silence"},
    507: {"description": "There is no room here: send it later"},
    409: {"description": "Other sound is stored under that name"},
    412: {"description": "The bytes were changed on the way: send them again"},
}
Source = Annotated[str, Query(description="Which microphone: the name of the device.")]
Given = Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]


@router.get("/", summary="What this is")
async def hello() -> dict[str, str]:
    """That the hub is here."""
    return {"service": "Soundmill capture hub", "meta": "/capture/meta", "state": "/capture/state", "data": "/capture/data"}


@router.get("/meta", summary="How edges are to cut")
async def meta(request: Request) -> dict[str, Any]:
    """The constants of the capture: rate, block, blocks and samples in a segment, gate; no secrets. Each also under its first name."""
    values: Settings = request.app.state.settings
    blocks = round(values.segment_samples / BLOCK)
    return {
        "sample_rate": values.segment_rate,
        "dtype": "int16",
        "channels": 1,
        "block_size": BLOCK,
        "blocks_per_segment": blocks,
        "segment_samples": values.segment_samples,
        "segment_seconds": values.segment_samples / values.segment_rate,
        "silence_dbfs": values.gate_dbfs,
        "SAMPLERATE": values.segment_rate,
        "DEVICE_NAME": HUB,
        "NUM_CHANNELS": 1,
        "BLOCKSIZE": BLOCK,
        "NUM_BLOCKS_IN_BUFF": blocks,
        "BUFF_LEN": values.segment_samples,
        "BUFF_DUR": values.segment_samples / values.segment_rate,
        "MAX_AMP_THRESH": 0 if values.gate_dbfs is None else int(32_768 * 10 ** (values.gate_dbfs / 20)),
        "DATA_DIR": LANDING,
        "TS_INIT": round(request.app.state.started_at.timestamp() * 1000),
    }


@router.get("/state", summary="Whether to record", responses={400: {"description": "No source can have that name"}})
async def state(request: Request, source: Source | None = None) -> dict[str, bool]:
    """Whether a source is to record: its own switch where it has one, else the hub's, which starts off."""
    return {"capture_state": await run_in_threadpool(_is_on, request, source and _checked(source))}


@router.post("/state", summary="Turn on or off", responses={**_REFUSED})
async def turn(request: Request, given: Given, wanted: dict[str, bool], source: Source | None = None) -> dict[str, bool]:
    """Turns a source on or off with `{"capture_state": true}`; without a source, the hub's switch."""
    if set(wanted) != {"capture_state"}:
        raise HTTPException(400, 'say {"capture_state": true} or {"capture_state": false}')
    await _allow(request, given, _checked(source) if source else None)
    switch = _switch(request, source or HUB)
    await run_in_threadpool(switch.set, wanted["capture_state"])
    return wanted


@router.get("/stations", summary="How the stations are", responses={401: _REFUSED[401]})
async def stations(request: Request, given: Given) -> list[dict[str, Any]]:
    """The newest status of each station that runs here or reports here."""
    await _allow(request, given, None)
    return await run_in_threadpool(read_status, _folder(request))


@router.put("/stations/{source}", summary="Say how a station is", responses={**_REFUSED})
async def report(request: Request, source: str, given: Given, reported: dict[str, Any]) -> dict[str, str]:
    """Takes an edge's status."""
    await _allow(request, given, _checked(source))
    try:
        status = _status(source, reported)
    except (TypeError, ValueError) as error:
        raise HTTPException(400, f"this is no status: {error}") from None
    await run_in_threadpool(write_status, _folder(request) / f"{source}{SUFFIX}", status)
    return {"status": "noted"}


@router.post("/data", summary="Send a segment", responses={**_REFUSED, 413: {"description": "It is too large"}}, response_model=None)
async def data(
    request: Request,
    given: Given,
    source: Source = _EDGE,
    name: Annotated[str | None, Query(description="The segment's name, as captures give them: start, session, sequence, position.")] = None,
) -> dict[str, Any] | JSONResponse:
    """Takes a segment: JSON `{ts, max_amp, wf}` with the time of its end in ms and its samples; or the bytes of a WAV, a FLAC, or a
    statement of silence, with its `name`. What comes twice is stored once."""
    await _allow(request, given, _checked(source))
    body = await request.body()
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    values: Settings = request.app.state.settings
    if kind in _KINDS or kind == _SILENCES:
        path, stored, samples = _named(source, name, kind, body, request.headers.get("x-content-sha256")), body, None
        if kind in _KINDS:
            await run_in_threadpool(_refuse_long, body)
    elif kind in _JSON:
        limiter = request.app.state.parsing
        path, stored, samples = await run_sync(_from_json, source, body, values.segment_rate, limiter=limiter)
    else:
        raise HTTPException(415, f"send WAV, FLAC, JSON or a statement of silence, not {kind}")
    outcome = await run_in_threadpool(_store, request.app.state.lake, path, stored, values.least_free)
    if outcome == "other":
        return JSONResponse({"detail": f"other sound is stored as {path}"}, 409)
    if samples is not None:
        return {"status": f"Success. Processed {samples} samples"}
    return {"status": outcome, "path": path}


def _named(source: str, name: str | None, kind: str, body: bytes, sha256: str | None) -> str:
    """Where a segment with a name lands. Raises a 400 for what is none."""
    parsed = SegmentName.parse(name or "")
    wanted = SILENCE if kind == _SILENCES else _KINDS[kind]
    if parsed is None or parsed.suffix != wanted:
        raise HTTPException(400, f"name: {name!r} is no name of a segment that ends in {wanted}")
    if sha256 is not None and hashlib.sha256(body).hexdigest() != sha256.lower():
        raise HTTPException(412, "the bytes are not those of X-Content-SHA256: they were changed on the way")
    if wanted == SILENCE:
        try:
            Silence.parse(parsed, body)
        except ValueError as error:
            raise HTTPException(400, f"this states no silence: {error}") from None
    elif sniff(body[:64]) != wanted[1:]:
        raise HTTPException(400, f"these bytes are no {wanted[1:]}")
    return landing_path(source, parsed)


def _refuse_long(body: bytes) -> None:
    """Raises a 413 for more sound than a segment has: a few bytes of FLAC may be hours."""
    try:
        with open_audio(body) as reader:
            length = 0
            for block in reader.blocks("first"):
                length += len(block)
                if length > _LONGEST * reader.info.sample_rate:
                    raise HTTPException(413, f"a segment has at most {_LONGEST:.0f} s of sound")
    except UndecodableAudio:
        pass  # landed, it is quarantined with its reason, and not lost


def _from_json(source: str, body: bytes, sample_rate: int) -> tuple[str, bytes, int]:
    """Path, WAV and samples of the original's JSON. Raises a 400 that names what is wrong."""
    try:
        sent = json.loads(body)
        ts, wave = sent["ts"], sent["wf"]
        if isinstance(ts, bool) or not isinstance(ts, int | float) or not 0 < ts < 4e12:
            raise ValueError("ts: milliseconds since 1970 are asked for")
        if not isinstance(wave, list) or not wave:
            raise ValueError("wf: a list of int16 samples is asked for")
        if any(type(sample) is not int or not -32_768 <= sample <= 32_767 for sample in wave):
            raise ValueError("wf: samples are integers between -32768 and 32767")
    except RecursionError:
        raise HTTPException(400, "this is nested too deeply") from None
    except (ValueError, TypeError, OverflowError) as error:
        raise HTTPException(400, f"{error}") from None
    except KeyError as error:
        raise HTTPException(400, f"{error.args[0]}: missing") from None
    pcm = np.array(wave, np.int16)
    began = round(ts - 1000 * len(pcm) / sample_rate)
    if began < 0:
        raise HTTPException(400, "ts: the segment would begin before 1970")
    return f"{LANDING}/{source}/{from_ms(began).date().isoformat()}/{began:013d}.wav", wav_bytes(pcm, sample_rate), len(pcm)


def _store(lake: Lake, path: str, data: bytes, least_free: int) -> str:
    """`stored`; `known` where these very bytes are there already; `other` where others are. Raises `OSError`."""
    if lake.exists(path):
        return "known" if lake.read_bytes(path) == data else "other"
    lake.need_room(least_free)
    lake.write_bytes(path, data)
    return "stored"


async def _allow(request: Request, given: HTTPAuthorizationCredentials | None, source: str | None) -> None:
    """Refuses with 401 who has neither the API's token nor the device's. Where there is no token at all, everybody may."""
    token = given.credentials if given else ""
    devices = Devices(request.app.state.catalog)
    if source is not None and token and await run_in_threadpool(devices.holds, source, token):
        await run_in_threadpool(devices.seen, source, datetime.now(UTC))
        return
    if await run_in_threadpool(knows_token, request, token):
        return
    if await run_in_threadpool(asks_nobody, request) and not await run_in_threadpool(devices.any):
        return
    raise HTTPException(401, "this hub asks for a token: Authorization: Bearer ...", {"WWW-Authenticate": "Bearer"})


def _status(source: str, reported: dict[str, Any]) -> dict[str, Any]:
    """A status with nothing in it but what a status has, under the source's own name and this machine's clock."""
    values = {}
    for key, default in vars(Status(source, "an edge")).items():
        value = reported.get(key, default)
        kinds = (int, float) if isinstance(default, float) or default is None else type(default)
        if not isinstance(value, kinds) and not (value is None and default is None):
            raise TypeError(f"{key} is a {type(value).__name__}")
        if isinstance(value, str | list) and len(value) > _LONGEST_TEXT:
            raise ValueError(f"{key} is too long")
        values[key] = value
    return {**values, "name": source, "pid": None, "updated_at": datetime.now(UTC).isoformat(timespec="milliseconds")}


def _is_on(request: Request, source: str | None) -> bool:
    own = _switch(request, source) if source else None
    return own.is_on() if own and own.path.exists() else _switch(request, HUB).is_on()


def _switch(request: Request, name: str) -> Switch:
    return Switch(_folder(request) / f"{name}.state.json")


def _folder(request: Request) -> Path:
    settings: Settings = request.app.state.settings
    return settings.home / "capture"


def _checked(source: str) -> str:
    try:
        return check_source(source)
    except ValueError as error:
        raise HTTPException(400, f"source: {error}") from None
