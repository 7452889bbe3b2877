"""`/api`: labels and what they are made with: a source's day of boxes, drafts, submissions, the models' predictions, tags, levels.

A person's labels of a source's day (UTC) are read, drafted and handed in as one list; times are in ms since 1970.
"""

from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal

import pyarrow.compute as pc
from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Header, HTTPException, Query, Request
from pydantic import BaseModel, Field, model_validator

from soundmill.capture import SEGMENTS
from soundmill.catalog import Annotations, Box, Drafts, Labels, ReviewedSpan, Submission
from soundmill.errors import LabelsChanged, UnknownModel
from soundmill.lake import Lake
from soundmill.studio.auth import User, page_for
from soundmill.times import from_ms, midnight
from soundmill.workflows.predictions import predictions, version_named, versions

router = APIRouter(prefix="/api", tags=["labels"])
Person = Annotated[User, Depends(page_for("engineer", "annotator"))]
_MOST_BOXES = 5000
_Moment = Annotated[float, Field(ge=0, le=4.2e12)]
_Hertz = Annotated[float | None, Field(ge=0, le=200_000)]
_EPOCH = from_ms(0)
_REFUSED: dict[int | str, dict[str, Any]] = {
    400: {"description": "A label that cannot be"},
    412: {"description": "Somebody, or another tab, saved meanwhile: what is stored"},
}


class BoxIn(BaseModel):
    """A label: from `start` to `end` (ms), between `low` and `high` Hz or over all of them. For a prediction: whose, and what it became."""

    start: _Moment
    end: _Moment
    tag: Annotated[str, Field(max_length=64)]
    low: _Hertz = None
    high: _Hertz = None
    origin: Literal["drawn", "imported", "prediction"] = "drawn"
    state: Literal["drawn", "kept", "moved", "rejected"] = "drawn"
    model: Annotated[str | None, Field(max_length=64)] = None
    model_version: Annotated[int | None, Field(ge=0, le=2_000_000_000)] = None
    score: float | None = None
    note: Annotated[str, Field(max_length=2000)] = ""

    @model_validator(mode="after")
    def _answers_a_prediction(self) -> "BoxIn":
        """What became of a prediction is said of predictions alone, and of each of them."""
        if (self.origin == "prediction") == (self.state == "drawn"):
            raise ValueError("a prediction is kept, moved or rejected; what was drawn or imported is drawn")
        return self


class ReviewedIn(BaseModel):
    """From `start` to `end` (ms) these tags were looked for."""

    start: _Moment
    end: _Moment
    tags: list[Annotated[str, Field(max_length=64)]]


class LabelsIn(BaseModel):
    """All of a person's labels of a source's day. `based_on` is the `version` that they were read with."""

    boxes: Annotated[list[BoxIn], Field(max_length=_MOST_BOXES)]
    reviewed: Annotated[list[ReviewedIn], Field(max_length=_MOST_BOXES)] = []
    based_on: int = 0


class DraftOut(BaseModel):
    """Labels that were saved and not handed in; `version` goes into If-Match."""

    version: int
    labels: LabelsIn
    saved_at: datetime


class OthersBox(BoxIn):
    """A label of somebody else."""

    author: str


class LabelsOut(BaseModel):
    """A source's day: a person's labels as they were last handed in, a draft of later ones, and those of others."""

    source: str
    day: date
    annotator: str
    version: int
    boxes: list[BoxIn]
    reviewed: list[ReviewedIn]
    draft: DraftOut | None
    others: list[OthersBox]
    tags: list[str]


class Saved(BaseModel):
    """The version that is stored now; after handing in, how many annotations changed."""

    version: int
    changed: int = 0


class PredictionOut(BaseModel):
    """Neighbouring detections of one tag, from `start` to `end` (ms). `score` is the margin to the tag's threshold."""

    start: float
    end: float
    tag: str
    score: float
    probability: float | None


class ModelOut(BaseModel):
    """A fitted model version; `champion`: its predictions are the detections."""

    name: str
    version: int
    champion: bool


class LevelsOut(BaseModel):
    """A day's segments: when each began (ms), and its largest sample in int16 steps."""

    start: list[float]
    max_amp: list[int]


@router.get("/labels/{source:path}/{day}", summary="A day's labels")
async def labels(request: Request, source: str, day: date, user: Person) -> LabelsOut:
    """One's own, as handed in and as drafted, and other people's."""
    return await run_sync(_labels, request, source, day, user)


@router.put("/drafts/{source:path}/{day}", summary="Save a draft", responses=_REFUSED)
async def save_draft(
    request: Request, source: str, day: date, user: Person, content: LabelsIn, if_match: Annotated[int, Header()] = 0
) -> Saved:
    """Saves labels that are not handed in yet, in the place of the draft with the version in If-Match (0: of none)."""
    drafts, writers = Drafts(request.app.state.catalog), request.app.state.writers
    version = await run_sync(drafts.save, user.name, _source(source), day, content.model_dump(mode="json"), if_match, limiter=writers)
    if version is None:
        raise HTTPException(412, "this draft was saved from elsewhere meanwhile")
    return Saved(version=version)


@router.delete("/drafts/{source:path}/{day}", summary="Discard a draft", status_code=204)
async def discard_draft(request: Request, source: str, day: date, user: Person) -> None:
    """What was handed in stays."""
    await run_sync(Drafts(request.app.state.catalog).discard, user.name, source, day, limiter=request.app.state.writers)


@router.post("/labels/{source:path}/{day}", summary="Hand in a day's labels", responses=_REFUSED)
async def submit(request: Request, source: str, day: date, user: Person, content: LabelsIn) -> Saved:
    """Puts these labels in the place of all that this person had on the source's day; earlier ones stay in the history."""
    return await run_sync(_submit, request, _source(source), day, user, content, limiter=request.app.state.writers)


@router.get("/predictions/{source:path}", summary="What a model predicted", responses={404: {"description": "No such model version"}})
async def predicted(
    request: Request,
    source: str,
    user: Person,
    start: Annotated[float, Query(alias="from", ge=0, le=4.2e12)],
    end: Annotated[float, Query(alias="to", ge=0, le=4.2e12)],
    model: Annotated[str, Query(max_length=100, description="name/version; the champion where it is left out")] = "",
) -> list[PredictionOut]:
    """Events of a model version on a source, a week at most."""
    if not 0 <= end - start <= 7 * 86_400_000:
        raise HTTPException(400, "from and to span a week at most")

    def read() -> list[PredictionOut]:
        state = request.app.state
        try:
            chosen = version_named(state.catalog, model)
        except UnknownModel as error:
            raise HTTPException(404, str(error)) from None
        if chosen is None:
            return []
        return [
            PredictionOut(start=_ms(one.start), end=_ms(one.end), tag=one.tag, score=one.score, probability=one.probability)
            for one in predictions(state.lake, state.catalog, chosen, source, from_ms(start), from_ms(end))
        ]

    return await run_sync(read)


@router.get("/models", summary="Fitted model versions")
async def models(request: Request, user: Person) -> list[ModelOut]:
    """The champion first."""
    found = await run_sync(versions, request.app.state.catalog)
    return [ModelOut(name=one.name, version=one.version, champion=one.champion) for one in found]


@router.get("/tags", summary="Every tag ever used")
async def tags(request: Request, user: Person) -> list[str]:
    """In order of first use, so that a tag's place and colour never move."""
    return await run_sync(Annotations(request.app.state.catalog).tags)


@router.get("/label-counts/{source:path}", summary="Labels by day and tag")
async def label_counts(request: Request, source: str, user: Person) -> dict[str, dict[str, int]]:
    """How many annotations of each tag every day of a source has."""
    return await run_sync(Annotations(request.app.state.catalog).counts_by_day, source)


@router.get("/levels/{source:path}/{day}", summary="How loud a day was")
async def levels(request: Request, source: str, day: date, user: Person) -> LevelsOut:
    """The largest sample of each segment."""
    lake: Lake = request.app.state.lake
    wanted = pc.field("source") == source
    rows = await run_sync(lambda: lake.read_days(SEGMENTS, [day], columns=["started_at", "max_amp"], where=wanted))
    return LevelsOut(start=[_ms(moment) for moment in rows["started_at"].to_pylist()], max_amp=rows["max_amp"].to_pylist())


def _labels(request: Request, source: str, day: date, user: User) -> LabelsOut:
    catalog = request.app.state.catalog
    start, end = midnight(day), midnight(day + timedelta(days=1))
    mine = Labels(catalog).standing(user.name, source, start, end)
    draft = Drafts(catalog).get(user.name, source, day)
    others = [one for one in Annotations(catalog).of_days(day, day) if one.source == source and one.author != user.name]
    return LabelsOut(
        source=source,
        day=day,
        annotator=user.name,
        version=mine.version,
        boxes=[box_out(box) for box in mine.boxes],
        reviewed=[ReviewedIn(start=_ms(span.start), end=_ms(span.end), tags=list(span.tags)) for span in mine.reviewed],
        draft=draft and DraftOut(version=draft.version, labels=LabelsIn.model_validate(draft.content), saved_at=draft.updated_at),
        others=[
            OthersBox(start=_ms(one.start), end=_ms(one.end), tag=one.tag, low=one.low_hz, high=one.high_hz, author=one.author)
            for one in others
        ],
        tags=Annotations(catalog).tags(),
    )


def _submit(request: Request, source: str, day: date, user: User, content: LabelsIn) -> Saved:
    catalog = request.app.state.catalog
    labels, start, end = Labels(catalog), midnight(day), midnight(day + timedelta(days=1))
    if any(not start <= from_ms(box.start) < end for box in content.boxes):
        raise HTTPException(400, f"every label starts on {day} (UTC)")
    boxes = tuple(box_in(box) for box in content.boxes)
    reviewed = tuple(ReviewedSpan(from_ms(span.start), from_ms(span.end), tuple(span.tags)) for span in content.reviewed)
    try:
        stored, changed = labels.submit(Submission(user.name, source, start, end, boxes, "replace", reviewed), content.based_on)
    except LabelsChanged as error:
        raise HTTPException(412, str(error)) from None
    except ValueError as error:
        raise HTTPException(400, str(error)) from None
    Drafts(catalog).discard(user.name, source, day)
    return Saved(version=stored.version, changed=changed)


def box_in(box: BoxIn) -> Box:
    """A label as the catalog keeps it."""
    return Box(
        from_ms(box.start), from_ms(box.end), box.tag, box.low, box.high,
        box.origin, box.state, box.model, box.model_version, box.score, box.note,
    )  # fmt: skip


def box_out(box: Box) -> BoxIn:
    """A label as pages read it."""
    return BoxIn(
        start=_ms(box.start), end=_ms(box.end), tag=box.tag, low=box.low_hz, high=box.high_hz, origin=box.origin, state=box.state,
        model=box.model, model_version=box.model_version, score=box.score, note=box.note,
    )  # fmt: skip


def _source(source: str) -> str:
    if len(source) > 128:
        raise HTTPException(400, "a source's name has 128 letters at most")
    return source


def _ms(moment: datetime) -> float:
    return (moment - _EPOCH) / timedelta(milliseconds=1)
