"""All models at a glance: what each is defined as, its versions, and the figures by which they are compared."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from soundmill.catalog import Catalog, ModelRegistry, ModelVersion
from soundmill.errors import NoReport
from soundmill.lake import Lake
from soundmill.osr.evaluation import Headline
from soundmill.workflows.training.models import model_folder, model_path, report_folder
from soundmill.workflows.training.reports import read_report, read_summary

_MOST_VERSIONS = 30  # of a model, the newest, and the champion


@dataclass(frozen=True)
class VersionNow:
    """A fitted version.

    spec        what it was fitted as, with the days that it was really trained and tested on
    support     training sounds by tag
    headline    figures on its test days, with 95 % intervals by name; None where it has not been evaluated
    promotion   what became of its candidacy, in words
    because     why it is the champion, or was
    """

    version: int
    champion: bool
    fitted_at: datetime
    spec: dict[str, Any]
    support: dict[str, int]
    train_days: list[str]
    test_days: list[str]
    background_days: list[str]
    background_segments: int
    headline: Headline | None
    intervals: dict[str, tuple[float, float]]
    promotion: str
    because: str


@dataclass(frozen=True)
class ModelNow:
    """A model as it is defined, since when, and its versions, the newest first."""

    name: str
    spec: dict[str, Any]
    defined_at: datetime
    versions: list[VersionNow]


def models_now(lake: Lake, catalog: Catalog) -> list[ModelNow]:
    """All models, that of the champion first, then by name."""
    registry = ModelRegistry(catalog)
    by_name: dict[str, list[ModelVersion]] = {}
    for version in registry.versions():
        if version.card is not None:
            by_name.setdefault(version.name, []).insert(0, version)
    found = [
        ModelNow(name, spec, defined_at, [_version(lake, one) for one in _shown(by_name.get(name, []))])
        for name, (spec, defined_at) in registry.defined().items()
    ]
    return sorted(found, key=lambda one: (not any(version.champion for version in one.versions), one.name))


def files_of(lake: Lake, version: ModelVersion) -> dict[str, str]:
    """What there is of a version to keep, by the name of the file: where each lies in the lake."""
    report = report_folder(version)
    wanted = {
        "card.md": f"{model_folder(version)}/card.md",
        "card.json": f"{model_folder(version)}/card.json",
        "model.skops": model_path(version),
        "report.html": f"{report}/report.html",
        "evaluation.json": f"{report}/evaluation.json",
    }
    return {name: path for name, path in wanted.items() if lake.exists(path)}


def predictions_csv(lake: Lake, version: ModelVersion) -> bytes:
    """Every test sound with what it is and what was predicted, as CSV. Raises `NoReport`."""
    table = read_report(lake, version).table
    if table is None:
        raise NoReport(f"{version.name} {version.version} was evaluated before predictions were kept: materialise evaluation_report again")
    frame = table.drop_columns(["margins", "group"]).to_pandas()
    frame["margin"] = [max(row) for row in table["margins"].to_pylist()]
    text: str = frame.to_csv(index=False, date_format="%Y-%m-%dT%H:%M:%S.%fZ", float_format="%.4f")
    return text.encode()


def _shown(versions: list[ModelVersion]) -> list[ModelVersion]:
    return [one for place, one in enumerate(versions) if place < _MOST_VERSIONS or one.champion]


def _version(lake: Lake, version: ModelVersion) -> VersionNow:
    data = (version.card or {})["data"]
    try:
        report = read_summary(lake, version)
    except NoReport:
        report = None
    return VersionNow(
        version.version,
        version.champion,
        version.created_at,
        {**(version.card or {})["spec"], **{name: data[name] for name in ("train_days", "test_days")}},
        data["support"],
        data["train_days"],
        data["test_days"],
        data["background_days"],
        data["background_segments"],
        report.headline if report else None,
        report.intervals if report else {},
        report.promotion if report else "",
        version.promoted_because or "",
    )
