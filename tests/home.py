"""A home for the graph: in a folder with SQLite, or on S3 with PostgreSQL."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pytest
from filelock import FileLock

from assets.operations import CAPTURE_DAY
from pipeline.definitions import build_definitions
from pipeline.run import Materialized, materialize
from resources import (
    AlertsResource,
    BackupResource,
    CatalogResource,
    CollectionResource,
    DownloadsResource,
    LakeResource,
    SpeechResource,
    StudioResource,
)
from soundmill.audio import to_pcm16, wav_bytes
from soundmill.catalog import Annotations, Catalog, Ledger, ModelRegistry
from soundmill.formats.annotation import Annotation
from soundmill.lake import Lake
from soundmill.osr.spec import ModelSpec
from soundmill.scene import LABELLED, RATE, SLOT, rain
from soundmill.settings import Settings
from tests.catalogs import sqlite_in

FIRST = date(2025, 1, 1)
DAYS = tuple(FIRST + timedelta(days=n) for n in range(3))
DAY_NAMES = [asset.key.to_user_string() for asset in CAPTURE_DAY]
BEFORE_MODEL = [name for name in DAY_NAMES if name not in {"detections", "new_sounds", "sound_overview"}]

KINDS = ("doorbell", "kettle", "knocking")


@dataclass
class Home:
    """Everything the graph stands on, and short ways to use it."""

    resources: dict[str, Any]
    instance: dg.DagsterInstance
    defs: dg.Definitions = field(init=False)

    def __post_init__(self) -> None:
        self.rebuild()

    def rebuild(self) -> None:
        """Builds the graph on the resources as they are now."""
        self.defs = build_definitions(Settings(_env_file=None), self.resources)

    @property
    def days(self) -> list[str]:
        """Keys of all daily partitions."""
        return list(self.resources["collection"].days.get_partition_keys())

    @property
    def lake(self) -> Lake:
        return self.resources["lake"].open()

    @property
    def catalog(self) -> Catalog:
        return self.resources["catalog"].open()

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.catalog)

    def run(
        self, *names: str, days: tuple[date, ...] = (), model: str | None = None, round: str | None = None, release: str | None = None
    ) -> dict[tuple[str, str | None], dict[str, Any]]:
        done: list[Materialized] = materialize(
            self.defs, self.instance, names, days=days, name=model or round or release, log_level="CRITICAL"
        )
        return {(one.asset, one.partition): one.metadata for one in done}

    def stored(self, *folders: str) -> dict[str, bytes]:
        return {
            entry.path: self.lake.read_bytes(entry.path) for folder in folders or ("audio", "tables") for entry in self.lake.files(folder)
        }

    def land_day(self, day: date, kinds: tuple[str, ...] = KINDS, each: int = 4, hour: int = 9) -> None:
        land_day(self.lake, self.catalog, day, kinds, each, hour)

    def define(self, name: str = "house", **spec: Any) -> None:
        ModelRegistry(self.catalog).define(name, ModelSpec(**spec).model_dump(mode="json"))


def land_day(lake: Lake, catalog: Catalog, day: date, kinds: tuple[str, ...] = KINDS, each: int = 4, hour: int = 9) -> None:
    """A short recording of a day: a few sounds of each kind, labelled, and rain between."""
    rng = np.random.default_rng([day.toordinal(), hour])
    slots, labels = [], []
    began = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
    for kind in [kind for kind in kinds for _ in range(each)]:
        sound = LABELLED[kind](rng)[:SLOT]
        start = began + timedelta(seconds=len(slots) * SLOT / RATE)
        labels.append(Annotation("mic", start, start + timedelta(seconds=len(sound) / RATE), kind, "test"))
        slots += [np.pad(sound, (0, SLOT - len(sound))), rain(rng)[:SLOT]]
    lake.write_bytes(f"landing/mic/{day}/{began:%Y%m%dT%H%M%S}Z.wav", wav_bytes(to_pcm16(np.concatenate(slots)), RATE))
    Annotations(catalog).add(labels)


def build(home: Home, each: int = 4) -> None:
    """Three days, a model of the first two, its report, and detections."""
    for day in DAYS:
        home.land_day(day, each=each)
    home.define(train_days=DAYS[:2], test_days=DAYS[2:])
    home.run(*BEFORE_MODEL, days=DAYS)
    home.run("osr_model", "evaluation_report", model="house")
    home.run("detections", days=DAYS)


def _resources(lake_url: str, endpoint: str, catalog_url: str, folder: Path) -> dict[str, Any]:
    return {
        "lake": LakeResource(url=lake_url, s3_endpoint=endpoint),
        "catalog": CatalogResource(url=catalog_url),
        "collection": CollectionResource(extractors=["pooled_spectral"]),
        "fetching": DownloadsResource(spool=str(folder / "spool" / "downloads"), allow=["127.0.0.1"]),
        "speech": SpeechResource(vosk_model=str(folder / "no-model")),
        "backup": BackupResource(),
        "alerts": AlertsResource(),
        "studio": StudioResource(),
    }


def home_in(folder: Path) -> Iterator[Home]:
    """A home of which everything, what Dagster knows included, lies in a folder."""
    resources = _resources(str(folder / "lake"), "", sqlite_in(folder), folder)
    (folder / "dagster").mkdir(parents=True, exist_ok=True)
    with dg.DagsterInstance.local_temp(str(folder / "dagster")) as instance:
        yield Home(resources, instance)


@pytest.fixture
def home(s3_url: str, s3_endpoint: str, postgres_url: str, tmp_path: Path) -> Iterator[Home]:
    """A home on S3 with PostgreSQL: what runs here runs in a folder with SQLite too, on which the other tests run."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield Home(_resources(s3_url, s3_endpoint, postgres_url, tmp_path), instance)


@pytest.fixture
def local_home(tmp_path: Path) -> Iterator[Home]:
    """A home in a folder, for tests to which the storage makes no difference."""
    resources = _resources(str(tmp_path / "lake"), "", sqlite_in(tmp_path), tmp_path)
    with dg.DagsterInstance.ephemeral() as instance:
        yield Home(resources, instance)


@pytest.fixture
def instance_home(tmp_path: Path) -> Iterator[Home]:
    """A home whose Dagster instance other processes and sensors can open, too."""
    yield from home_in(tmp_path)


@pytest.fixture(scope="session")
def _built(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """The folder of a built home, made once for all workers of a test run."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if hasattr(request.config, "workerinput") else base) / "built-home"
    with FileLock(f"{folder}.lock"):
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            for fresh in home_in(folder):
                build(fresh)
                fresh.catalog.close()
            (folder / "complete").touch()
    return folder


@pytest.fixture
def built_home(_built: Path, tmp_path: Path) -> Iterator[Home]:
    """A copy of a home with three days, a model, its report and detections."""
    folder = tmp_path / "built"
    shutil.copytree(_built, folder)
    yield from home_in(folder)
