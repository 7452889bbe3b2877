"""Versions on days of one's choice, without fitting anything: one version's report, and two versions side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from soundmill.catalog import AudioCollection, Catalog, ModelVersion
from soundmill.errors import DataLeakage, NotEnoughData
from soundmill.lake import Lake
from soundmill.options import TrainingOptions
from soundmill.osr.comparison import SideBySide, side_by_side
from soundmill.osr.evaluation import HeldOut
from soundmill.osr.selection import DataChoice
from soundmill.osr.spec import ModelSpec
from soundmill.workflows.training.data import TrainingData
from soundmill.workflows.training.evaluation import refuse_leaks, run_on_test_days
from soundmill.workflows.training.models import days_of, load_version
from soundmill.workflows.training.reports import Report, SoundPlace, report_of

_MOST_APART = 200


@dataclass(frozen=True)
class Disagreement(SoundPlace):
    """A sound that two versions name differently: what it is, and its name by the first and by the second."""

    true: str
    first: str
    second: str


@dataclass(frozen=True)
class Compared:
    """Two versions side by side on the same days, and sounds that they name differently, 200 at most."""

    test_days: list[date]
    background_days: list[date]
    result: SideBySide
    differ: list[Disagreement]


def evaluate_on_days(
    lake: Lake,
    catalog: Catalog,
    version: ModelVersion,
    days: Sequence[date],
    background_days: Sequence[date] | None,
    options: TrainingOptions,
) -> Report:
    """How a version does on the labelled sounds of some days and the background of others (None: the same days). Nothing is stored.

    Raises `NotEnoughData`, `DataLeakage` where it learned from one of the days or from a copy, `MissingFeatures`, `NotInLake`,
    `UntrustedModel`.
    """
    if not days:
        raise NotEnoughData("no day to test on: choose days with labelled sounds that the model was not trained on")
    data = _data(lake, catalog, version, ModelSpec.parse((version.card or {})["spec"]), days, background_days, options)
    _refuse_met_days([version], data)
    refuse_leaks(data)
    model, _, predictions, result, fresh = run_on_test_days(lake, version, data)
    return report_of(data, model, predictions, result, fresh)


def compare_versions(
    lake: Lake,
    catalog: Catalog,
    first: ModelVersion,
    second: ModelVersion,
    days: Sequence[date] | None,
    background_days: Sequence[date] | None,
    options: TrainingOptions,
) -> Compared:
    """Two versions on the same days, which neither learned from; without days, on those that test both.

    Raises `NotEnoughData`, `DataLeakage`, `MissingFeatures`, `NotInLake`, `UntrustedModel`.
    """
    if days is None:
        days = sorted(set(days_of(first.card or {}).test) & set(days_of(second.card or {}).test))
        if not days:
            raise NotEnoughData(f"no day tests both {_name(first)} and {_name(second)}: choose days that neither was trained on")
    spec = ModelSpec.parse((second.card or {})["spec"])
    # sounds of the same sources, and the same background drawn
    same_ground = {**(first.card or {})["spec"], "sources": spec.sources, "seed": spec.seed}
    two = _data(lake, catalog, second, spec, days, background_days, options)
    one = _data(lake, catalog, first, ModelSpec.parse(same_ground), days, background_days, options)
    _refuse_met_days([first, second], two)
    own = _data(lake, catalog, first, ModelSpec.parse((first.card or {})["spec"]), days, background_days, options)
    for data, learned in ((one, own), (two, two)):
        refuse_leaks(data, learned)
    held = [HeldOut(data.tagged(), *data.test_background()) for data in (one, two)]
    if not len(held[0].tagged):
        raise NotEnoughData(f"no sound is labelled on {_days(days)}: choose days with labelled sounds")
    models = [load_version(lake, version) for version in (first, second)]
    result = side_by_side((models[0], held[0]), (models[1], held[1]))
    places = two.places(two.days.test, two.test_background_days, {key for key, *_ in result.differ})
    apart = [Disagreement(key, *places[key], *names) for key, *names in result.differ if key in places]
    return Compared(list(two.days.test), list(two.test_background_days), result, apart[:_MOST_APART])


def _data(
    lake: Lake, catalog: Catalog, version: ModelVersion, spec: ModelSpec, days: Sequence[date], background: Sequence[date] | None,
    options: TrainingOptions,
) -> TrainingData:  # fmt: skip
    learned = days_of(version.card or {})
    quiet = None if background is None else tuple(sorted(set(background)))
    choice = DataChoice(learned.train, tuple(sorted(set(days))), learned.background, quiet)
    return TrainingData(lake, spec, options.zone, choice, AudioCollection(catalog).sources_apart())


def _refuse_met_days(versions: Sequence[ModelVersion], data: TrainingData) -> None:
    """A model is not tested on what it learned from."""
    for version in versions:
        learned = days_of(version.card or {})
        if met := sorted({*learned.train, *learned.background} & {*data.days.test, *data.test_background_days}):
            raise DataLeakage(f"{_name(version)} was trained on {_days(met)}: test it on other days, or its figures would be too good")


def _name(version: ModelVersion) -> str:
    return f"{version.name} {version.version}"


def _days(days: Sequence[date]) -> str:
    return ", ".join(day.isoformat() for day in days)
