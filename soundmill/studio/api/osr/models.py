"""Models, what they detect, and the switch of the capture."""

from datetime import date, timedelta
from typing import Annotated, Any, Literal, get_args

import pyarrow.compute as pc
from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, HTTPException, Request

from soundmill.capture import SEGMENTS
from soundmill.capture.switch import HUB, Switch
from soundmill.catalog import LiveRecord, ModelRegistry
from soundmill.errors import DataLeakage, InputRefused, NotFound
from soundmill.lake import Lake
from soundmill.options import TrainingOptions, training_options
from soundmill.osr.detections import DETECTIONS
from soundmill.settings import Settings
from soundmill.studio.api.osr import words
from soundmill.studio.api.osr.sound import Source, zone_of
from soundmill.studio.auth import User, page_for
from soundmill.times import days_between
from soundmill.workflows.training.by_days import Use, by_id, confusion_by_days, fit_by_days, model_id
from soundmill.workflows.training.models import delete_model, model_path, promote_model

router = APIRouter()
Engineer = Annotated[User, Depends(page_for("engineer"))]
_FITTING = CapacityLimiter(1)
_SPAN = timedelta(hours=6)
_USES = get_args(Use)
_KEYS = {"days", "tags", "model_id", "model_name"}


@router.get("/trainer/modelInfo", summary="Fitted models")
@router.post("/trainer/modelInfo", summary="Fitted models")
def model_info(request: Request) -> dict[str, Any]:
    """By id."""
    found = {}
    for version in ModelRegistry(request.app.state.catalog).versions():
        if version.card is None:
            continue
        data, spec = version.card["data"], version.card["spec"]
        found[model_id(version)] = {
            "days_train": data["train_days"],
            "days_bg": data["background_days"],
            "tags": spec["tags"] or None,
            "filename": model_path(version),
            "model_name": version.name,
        }
    return found


@router.post("/trainer/model/fit/{wanted:path}", summary="Fit a model")
async def fit(request: Request, wanted: str, user: Engineer) -> dict[str, str]:
    """On the days marked R; `{days, tags, model_id, model_name}`. The same days and tags again are the same model."""
    asked = words.request(wanted, _KEYS)
    state = request.app.state
    arguments = (state.lake, state.catalog, _uses(asked), _tags(asked), str(asked["model_name"]), _options(request))
    try:
        return {"modelId": model_id(await run_sync(fit_by_days, *arguments, limiter=_FITTING))}
    except InputRefused as error:
        raise HTTPException(400, str(error)) from None


@router.post("/trainer/model/predict/{wanted:path}", summary="Test a model")
async def predict(request: Request, wanted: str, user: Engineer) -> dict[str, Any]:
    """On the sounds of days marked E and background of those marked Be: predicted names in rows, true ones in columns."""
    asked = words.request(wanted, _KEYS)
    state = request.app.state
    version = by_id(state.catalog, words.model_id(asked["model_id"]))
    if version is None:
        raise HTTPException(404, f"no model has the id {asked['model_id']}")
    try:
        found = await run_sync(confusion_by_days, state.lake, state.catalog, version, _uses(asked), _options(request), limiter=_FITTING)
    except (InputRefused, DataLeakage) as error:
        raise HTTPException(400, str(error)) from None
    return {"confMat": found.counts, "tagsTrain": found.rows, "tagsTest": found.columns}


@router.post("/trainer/model/delete/{wanted:path}", summary="Delete a model")
def delete(request: Request, wanted: str, user: Engineer) -> dict[str, Any]:
    """`{model_id}`; nothing happens for one that is not there."""
    asked = words.request(wanted, {"model_id"})
    state = request.app.state
    version = by_id(state.catalog, words.model_id(asked["model_id"]))
    if version is None:
        return {}
    if len(ModelRegistry(state.catalog).versions(version.name)) > 1:
        raise HTTPException(409, f"{version.name} has other versions too: `soundmill model delete {version.name}` deletes them all")
    delete_model(state.lake, state.catalog, version.name)
    return {}


@router.post("/detector/get/{at}", summary="What was detected")
def detected(request: Request, at: str, source: Source) -> list[dict[str, Any]]:
    """The champion's verdict on each segment of the six hours before a moment, "other" among them."""
    state, zone = request.app.state, zone_of(request)
    end = words.moment(at, zone)
    champion = ModelRegistry(state.catalog).champion()
    if champion is None:
        return []
    lake: Lake = state.lake
    days = list(days_between((end - _SPAN - timedelta(minutes=1)).date(), end.date()))
    mine = (pc.field("model") == champion.name) & (pc.field("version") == champion.version) & (pc.field("source") == source)
    rows = lake.read_days(DETECTIONS, days, columns=["key", "started_at", "seconds", "tag"], where=mine).to_pylist()
    known = {row["key"] for row in rows}
    for live in LiveRecord(state.catalog).detections(end - _SPAN, source):
        if (live.model, live.version) == (champion.name, champion.version) and live.key not in known:
            rows.append({"key": live.key, "started_at": live.started_at, "seconds": live.seconds, "tag": live.tag})
    segments = lake.read_days(SEGMENTS, days, columns=["key", "max_amp"], where=pc.field("source") == source)
    loudest = dict(zip(segments["key"].to_pylist(), segments["max_amp"].to_pylist(), strict=True))
    found = [(row["started_at"] + timedelta(seconds=row["seconds"]), row) for row in rows]
    inside = sorted(((stop, row) for stop, row in found if end - _SPAN <= stop <= end), key=lambda one: one[0])
    return [{"datetime": words.written(stop, zone), "tag": row["tag"], "max_amp": loudest.get(row["key"], 0)} for stop, row in inside]


@router.post("/detector/set/{at}/{wanted}/{minutes}", summary="Choose the model that detects")
def choose(request: Request, at: str, wanted: str, minutes: str, user: Engineer) -> None:
    """Makes it the champion: live detection goes on with it at once, and the pipeline detects past days anew. `minutes`, a number or null,
    is taken and not needed: every segment gets its verdict."""
    words.moment(at, zone_of(request))
    if minutes != "null" and not minutes.replace(".", "", 1).isdigit():
        raise HTTPException(400, f"{minutes!r} is neither a number of minutes nor null")
    catalog = request.app.state.catalog
    version = by_id(catalog, words.model_id(wanted))
    if version is None:
        raise HTTPException(404, f"no model has the id {wanted}")
    try:
        promote_model(catalog, version.name, f"chosen by {user.name} at /osr/detector/set", version.version)
    except NotFound as error:
        raise HTTPException(404, str(error)) from None


@router.post("/dataCapture/get", summary="Whether it captures")
def capture_state(request: Request) -> dict[str, bool]:
    """The hub's switch."""
    return {"capture_state": _switch(request).is_on()}


@router.post("/dataCapture/set/{on}", summary="Turn the capture on or off")
def set_capture(request: Request, on: Literal["true", "false"], user: Engineer) -> dict[str, bool]:
    """Turns the hub's switch."""
    _switch(request).set(on == "true")
    return {"capture_state": on == "true"}


def _uses(asked: dict[str, Any]) -> dict[date, Use]:
    days = asked["days"]
    if not isinstance(days, dict) or not all(use in _USES for use in days.values()):
        raise HTTPException(400, f"days is to say for each day one of {', '.join(_USES)}")
    return {words.day(name): use for name, use in days.items()}


def _tags(asked: dict[str, Any]) -> list[str]:
    tags = asked["tags"] or []
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise HTTPException(400, "tags is to be a list of tags, or null for all")
    return tags


def _options(request: Request) -> TrainingOptions:
    return training_options(request.app.state.settings)


def _switch(request: Request) -> Switch:
    settings: Settings = request.app.state.settings
    return Switch(settings.home / "capture" / f"{HUB}.state.json")
