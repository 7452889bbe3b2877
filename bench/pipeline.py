"""What the pipeline itself costs: loading the code location, a tick over a full landing area, a day that is already done."""

import statistics
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg
import numpy as np

from bench.measure import wall_ms

_DAY = date(2025, 1, 1)
_SEGMENTS = 2000
_WHOLE_DAY = 28_800  # segments of a microphone that is never silent


def lines() -> Iterator[str]:
    """One line for each figure."""
    yield _line("importing the code location beyond import dagster", _import_seconds(), 1.5)
    with TemporaryDirectory(prefix="soundmill-bench-") as name:
        yield _line("a tick of new_audio over 100,000 landed files", _tick_seconds(Path(name)), 1.0)
    with TemporaryDirectory(prefix="soundmill-bench-") as name:
        first, again, empty, detected = _day_seconds(Path(name))
        yield f"{f'a day of {_SEGMENTS} segments, first time':<52} {first:8.2f} s   {3.0012 * _SEGMENTS / first:.0f} times real time"
        yield _line("the same day again, beyond a run that does nothing", again - empty, 2.0)
        yield _line(f"{_WHOLE_DAY:,} segments through features and detections", detected * _WHOLE_DAY / _SEGMENTS, 240.0)


def _line(what: str, seconds: float, most: float) -> str:
    return f"{what:<52} {seconds:8.2f} s   target {most:.1f} s  {'ok' if seconds <= most else 'SHORT'}"


def _import_seconds() -> float:
    script = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"

    def once(module: str) -> float:
        return float(subprocess.run([sys.executable, "-c", script.format(module)], capture_output=True, text=True, check=True).stdout)

    pairs = [(once("dagster"), once("pipeline.definitions")) for _ in range(5)]
    return statistics.median(ours for _, ours in pairs) - statistics.median(bare for bare, _ in pairs)


def _tick_seconds(root: Path) -> float:
    from resources import CatalogResource, LakeResource
    from sensors.sensors import new_audio

    folder = root / "lake" / "landing" / "mic" / _DAY.isoformat()
    folder.mkdir(parents=True)
    for number in range(100_000):
        (folder / f"{1735689600000 + number}.wav").touch()
    resources = {"lake": LakeResource(url=str(root / "lake")), "catalog": CatalogResource(url=f"sqlite:///{root / 'catalog.db'}")}

    def tick() -> None:
        with dg.instance_for_test() as instance, dg.build_sensor_context(instance=instance, resources=resources) as context:
            new_audio(context)

    def nothing() -> None:
        with dg.instance_for_test() as instance, dg.build_sensor_context(instance=instance):
            pass

    return (wall_ms(tick, 5) - wall_ms(nothing, 5)) / 1000


def _day_seconds(root: Path) -> tuple[float, float, float, float]:
    from pipeline.definitions import build_definitions
    from pipeline.run import materialize
    from resources import CatalogResource, LakeResource
    from soundmill.audio import wav_bytes
    from soundmill.settings import Settings
    from soundmill.times import midnight, to_ms

    folder = root / "lake" / "landing" / "mic" / _DAY.isoformat()
    folder.mkdir(parents=True)
    noise = np.random.default_rng(0).integers(-8000, 8000, 132_352 * 3).astype(np.int16)
    for number in range(_SEGMENTS):
        moment = to_ms(midnight(_DAY)) + 3001 * number
        (folder / f"{moment}.wav").write_bytes(wav_bytes(noise[number : number + 132_352], 44_100))
    resources = {"lake": LakeResource(url=str(root / "lake")), "catalog": CatalogResource(url=f"sqlite:///{root / 'catalog.db'}")}
    defs = build_definitions(Settings(home=root, _env_file=None), resources)
    chain = ["captured_segments", "capture_coverage", "segment_features", "detections"]
    with dg.instance_for_test() as instance:

        def run(day: date) -> None:
            materialize(defs, instance, chain, days=[day], log_level="CRITICAL")

        run(date(2025, 1, 9))  # imports
        first = wall_ms(lambda: run(_DAY), 1)
        again, empty = wall_ms(lambda: run(_DAY), 3), wall_ms(lambda: run(date(2025, 1, 9)), 3)
        crown(root)
        for table in (root / "lake" / "tables" / "segment_features").rglob("*.parquet"):
            table.unlink()
        detected = wall_ms(lambda: materialize(defs, instance, chain[2:], days=[_DAY], log_level="CRITICAL"), 1)
        return first / 1000, again / 1000, empty / 1000, detected / 1000


def crown(root: Path) -> None:
    """A champion on pooled spectra, fitted to noise: what it says does not matter here."""
    from soundmill.catalog import ModelRegistry, open_catalog
    from soundmill.features.registry import extractor
    from soundmill.lake import open_lake
    from soundmill.osr.classifier import OpenSetClassifier
    from soundmill.osr.open_set import OpenSet
    from soundmill.osr.recogniser import dump_model
    from soundmill.osr.sounds import Sounds
    from soundmill.osr.spec import ModelSpec

    tool, count = extractor("pooled_spectral"), 200
    vectors = np.random.default_rng(0).normal(size=(count, tool.size)).astype(np.float32)
    tags = tuple(f"tag {n % 6}" for n in range(count))
    training = Sounds(tags, vectors, np.arange(count), np.zeros(count), np.zeros(count), tags)
    registry = ModelRegistry(open_catalog(f"sqlite:///{root / 'catalog.db'}"))
    spec = ModelSpec().model_dump(mode="json")
    registry.define("bench", spec)
    fit = registry.begin("bench", "bench")
    with open_lake(str(root / "lake")).writer("models/bench/1/model.skops") as file:
        dump_model(OpenSet(OpenSetClassifier(blocks=[size for _, size in tool.groups])).fit(training), file)
    registry.finish("bench", fit.version, {"spec": spec, "tags": list(training.tags)})
