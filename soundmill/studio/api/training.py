"""`/api/training`: what the pages of models ask: definitions and their checks, what becomes of them, reports, tests, and a try.

A page adds nothing of its own: all of this is `soundmill.workflows.training`, and the commands below `soundmill model`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path as FilePath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, File, HTTPException, Path, Query, Request, UploadFile
from pydantic import BaseModel, Field, StringConstraints

from soundmill.capture import Segmenter
from soundmill.catalog import Annotations, Catalog, ModelRegistry, ModelVersion, SoundIndex
from soundmill.errors import (
    Damaged,
    DataLeakage,
    DefinitionChanged,
    InputRefused,
    NotFound,
    Unavailable,
    UndecodableAudio,
    UnknownModel,
)
from soundmill.options import training_options
from soundmill.osr.evaluation import Evaluation
from soundmill.osr.predictions import OperatingPoints
from soundmill.osr.report import FIGURES
from soundmill.osr.spec import ModelSpec, Setting, settings_of_models
from soundmill.settings import Settings
from soundmill.studio.auth import User, page_for
from soundmill.times import from_ms
from soundmill.workflows.predictions import version_named
from soundmill.workflows.training import (
    check_choice,
    compare_versions,
    days_of_data,
    define_model,
    definition,
    delete_model,
    evaluate_on_days,
    models_now,
    move_thresholds,
    promote_model,
    read_report,
    requests_now,
    suggest_days,
    tag_group,
)
from soundmill.workflows.training.overview import ModelNow
from soundmill.workflows.training.planning import DayOfData, Finding
from soundmill.workflows.training.reports import NewGroup, PredictedSound, Report
from soundmill.workflows.training.requests import Requests
from soundmill.workflows.training.testing import Compared

if TYPE_CHECKING:
    from soundmill.workflows.live import Detector

router = APIRouter(prefix="/api/training", tags=["models"])
Person = Annotated[User, Depends(page_for("engineer", "annotator"))]
Engineer = Annotated[User, Depends(page_for("engineer"))]
MOST_TRIED_BYTES = 100 << 20
_MOST_TRIED_SECONDS = 600
_MODELS, _CHECKS = CapacityLimiter(1), CapacityLimiter(1)  # tests and tries, and searches for copies, at a time: each takes a core
_Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
_REFUSED: dict[int | str, dict[str, Any]] = {
    400: {"description": "What cannot be, and what to do about it"},
    404: {"description": "No such model, version or report"},
    409: {"description": "Somebody else changed it meanwhile"},
}


class SettingsOut(BaseModel):
    """What a model can be made of: every setting, extractors that are run here, tags ever used, captured sources, and what the figures of a
    report are, in order: name, meaning, and whether more is better."""

    settings: list[Setting]
    extractors: list[str]
    tags: list[str]
    sources: list[str]
    figures: list[tuple[str, str, bool]]


class ChoiceIn(BaseModel):
    """A specification as it is being put together. `copies`: near copies are looked for, too, which takes a while."""

    spec: dict[str, Any]
    copies: bool = False


class CheckedOut(BaseModel):
    """Labelled sounds by tag on training and on test days, the days that a fit would use, and what is to be said of it all."""

    findings: list[Finding]
    refused: bool
    train: dict[str, int]
    test: dict[str, int]
    train_days: list[date]
    test_days: list[date]
    background_days: list[date]


class DaysOut(BaseModel):
    """Days for training and for testing; `note` says what could not be looked at yet."""

    train_days: list[date]
    test_days: list[date]
    note: str


class DefinitionIn(BaseModel):
    """A definition. `defined_at`: of the one that it changes; null: of a new model."""

    spec: dict[str, Any]
    defined_at: datetime | None = None


class DefinitionOut(BaseModel):
    """A definition, since when it is so, and another model with the same one, empty where there is none."""

    name: str
    spec: dict[str, Any]
    defined_at: datetime
    same_as: str


class ReasonIn(BaseModel):
    """Why a version is promoted."""

    because: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class OffsetsIn(BaseModel):
    """By tag, how far its threshold is moved from where the version has it."""

    offsets: dict[Annotated[str, Field(max_length=64)], Annotated[float, Field(ge=-100, le=100, allow_inf_nan=False)]]


class DaysIn(BaseModel):
    """Days to test on, and days of background, null: the same."""

    days: Annotated[list[date], Field(max_length=400)]
    background_days: Annotated[list[date], Field(max_length=400)] | None = None


class TagIn(BaseModel):
    """A tag for sounds of a group, all of it where no keys are given."""

    tag: Annotated[str, Field(max_length=64)]
    keys: Annotated[list[str], Field(max_length=5000)] | None = None


class TaggedOut(BaseModel):
    """How many labels are new."""

    labels: int


class ReportOut(BaseModel):
    """An evaluation.

    card       the version's card
    moved      the thresholds that were moved by hand, by tag
    sounds     test sounds with their verdicts, 200 of each cell of the confusion matrix at most
    points     by tag what its threshold would give, wherever it is put
    kept       whether sounds and points are there: an older evaluation kept none
    """

    name: str
    version: int
    champion: bool
    current: bool
    fitted_at: datetime
    card: dict[str, Any]
    moved: dict[str, float]
    test_days: list[date]
    background_days: list[date]
    promotion: str
    evaluation: Evaluation
    sounds: list[PredictedSound]
    points: dict[str, OperatingPoints]
    new_sounds: list[NewGroup]
    kept: bool


class VerdictOut(BaseModel):
    """The verdict on a stretch of a file, from `start` on, both in seconds; `silent`: a capture would not have kept it."""

    start: float
    seconds: float
    tag: str
    score: float
    probability: float | None
    silent: bool
    margins: dict[str, float]


class EventOut(BaseModel):
    """A sound in a file: onset and offset in seconds from its start, and the best margin to the tag's threshold."""

    tag: str
    onset: float
    offset: float
    score: float


class TriedOut(BaseModel):
    """What the champion makes of a file, of its first ten minutes at most: a verdict on each segment, and events."""

    model: str
    version: int
    verdicts: list[VerdictOut]
    events: list[EventOut]


@router.get("/settings", summary="What models can be made of")
async def settings(request: Request, user: Person) -> SettingsOut:
    """Settings, extractors, tags and sources."""
    catalog, ours = request.app.state.catalog, _settings(request)
    sources = [one.source for one in await run_sync(SoundIndex(catalog).sources)]
    tags = await run_sync(Annotations(catalog).tags)
    default = ours.extractor_names[0]
    known = [replace(one, default=default) if one.name == "extractor" else one for one in settings_of_models()]
    return SettingsOut(settings=known, extractors=list(ours.extractor_names), tags=tags, sources=sources, figures=list(FIGURES))


@router.get("/models", summary="All models")
async def models(request: Request, user: Person) -> list[ModelNow]:
    """With their versions and figures, that of the champion first."""
    return await run_sync(models_now, request.app.state.lake, request.app.state.catalog)


@router.get("/requests", summary="What becomes of them right now")
async def requests(request: Request, user: Person) -> Requests:
    """Of each model that is defined."""
    return await run_sync(requests_now, request.app.state.catalog, _settings(request).dagster_url)


@router.get("/days", summary="What days hold")
async def days(
    request: Request,
    user: Person,
    first: Annotated[date | None, Query(alias="from", description="a year before the last where it is left out")] = None,
    last: Annotated[date | None, Query(alias="to", description="the newest day with labels or sound where it is left out")] = None,
    source: Annotated[list[str], Query(max_length=200, description="all that are not set apart where none is named")] = [],  # noqa: B006
) -> list[DayOfData]:
    """Labelled sounds, segments and coverage of every day that has any."""
    if first and last and first > last:
        raise HTTPException(400, "`to` lies before `from`")
    return await run_sync(days_of_data, request.app.state.lake, request.app.state.catalog, source, first, last)


@router.post("/check", summary="What stands against a definition")
async def check(request: Request, user: Person, choice: ChoiceIn) -> CheckedOut:
    """Before anything is fitted."""
    state = request.app.state

    def look() -> CheckedOut:
        found = check_choice(state.lake, state.catalog, choice.spec, training_options(state.settings), copies=choice.copies)
        return CheckedOut(
            findings=found.findings,
            refused=found.is_refused,
            train=found.train,
            test=found.test,
            train_days=list(found.days.train) if found.days else [],
            test_days=list(found.days.test) if found.days else [],
            background_days=list(found.days.background) if found.days else [],
        )

    return await run_sync(look, limiter=_CHECKS if choice.copies else None)


@router.post("/suggest", summary="A split that would do", responses=_REFUSED)
async def suggest(request: Request, user: Person, choice: ChoiceIn) -> DaysOut:
    """For the tags and sources of a specification."""
    state = request.app.state
    with _in_words():
        spec = ModelSpec.parse({name: choice.spec[name] for name in ("tags", "sources") if choice.spec.get(name)})
        found = await run_sync(suggest_days, state.lake, state.catalog, spec.tags, spec.sources, limiter=_CHECKS)
    return DaysOut(train_days=list(found.train), test_days=list(found.test), note=found.note)


@router.get("/models/{name}", summary="A definition", responses=_REFUSED)
async def defined(request: Request, user: Person, name: str) -> DefinitionOut:
    """As it is now."""
    return await _definition(definition, request.app.state.catalog, name)


@router.put("/models/{name}", summary="Define a model", responses=_REFUSED)
async def define(request: Request, user: Engineer, name: str, wanted: DefinitionIn) -> DefinitionOut:
    """A new one, or a change of one; the pipeline fits and evaluates it."""
    state = request.app.state

    def store(catalog: Catalog, name: str) -> Any:
        names, since = _settings(request).extractor_names, wanted.defined_at
        return define_model(catalog, name, wanted.spec, names, since, is_new=since is None)

    return await _definition(store, state.catalog, name)


@router.delete("/models/{name}", summary="Delete a model", responses=_REFUSED, status_code=204)
async def delete(request: Request, user: Engineer, name: str) -> None:
    """With all its versions; detections and reports stay."""
    state = request.app.state
    with _in_words():
        await run_sync(delete_model, state.lake, state.catalog, name)


@router.post("/models/{name}/{version}/promote", summary="Make a version the champion", responses=_REFUSED, status_code=204)
async def promote(request: Request, user: Engineer, name: str, version: _Number, reason: ReasonIn) -> None:
    """In place of the one before; past days get its detections, the newest first."""
    with _in_words():
        await run_sync(promote_model, request.app.state.catalog, name, f"{reason.because} ({user.name})", version)


@router.put("/models/{name}/{version}/thresholds", summary="Move thresholds", responses=_REFUSED)
async def thresholds(request: Request, user: Engineer, name: str, version: _Number, wanted: OffsetsIn) -> DefinitionOut:
    """As settings of the model: the pipeline fits a version that has them."""

    def move(catalog: Catalog, name: str) -> Any:
        return move_thresholds(catalog, _version(catalog, name, version), wanted.offsets)

    return await _definition(move, request.app.state.catalog, name)


@router.get("/models/{name}/{version}/report", summary="A version's report", responses=_REFUSED)
async def report(request: Request, user: Person, name: str, version: _Number) -> ReportOut:
    """Of its own test days."""
    state = request.app.state

    def read() -> ReportOut:
        found = _version(state.catalog, name, version)
        return _report(state.catalog, found, read_report(state.lake, found))

    with _in_words():
        return await run_sync(read)


@router.post("/models/{name}/{version}/test", summary="Test a version on other days", responses=_REFUSED)
async def test(request: Request, user: Person, name: str, version: _Number, wanted: DaysIn) -> ReportOut:
    """Without fitting it again; days that it was trained on are refused. Nothing is stored."""
    state = request.app.state

    def run() -> ReportOut:
        found = _version(state.catalog, name, version)
        options = training_options(state.settings)
        return _report(
            state.catalog, found, evaluate_on_days(state.lake, state.catalog, found, wanted.days, wanted.background_days, options)
        )

    with _in_words():
        return await run_sync(run, limiter=_MODELS)


@router.post("/models/{name}/{version}/new-sounds/{rank}/tag", summary="Make a tag of a group", responses=_REFUSED)
async def tag(request: Request, user: Person, name: str, version: _Number, rank: _Number, wanted: TagIn) -> TaggedOut:
    """Labels the new sounds of a group, as one's own."""
    state = request.app.state

    def label() -> int:
        found = _version(state.catalog, name, version)
        keys = None if wanted.keys is None else set(wanted.keys)
        return tag_group(state.lake, state.catalog, found, rank, wanted.tag.strip(), user.name, keys)

    with _in_words():
        return TaggedOut(labels=await run_sync(label, limiter=state.writers))


@router.get("/compare", summary="Two versions side by side", responses=_REFUSED)
async def compare(
    request: Request,
    user: Person,
    first: Annotated[str, Query(max_length=100, description="name/version")],
    second: Annotated[str, Query(max_length=100, description="name/version")],
    day: Annotated[list[date], Query(max_length=400, description="days that test both where none is named")] = [],  # noqa: B006
) -> Compared:
    """On the same days, which neither was trained on."""
    state = request.app.state

    def run() -> Compared:
        pair = [version_named(state.catalog, name) for name in (first, second)]
        if not first or not second or pair[0] is None or pair[1] is None:
            raise UnknownModel("name two versions, such as owls/1 and owls/2")
        options = training_options(state.settings)
        return compare_versions(state.lake, state.catalog, pair[0], pair[1], day or None, None, options)

    with _in_words():
        return await run_sync(run, limiter=_MODELS)


@router.post("/try", summary="Try the champion", responses=_REFUSED)
async def try_it(request: Request, user: Person, audio: Annotated[UploadFile, File(description="in any codec")]) -> TriedOut:
    """On a file that is kept nowhere."""

    def run() -> TriedOut:
        from soundmill.workflows.live.files import try_file  # scikit-learn: not before somebody tries

        detector = _detector(request)
        champion = detector.champion()
        with TemporaryDirectory() as folder:
            path = FilePath(folder) / "tried"
            path.write_bytes(audio.file.read())
            found = try_file(detector, path, _MOST_TRIED_SECONDS)
        zero = from_ms(0)
        verdicts = [
            VerdictOut(
                start=(one.started_at - zero).total_seconds(),
                seconds=one.seconds,
                tag=one.tag,
                score=one.score,
                probability=one.probability,
                silent=silent,
                margins=one.margins,
            )
            for one, silent in zip(found.verdicts, found.silent, strict=True)
        ]
        return TriedOut(
            model=champion.name, version=champion.version, verdicts=verdicts, events=[EventOut(**vars(one)) for one in found.events]
        )

    with _in_words():
        return await run_sync(run, limiter=_MODELS)


async def _definition(read: Callable[[Catalog, str], Any], catalog: Catalog, name: str) -> DefinitionOut:
    with _in_words():
        found = await run_sync(read, catalog, name)
    return DefinitionOut(name=found.name, spec=found.spec.model_dump(mode="json"), defined_at=found.defined_at, same_as=found.same_as)


def _version(catalog: Catalog, name: str, version: int) -> ModelVersion:
    found = version_named(catalog, f"{name}/{version}")
    assert found is not None  # a name was given
    return found


def _report(catalog: Catalog, version: ModelVersion, report: Report) -> ReportOut:
    card = version.card or {}
    return ReportOut(
        name=version.name,
        version=version.version,
        champion=version.champion,
        current=definition(catalog, version.name).spec == ModelSpec.parse(card["spec"]),
        fitted_at=version.created_at,
        card=card,
        moved=card["spec"].get("threshold_offsets", {}),
        test_days=report.test_days,
        background_days=report.background_days,
        promotion=report.promotion,
        evaluation=report.evaluation,
        sounds=report.sounds(),
        points=report.operating_points(),
        new_sounds=report.new_sounds,
        kept=report.table is not None,
    )


@contextmanager
def _in_words() -> Iterator[None]:
    """What is refused, as a status and a sentence."""
    try:
        yield
    except DefinitionChanged as error:
        raise HTTPException(409, str(error)) from None
    except NotFound as error:
        raise HTTPException(404, str(error)) from None
    except (InputRefused, DataLeakage, UndecodableAudio) as error:
        raise HTTPException(400, str(error)) from None
    except (Unavailable, Damaged) as error:
        raise HTTPException(503, str(error)) from None


def _detector(request: Request) -> "Detector":
    """The champion, loaded once."""
    from soundmill.workflows.live import Detector

    state = request.app.state
    if not hasattr(state, "detector"):
        ours = _settings(request)
        segmenter = Segmenter(ours.segment_rate, ours.segment_samples, ours.gate_dbfs, ours.channels, truncated=ours.truncated)
        state.detector = Detector(state.lake, ModelRegistry(state.catalog), segmenter, ours.zone, ours.networks)
    detector: Detector = state.detector
    return detector


def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings
