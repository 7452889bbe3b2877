"""Model versions where registry and lake meet: where their files lie, loading, promoting and deleting them."""

from datetime import date
from typing import TYPE_CHECKING, Any

from soundmill.catalog import DEMO, Catalog, ModelRegistry, ModelVersion, lease
from soundmill.errors import LeaseLost
from soundmill.lake import Lake
from soundmill.osr.selection import DataChoice

if TYPE_CHECKING:
    from soundmill.osr.recogniser import Recogniser


def is_demo(name: str) -> bool:
    """Whether a model is the demo's: it gives way to the first model of one's own, and is compared with none."""
    return name.startswith(DEMO)


def model_folder(version: ModelVersion) -> str:
    """Where a version's files lie below the lake's root."""
    return f"models/{version.name}/{version.version}"


def model_path(version: ModelVersion) -> str:
    """Where a version's recogniser lies below the lake's root."""
    return f"{model_folder(version)}/model.skops"


def report_folder(version: ModelVersion) -> str:
    """Where a version's evaluation lies below the lake's root."""
    return f"reports/{version.name}/{version.version}"


def load_version(lake: Lake, version: ModelVersion) -> "Recogniser":
    """A version's recogniser. Raises `NotInLake`, `UntrustedModel`."""
    from soundmill.osr.recogniser import load_model

    return load_model(lake.read_bytes(model_path(version)))


def promote_model(catalog: Catalog, name: str, because: str, version: int | None = None) -> ModelVersion:
    """Makes a version (that of the newest fit when left out) the champion, in place of the one before. Raises `UnknownModel`."""
    registry = ModelRegistry(catalog)
    return registry.promote(name, registry.current(name).version if version is None else version, because)


def delete_model(lake: Lake, catalog: Catalog, name: str) -> list[ModelVersion]:
    """Deletes a model with its versions and their files; detections and reports stay. Returns the versions. Raises `UnknownModel`, and
    `LeaseLost` while it is being fitted."""
    ModelRegistry(catalog).spec(name)
    try:
        with lease(catalog, f"osr_model/{name}", wait=0):
            versions = ModelRegistry(catalog).delete(name)
            for entry in list(lake.files(f"models/{name}")):
                lake.delete(entry.path)
            return versions
    except LeaseLost:
        raise LeaseLost(f"{name!r} is being fitted: delete it when its run has ended") from None


def days_of(card: dict[str, Any]) -> DataChoice:
    """The days that a fit used, by its card."""
    train, test, background = (
        tuple(date.fromisoformat(day) for day in card["data"][key]) for key in ("train_days", "test_days", "background_days")
    )
    spared = card["spec"].get("test_background_days")
    return DataChoice(train, test, background, None if spared is None else tuple(date.fromisoformat(day) for day in spared))
