"""`/podcast`: the API of Pod.Cast's labelling rounds, on our rounds of one tag. Its own front end works with its base URL changed.

Who asks is the person who is signed in, or the local user. What the original spells in two ways is read in both.
"""

import math
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

import yaml
from anyio.to_thread import run_sync
from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from sqlalchemy.exc import SQLAlchemyError

from soundmill.audio import wav_bytes
from soundmill.catalog import Box, Catalog, Claim, RoundProgress, Rounds, RoundSession, Submission
from soundmill.catalog.labels import BoxState
from soundmill.errors import InputRefused, RoundRefused
from soundmill.labelling.agreement import Event, match_events
from soundmill.labelling.spec import RoundSpec
from soundmill.settings import Settings
from soundmill.studio.api.labels import Person
from soundmill.studio.pages.rendering import page
from soundmill.times import from_ms, to_ms
from soundmill.workflows.listening import SoundByTime

router = APIRouter(prefix="/podcast", tags=["podcast"])
_FALLBACK = "The description of this round cannot be read."
_MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class Card:
    """What the page says beside a round: its text, and where the sound comes from."""

    description: str
    url_display: str
    url: str


@router.get("/", summary="The current round", response_class=RedirectResponse, status_code=303)
def current(request: Request, user: Person) -> Response:
    """Leads to the round that the rounds file names; without one, to the newest that is open."""
    named = _rounds_file(request).get("current_round")
    there = Rounds(request.app.state.catalog).all()
    name = named or next((one.name for one in there if one.state == "open"), there[0].name if there else "round1")
    return RedirectResponse(f"/podcast/{name}", 303)


@router.get("/fetch/session/{name}", summary="A session to label")
async def fetch(request: Request, name: str, user: Person) -> dict[str, str]:
    """The id of a session that nobody has labelled and nobody else holds; any session once the round is done."""
    try:
        return {"sessionid": _id(await run_sync(_next, request.app.state.catalog, name, user.name))}
    except InputRefused as error:
        raise HTTPException(400, str(error)) from None


@router.get("/load/session/{name}/{session}", summary="A session")
async def load(request: Request, name: str, session: str, user: Person) -> dict[str, Any]:
    """Its sound, what the model predicted in it (what people labelled, once the round is done), and how far the round is."""
    try:
        return await run_sync(_loaded, request, name, session)
    except InputRefused as error:
        raise HTTPException(400, str(error)) from None


@router.post("/submit/session/{name}/{session}", summary="Hand in a session", status_code=201)
async def submit(request: Request, name: str, session: str, user: Person) -> Response:
    """Takes the session with the boxes that are there; handed in again, the newest counts, and earlier ones stay in the history."""
    try:
        body = await request.json()
        said = body["annotations"]
        spans = [(float(one.get("start_s", one.get("start_time_s"))), float(one["duration_s"])) for one in said]
        if not all(map(math.isfinite, chain.from_iterable(spans))):
            raise ValueError("no number")
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return JSONResponse({"detail": "this takes JSON with annotations: start_s and duration_s of each"}, 400)
    try:
        await run_sync(_hand_in, request.app.state.catalog, name, session, user.name, spans, limiter=request.app.state.writers)
    except InputRefused as error:
        return JSONResponse({"detail": str(error)}, 400)
    except SQLAlchemyError:
        return JSONResponse({"detail": "the labels could not be stored; nothing was changed"}, 500)
    return JSONResponse({"task": f"{session}.json"}, 201)


@router.get("/audio/{name}/{session}.wav", summary="A session's sound", response_class=Response)
async def audio(request: Request, name: str, session: str, user: Person) -> Response:
    """The whole session as a WAV of its source's rate; what was not recorded is silent."""
    try:
        return await run_sync(_wav, request, name, session)
    except InputRefused as error:
        raise HTTPException(404, str(error)) from None


@router.get("/{name}", summary="A round's page", response_class=HTMLResponse)
def round_page(request: Request, name: str, user: Person) -> HTMLResponse:
    """The round's card, and the way to our own page of it. A round that the rounds file does not know has the default card."""
    return page(request, "podcast.html", user, title=name, name=name, card=card(_rounds_file(request), name))


def card(file: dict[str, Any], name: str) -> Card:
    """What a rounds file says of a round."""
    try:
        about = file["round_info"].get(name) or file["round_info"]["default"]
        places = file.get("hydrophone_info", {})
        place = places.get(about.get("hydrophone_id")) or places.get("default") or {}
        return Card(str(about["text"]), str(place.get("display_name", "")), str(place.get("url", "")))
    except (KeyError, TypeError, AttributeError):
        return Card(_FALLBACK, "", "")


def _rounds_file(request: Request) -> dict[str, Any]:
    """The rounds file as it is now: it may be edited while the studio runs. Empty where it is missing or broken."""
    settings: Settings = request.app.state.settings
    path = settings.podcast_rounds or settings.home / "podcast.yaml"
    try:
        text = path.read_text(encoding="utf-8")
        found = yaml.load(text, Loader=yaml.BaseLoader) if len(text) < _MOST_BYTES else None  # it knows strings alone
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _next(catalog: Catalog, name: str, who: str) -> RoundSession:
    """The next session for somebody: another one than those they hold, where there is any; any at all once the round is done."""
    rounds = Rounds(catalog)
    one = rounds.get(name)
    if one.state == "open" and rounds.progress(name).remaining:
        claim = rounds.claim(name, who, another=True)
        if claim is not None:
            return claim.session
    everything = rounds.sessions(name)
    if not everything:
        raise RoundRefused(f"round {name!r} has no sessions")
    return random.choice(everything)


def _loaded(request: Request, name: str, session: str) -> dict[str, Any]:
    rounds = Rounds(request.app.state.catalog)
    one, told = _session(rounds, name, session), rounds.progress(name)
    begin = to_ms(one.start)
    if told.remaining == 0:
        submissions = rounds.submissions(name, one.id).get(one.id, {})
        boxes = [box for box in submissions[min(submissions)].boxes if box.state != "rejected"] if submissions else []
        spans = [(to_ms(box.start) - begin, to_ms(box.end) - begin, box.score) for box in boxes]
    else:
        spans = [(said["start"] - begin, said["end"] - begin, said["probability"] or said["score"]) for said in one.predictions]
    return {
        "uri": f"{str(request.base_url).rstrip('/')}/podcast/audio/{name}/{_id(one)}.wav",
        "absolute_time": f"{one.source}_{one.start.month}_{one.start.day}_{one.start:%Y_%H_%M_%S}_",
        "source_guid": one.source,
        "annotations": [
            {
                "start_time_s": round(start / 1000, 3),
                "duration_s": round((end - start) / 1000, 3),
                "confidence": round(min(max(score if score is not None else 1.0, 0.0), 1.0), 3),
            }
            for start, end, score in spans
        ],
        "backend_state": _state(told),
    }


def _state(told: RoundProgress) -> dict[str, int]:
    return {"written": told.done, "remaining": told.remaining}


def _hand_in(catalog: Catalog, name: str, session: str, who: str, spans: list[tuple[float, float]]) -> None:
    rounds = Rounds(catalog)
    one = _session(rounds, name, session)
    claim = rounds.held(name, one.number, who) or rounds.take(name, one.number, who, even_if_full=True)
    if claim is None:
        raise RoundRefused(f"session {session!r} was skipped by {who}")
    about = rounds.get(name)
    rounds.submit(claim, _submission(claim, RoundSpec.of(about), spans, about.model))


def _submission(claim: Claim, spec: RoundSpec, spans: list[tuple[float, float]], model: str | None) -> Submission:
    """Boxes from seconds of the session: at least as long as the round wants, inside the session, and each with what became of it."""
    one = claim.session
    whole = (one.end - one.start).total_seconds()
    name, _, version = (model or "").partition("/")

    def answered(start: datetime, end: datetime, said: dict[str, Any], state: BoxState) -> Box:
        of = (name or None, int(version) if version else None)
        return Box(start, end, said["tag"], None, None, "prediction", state, *of, said["score"])

    ours = []
    for begins, seconds in spans:
        long = min(max(seconds, spec.shortest_seconds, 0.001), whole)
        first = min(max(begins, 0.0), whole - long)
        ours.append((one.start + timedelta(seconds=first), one.start + timedelta(seconds=first + long)))
    said = [(from_ms(two["start"]), from_ms(two["end"])) for two in one.predictions]
    pairs = dict(match_events([_event(*span) for span in ours], [_event(*span) for span in said]))
    boxes = []
    for place, (start, end) in enumerate(ours):
        if place not in pairs:
            boxes.append(Box(start, end, spec.tags[0]))
            continue
        two = one.predictions[pairs[place]]
        same = max(abs((start - said[pairs[place]][0]).total_seconds()), abs((end - said[pairs[place]][1]).total_seconds())) < 0.01
        boxes.append(answered(start, end, two, "kept" if same else "moved"))
    left = sorted(set(range(len(said))) - set(pairs.values()))
    boxes += [answered(*said[place], one.predictions[place], "rejected") for place in left]
    return Submission(claim.annotator, one.source, one.start, one.end, tuple(boxes))


def _event(start: datetime, end: datetime) -> Event:
    return Event(1000 * start.timestamp(), 1000 * end.timestamp(), "")


def _wav(request: Request, name: str, session: str) -> Response:
    one = _session(Rounds(request.app.state.catalog), name, session)
    sound = SoundByTime(request.app.state.lake, request.app.state.catalog)
    found = sound.open(one.source, to_ms(one.start), to_ms(one.end))
    count = round((one.end - one.start).total_seconds() * found.sample_rate)
    samples, _ = found.read(round(to_ms(one.start) * found.sample_rate / 1000), count)
    return Response(wav_bytes(samples, found.sample_rate), media_type="audio/wav", headers={"Cache-Control": "private, max-age=3600"})


def _session(rounds: Rounds, name: str, session: str) -> RoundSession:
    number = session.rpartition("_")[2]
    if not (number.isascii() and number.isdigit()) or len(number) > 9:
        raise RoundRefused(f"there is no session {session!r}")
    return rounds.session(name, int(number))


def _id(session: RoundSession) -> str:
    return f"{session.start:%Y-%m-%dT%H-%M-%S}_{session.number}"
