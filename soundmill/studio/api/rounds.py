"""`/api/rounds`: what the page of a labelling round asks: a session to work on, drafts, submissions, skips, and how far the round is."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Header, HTTPException, Query, Request
from pydantic import BaseModel, Field

from soundmill.catalog import SKIP_REASONS, Catalog, Claim, Drafts, ReviewedSpan, RoundProgress, Rounds, RoundSession, Submission
from soundmill.catalog.rounds import GOLD
from soundmill.catalog.schema import RoundSessionRow
from soundmill.errors import ClaimLost, InputRefused, RoundRefused, UnknownRound
from soundmill.labelling.spec import RoundSpec
from soundmill.studio.api.labels import BoxIn, DraftOut, LabelsIn, OthersBox, Person, Saved, box_in, box_out
from soundmill.times import to_ms

_NEAR = 50  # sessions
router = APIRouter(prefix="/api/rounds", tags=["rounds"])
_REFUSED: dict[int | str, dict[str, Any]] = {
    400: {"description": "What cannot be"},
    404: {"description": "No such round or session"},
    409: {"description": "The session is somebody else's by now; the draft is kept"},
    412: {"description": "Another tab saved meanwhile"},
}


class ProgressOut(BaseModel):
    """How far a round is, in sessions; `mine`: how many of them this person handed in."""

    sessions: int
    done: int
    held: int
    adjudicate: int
    mine: int


class PredictedOut(BaseModel):
    """What the round's model predicted in a session, from `start` to `end` (ms)."""

    start: float
    end: float
    tag: str
    score: float
    probability: float | None


class NextOut(BaseModel):
    """The session that probably comes next, from `start` to `end` (ms): its picture can be fetched already."""

    source: str
    start: float
    end: float


class TaskOut(BaseModel):
    """A session to work on, held until `held_until` under `token`; `why`: why it was chosen; `boxes`: what this person handed in before;
    `others`: where it is to be decided, what those who labelled it said, as A, B and so on."""

    round: str
    number: int
    source: str
    start: float
    end: float
    tags: list[str]
    guideline: str
    shortest_seconds: float
    why: str
    model: str | None
    predictions: list[PredictedOut]
    boxes: list[BoxIn]
    others: list[OthersBox]
    draft: DraftOut | None
    held_until: datetime
    token: str
    next: NextOut | None
    progress: ProgressOut


class DoneOut(BaseModel):
    """Whether what was handed in counts; it is kept beside where others were faster."""

    counts: bool
    progress: ProgressOut


class SkipIn(BaseModel):
    """Why a session is given back: bad audio, unsure, or not my expertise."""

    token: Annotated[str, Field(max_length=64)]
    reason: Annotated[str, Field(max_length=64)]


class RoundLabels(LabelsIn):
    """All of a person's boxes of a session; predictions that are not among them are taken for rejected."""

    token: Annotated[str, Field(max_length=64)]


@router.post("/{name}/claim", summary="A session to work on", responses=_REFUSED)
async def claim(
    request: Request,
    name: str,
    user: Person,
    number: Annotated[int | None, Query(ge=1, description="this one, if it can be had")] = None,
    decide: Annotated[bool, Query(description="this one is disputed, and to be decided")] = False,
) -> TaskOut | None:
    """The session that this person holds, else the next that wants more; null where there is none left for them."""
    catalog: Catalog = request.app.state.catalog

    def take() -> TaskOut | None:
        rounds = Rounds(catalog)
        if number and decide:
            return _task(catalog, rounds.adjudicate(name, number, user.name))
        got = (rounds.take(name, number, user.name) or rounds.held(name, number, user.name)) if number else rounds.claim(name, user.name)
        return None if got is None else _task(catalog, got)

    with _in_words():
        return await run_sync(take, limiter=request.app.state.writers)


@router.get("/{name}/progress", summary="How far a round is", responses=_REFUSED)
async def progress(request: Request, name: str, user: Person) -> ProgressOut:
    """Sessions that there are, that are done, and that somebody holds now."""
    with _in_words():
        return _progress(await run_sync(Rounds(request.app.state.catalog).progress, name), user.name)


@router.put("/{name}/sessions/{number}/draft", summary="Save a draft", responses=_REFUSED)
async def save_draft(
    request: Request, name: str, number: int, user: Person, content: RoundLabels, if_match: Annotated[int, Header()] = 0
) -> Saved:
    """Saves what is not handed in yet, and holds the session for another while."""
    catalog: Catalog = request.app.state.catalog

    def save() -> int | None:
        held = _held(catalog, name, number, user.name, content.token)
        version = Drafts(catalog).save(*_draft_of(held), content.model_dump(mode="json", exclude={"token"}), if_match)
        with suppress(ClaimLost):  # a draft outlives its lease: whether it still counts is said when it is handed in
            Rounds(catalog).renew(held)
        return version

    with _in_words():
        version = await run_sync(save, limiter=request.app.state.writers)
    if version is None:
        raise HTTPException(412, "this draft was saved from elsewhere meanwhile")
    return Saved(version=version)


@router.post("/{name}/sessions/{number}", summary="Hand in a session", responses=_REFUSED)
async def submit(request: Request, name: str, number: int, user: Person, content: RoundLabels) -> DoneOut:
    """Takes what this person heard in the session. An empty list says that nothing is there."""
    catalog: Catalog = request.app.state.catalog

    def hand_in() -> DoneOut:
        rounds = Rounds(catalog)
        held = _held(catalog, name, number, user.name, content.token)
        spec = RoundSpec.of(rounds.get(name))
        _, counts = rounds.submit(held, _submission(held, spec, content))
        Drafts(catalog).discard(*_draft_of(held))
        return DoneOut(counts=counts, progress=_progress(rounds.progress(name), user.name))

    with _in_words():
        return await run_sync(hand_in, limiter=request.app.state.writers)


@router.post("/{name}/sessions/{number}/skip", summary="Give a session back", responses=_REFUSED)
async def skip(request: Request, name: str, number: int, user: Person, content: SkipIn) -> ProgressOut:
    """It is not given to this person again; after three people an adjudicator looks at it."""
    catalog: Catalog = request.app.state.catalog

    def give_back() -> ProgressOut:
        held = _held(catalog, name, number, user.name, content.token)
        Rounds(catalog).skip(held, content.reason)
        Drafts(catalog).discard(*_draft_of(held))
        return _progress(Rounds(catalog).progress(name), user.name)

    with _in_words():
        return await run_sync(give_back, limiter=request.app.state.writers)


@router.get("/skip-reasons", summary="Reasons to give a session back")
def skip_reasons(user: Person) -> list[str]:
    """As people read them."""
    return list(SKIP_REASONS)


@contextmanager
def _in_words() -> Iterator[None]:
    """What the catalog refuses, as HTTP says it."""
    try:
        yield
    except UnknownRound as error:
        raise HTTPException(404, str(error)) from None
    except ClaimLost as error:
        raise HTTPException(409, str(error)) from None
    except (InputRefused, ValueError) as error:
        raise HTTPException(400, str(error)) from None


def why_drawn(session: RoundSession) -> str:
    """Why a session was chosen, in words."""
    score = session.score
    match session.rule:
        case "typical":
            return f"typical of a group of sounds without labels ({score or 0:.0%} of the sound)"
        case "margin":
            return f"of what is left the model is least sure here: its two best answers are {score or 0:.2f} apart"
        case "candidates":
            return f"the model hears something, with a margin of {score or 0:.2f} to its threshold"
        case "audit":
            what = "something, to measure how right it is" if session.predictions else "nothing, to measure what it misses"
            return f"drawn by chance where the model heard {what} ({session.probability or 1:.0%} of such stretches)"
        case _:
            return "drawn by chance"


def _task(catalog: Catalog, got: Claim) -> TaskOut:
    rounds, one = Rounds(catalog), got.session
    about = rounds.get(one.round)
    spec = RoundSpec.of(about)
    draft = Drafts(catalog).get(*_draft_of(got))
    said = rounds.submissions(one.round, one.id).get(one.id, {})
    before = said.get(got.annotator) or rounds.adjudications(one.round, one.id).get(one.id)
    is_disputed = one.state in ("adjudicate", "adjudicated")
    letters = {who: chr(ord("A") + place) for place, who in enumerate(sorted(said))} if is_disputed else {}
    return TaskOut(
        round=one.round,
        number=one.number,
        source=one.source,
        start=to_ms(one.start),
        end=to_ms(one.end),
        tags=list(spec.tags),
        guideline=spec.guideline,
        shortest_seconds=spec.shortest_seconds,
        why=_why(rounds, one),
        model=about.model,
        predictions=[] if is_disputed else [PredictedOut(**predicted) for predicted in one.predictions],
        boxes=[box_out(box) for box in before.boxes] if before else [],
        others=[
            OthersBox(**box_out(box).model_dump(), author=letter)
            for who, letter in letters.items()
            for box in said[who].boxes
            if box.state != "rejected"
        ],
        draft=draft and DraftOut(version=draft.version, labels=LabelsIn.model_validate(draft.content), saved_at=draft.updated_at),
        held_until=got.expires_at,
        token=got.token,
        next=_next(rounds, one),
        progress=_progress(rounds.progress(one.round), got.annotator),
    )


def _why(rounds: Rounds, one: RoundSession) -> str:
    """Why a session was chosen; of one whose answer is known the reason of one near it, so that nothing tells it from others."""
    if one.rule == GOLD:
        near = (RoundSessionRow.rule != GOLD, RoundSessionRow.number.between(one.number - _NEAR, one.number + _NEAR))
        others = rounds.sessions(one.round, *near)
        alike = [other for other in others if bool(other.predictions) == bool(one.predictions)] or others
        one = alike[one.number % len(alike)] if alike else one
    return why_drawn(one)


def _next(rounds: Rounds, one: RoundSession) -> NextOut | None:
    """The session that probably comes next."""
    try:
        after = rounds.session(one.round, one.number + 1)
    except UnknownRound:
        return None
    return NextOut(source=after.source, start=to_ms(after.start), end=to_ms(after.end))


def _held(catalog: Catalog, name: str, number: int, who: str, token: str) -> Claim:
    held = Rounds(catalog).held(name, number, who)
    if held is None or held.token != token:
        raise ClaimLost(f"session {number} is not yours")
    return held


def _draft_of(held: Claim) -> tuple[str, str, Any]:
    return held.annotator, f"rounds/{held.session.round}/{held.session.number}", held.session.start.date()


def _submission(held: Claim, spec: RoundSpec, content: RoundLabels) -> Submission:
    one = held.session
    given = [box_in(box) for box in content.boxes]
    if any(box.end <= one.start or box.start >= one.end for box in given):
        raise RoundRefused("every box lies in the session")
    boxes = [replace(box, start=max(box.start, one.start), end=min(box.end, one.end)) for box in given]
    if strange := sorted({box.tag for box in boxes} - set(spec.tags)):
        raise RoundRefused(f"this round is about {', '.join(spec.tags)}, and not about {strange[0]}")
    looked = (ReviewedSpan(one.start, one.end, tuple(spec.tags)),)
    return Submission(held.annotator, one.source, one.start, one.end, tuple(boxes), reviewed=looked)


def _progress(told: RoundProgress, who: str) -> ProgressOut:
    return ProgressOut(
        sessions=told.sessions, done=told.done, held=told.held, adjudicate=told.adjudicate, mine=told.by_annotator.get(who, 0)
    )
