"""Models as Buddybork's model builder made them: from days that each train, test, or lend background."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from soundmill.catalog import AudioCollection, Catalog, ModelRegistry, ModelVersion
from soundmill.errors import NotEnoughData
from soundmill.lake import Lake
from soundmill.options import TrainingOptions
from soundmill.osr.selection import DataChoice
from soundmill.osr.spec import OTHER, ModelSpec, check_name
from soundmill.times import to_ms
from soundmill.workflows.training.data import TrainingData
from soundmill.workflows.training.fit import train_model
from soundmill.workflows.training.models import load_version

Use = Literal["R", "E", "Br", "Be", "N"]


@dataclass(frozen=True)
class Confusion:
    """How many test sounds of each true tag (columns) got each name (rows, "other" the last)."""

    rows: list[str]
    columns: list[str]
    counts: list[list[int]]


def model_id(version: ModelVersion) -> str:
    """The 13 digits by which the original names a model: when its fit began, in ms since 1970."""
    return f"{to_ms(version.created_at):013d}"


def by_id(catalog: Catalog, wanted: str) -> ModelVersion | None:
    """The fitted version with an id."""
    return next((one for one in ModelRegistry(catalog).versions() if one.card is not None and model_id(one) == wanted), None)


def fit_by_days(
    lake: Lake, catalog: Catalog, uses: Mapping[date, Use], tags: Sequence[str], name: str, options: TrainingOptions
) -> ModelVersion:
    """Fits on the days marked R, with background of those marked Br; a model of the same days and tags is returned as it is, whatever its
    name. Raises `SpecRefused`, `NotEnoughData`, `MissingFeatures`."""
    train = _days(uses, "R")
    if not train:
        raise NotEnoughData("no day is marked R: mark those that are to train the model")
    spec = ModelSpec.parse(
        {
            "extractor": options.extractor,
            "tags": sorted(tags),
            "train_days": train,
            "background_days": _days(uses, "Br"),
            "test_days": _days(uses, "E"),
            "test_background_days": _days(uses, "Be") or None,
        }
    )
    registry = ModelRegistry(catalog)
    for version in registry.versions():
        if version.card is not None and _learns_alike(ModelSpec.parse(version.card["spec"]), spec):
            return version
    name = check_name(re.sub(r"[^\w-]+", "-", name, flags=re.ASCII).strip("-")[:63])  # people gave models any name
    registry.define_new(name, spec.model_dump(mode="json"))
    try:
        return train_model(lake, catalog, name, options).version
    except Exception:
        registry.delete(name)  # what could not be fitted leaves no name behind
        raise


def confusion_by_days(lake: Lake, catalog: Catalog, version: ModelVersion, uses: Mapping[date, Use], options: TrainingOptions) -> Confusion:
    """What a version says of the annotated sounds of days marked E, and of background of days marked Be. Raises `NotEnoughData`,
    `MissingFeatures`."""
    test, background = _days(uses, "E"), _days(uses, "Be")
    if not (test or background):
        raise NotEnoughData("no day is marked E or Be: mark those that are to test the model")
    spec = ModelSpec.parse((version.card or {})["spec"])
    apart = AudioCollection(catalog).sources_apart()
    tagged = TrainingData(lake, spec, options.zone, DataChoice((), test, ()), apart).tagged()
    quiet, _ = TrainingData(lake, spec, options.zone, DataChoice((), background, ()), apart).test_background()
    if not len(tagged) + len(quiet):
        raise NotEnoughData("these days hold no annotated sound and no background")
    model = load_version(lake, version)
    rows = [*model.tags_, OTHER]
    truth = [*tagged.tags, *[OTHER] * len(quiet)]
    named = [name for sounds in (tagged, quiet) if len(sounds) for name in model.verdicts(sounds).names]
    columns = [*sorted({tag for tag in truth if tag != OTHER}), *([OTHER] if OTHER in truth else [])]
    counts = [[0] * len(columns) for _ in rows]
    for true, name in zip(truth, named, strict=True):
        counts[rows.index(name)][columns.index(true)] += 1
    return Confusion(rows, columns, counts)


def _days(uses: Mapping[date, Use], *wanted: Use) -> tuple[date, ...]:
    return tuple(sorted(day for day, use in uses.items() if use in wanted))


def _learns_alike(one: ModelSpec, other: ModelSpec) -> bool:
    return (set(one.tags), one.train_days, one.background_days) == (set(other.tags), other.train_days, other.background_days)
