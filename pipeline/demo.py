"""The demo: a scene with known truth through the whole graph, and a table of what was found."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

import numpy as np
import pyarrow.compute as pc
import soundfile as sf
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from assets.operations import AFTER_THE_MODEL, BEFORE_THE_MODEL
from pipeline.definitions import build_definitions
from pipeline.run import Materialized, RunFailed, instance_of, materialize
from resources import resources_from
from soundmill.capture import land
from soundmill.capture.landing import LANDING
from soundmill.catalog import DEMO, Annotations, AudioCollection, Catalog, DownloadQueue, Ledger, ModelRegistry, Wanted, open_catalog
from soundmill.errors import SceneRefused
from soundmill.formats.annotation import Annotation
from soundmill.ingest.pairs import AGENT, CUSTOMER, PAIRS
from soundmill.lake import Lake, open_lake
from soundmill.osr.detections import DETECTIONS
from soundmill.osr.spec import OTHER, ModelSpec
from soundmill.scene import BACKGROUND, RATE, SLOT, Event, Recording, Scene, from_clips, household, telephone_call, truth_of
from soundmill.settings import Settings
from soundmill.times import midnight, parse_day, to_ms
from soundmill.workflows.training import is_demo

_CALLS = f"{DEMO}-call-"
_CONSOLE = Console(stderr=True)


class DemoRefused(RuntimeError):
    """The demo cannot run here; why, in one line."""


def run_demo(settings: Settings, clips: Path | None, day_count: int) -> dict[str, Any]:
    """Builds the scene, lands and labels it, runs the graph over its days, and prints and returns what was found."""
    began = time.monotonic()
    lake = open_lake(settings.lake_url, settings.s3_endpoint)
    try:
        scene = _scene(lake, settings.start_date, clips, day_count)
    except SceneRefused as error:
        raise DemoRefused(str(error)) from None
    catalog = open_catalog(settings.catalog_url)
    registry, collection = ModelRegistry(catalog), AudioCollection(catalog)
    champion = registry.champion()
    if champion is not None and not is_demo(champion.name):
        raise DemoRefused(f"this home has its own champion, {champion.name!r}; give the demo another: SOUNDMILL_HOME=.demo soundmill demo")
    for prefix in (f"{LANDING}/{scene.name}/", f"downloads/{_CALLS}"):
        collection.set_apart(prefix, DEMO)
    on_loopback = settings.model_copy(update={"download_allow": f"{settings.download_allow},127.0.0.1"})
    defs = build_definitions(settings, {"fetching": resources_from(on_loopback)["fetching"]})
    with instance_of(settings) as instance, progress_bars() as bars, _calls_on_a_server(scene, catalog):
        events = _land(bars, scene, lake, catalog)
        spec = ModelSpec(
            extractor=settings.extractor_names[0],
            tags=scene.known_tags,
            train_days=scene.train_days,
            test_days=(scene.test_day,),
            sources=(scene.name,),
            time_of_day=clips is None,  # a clip from a collection says nothing about the hour
        )
        registry.define(scene.name, spec.model_dump(mode="json"))
        steps = bars.add_task("running the asset graph", total=4)

        def step(text: str, names: list[str], **partitions: Any) -> list[Materialized]:
            bars.update(steps, description=text)
            try:
                done = materialize(defs, instance, names, log_level="ERROR", **partitions)
            except RunFailed as error:
                raise DemoRefused(f"{text} failed: {error}") from None
            bars.advance(steps)
            return done

        step("segments and features, day by day", ["downloads", *BEFORE_THE_MODEL], days=scene.days)
        evaluated = step("the recogniser and its evaluation", ["osr_model", "evaluation_report"], name=scene.name)
        fit = registry.current(scene.name)
        if not fit.champion:
            registry.promote(fit.name, fit.version, "the demo's own")
        step("detections, day by day", AFTER_THE_MODEL, days=scene.days)
        step("progress of the collection", ["collection_progress"])
        bars.update(steps, description="ran the asset graph")
    result = _result(settings, scene, events, lake, catalog, round(time.monotonic() - began, 1))
    result["evaluation_recall"] = evaluated[-1].metadata["delivered_recall"]
    _print(result, scene)
    return result


def _scene(lake: Lake, earliest: date, clips: Path | None, day_count: int) -> Scene:
    """The scene on the last days before today, which the UI's plots show; on the days it landed on, if it ran here before."""

    def on_days_from(first: date) -> Scene:
        return from_clips(clips, first, day_count) if clips else household(first, day_count)

    scene = on_days_from(max(earliest, datetime.now(UTC).date() - timedelta(days=day_count)))
    landed = [parse_day(name) for name in lake.folders(f"{LANDING}/{scene.name}")]
    return on_days_from(min(landed)) if landed else scene


def _land(bars: Progress, scene: Scene, lake: Lake, catalog: Catalog) -> list[Event]:
    """Lands the scene in the ways that audio comes, and adds its labels; returns every event, labelled or not."""
    task = bars.add_task("building and landing the scene", total=scene.recording_count)
    events: list[Event] = []
    with TemporaryDirectory(prefix="soundmill-demo-") as folder:
        for number, recording in enumerate(scene.recordings()):
            for name, samples, began in _files(number, recording):
                path = Path(folder) / name
                sf.write(path, samples, RATE, subtype="PCM_16" if name.endswith(("wav", "flac")) else None)
                land(lake, path, scene.name, began)
                path.unlink()
            events.extend(recording.events)
            bars.advance(task)
        broken = Path(folder) / "notes.wav"  # a file that is no audio: the day goes on without it
        broken.write_bytes(b"09:00 changed the battery\n")
        land(lake, broken, scene.name, midnight(scene.days[0]))
    Annotations(catalog).add(Annotation(scene.name, e.start, e.end, e.tag, "demo") for e in events if e.labelled)
    return events


@contextmanager
def _calls_on_a_server(scene: Scene, catalog: Catalog) -> Iterator[None]:
    """A telephone call for each day on a web server on this machine, both sides asked for: in two files, or as one in stereo."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    with (
        TemporaryDirectory(prefix="soundmill-demo-") as folder,
        ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server,
    ):
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        queue = DownloadQueue(catalog)
        for number, day in enumerate(scene.days):
            call, name = telephone_call(np.random.default_rng(number)), f"{_CALLS}{day}"
            if number % 2:
                sf.write(f"{folder}/{name}.flac", call, RATE, subtype="PCM_16")
                wanted = [Wanted(name, f"{AGENT}+{CUSTOMER}", f"{url}/{name}.flac")]
            else:
                for side, samples in zip((AGENT, CUSTOMER), call.T, strict=True):
                    sf.write(f"{folder}/{name}-{side}.wav", samples, RATE, subtype="PCM_16")
                wanted = [Wanted(name, side, f"{url}/{name}-{side}.wav") for side in (AGENT, CUSTOMER)]
            queue.add(wanted, midnight(day) + timedelta(hours=9))
        yield
        server.shutdown()


def _files(number: int, recording: Recording) -> Iterator[tuple[str, Any, datetime]]:
    """A recording as it might come: every third as the segments that an edge device sends, the others whole."""
    if number % 3 == 0:
        for offset in range(0, len(recording.samples), SLOT):
            moment = recording.started_at + timedelta(seconds=offset / RATE)
            yield f"{to_ms(moment)}.wav", recording.samples[offset : offset + SLOT], moment
    else:
        yield f"{recording.started_at:%Y%m%dT%H%M%S}Z.{'flac' if number % 3 == 1 else 'wav'}", recording.samples, recording.started_at


def _result(settings: Settings, scene: Scene, events: list[Event], lake: Lake, catalog: Catalog, seconds: float) -> dict[str, Any]:
    registry = ModelRegistry(catalog)
    fit = registry.current(scene.name)
    mine = (pc.field("model") == fit.name) & (pc.field("version") == fit.version) & (pc.field("source") == scene.name)
    detected = lake.read_days(DETECTIONS, [scene.test_day], where=mine)
    truth = truth_of(
        detected["started_at"].to_pylist(), detected["seconds"].to_pylist(), [e for e in events if e.start.date() == scene.test_day]
    )
    pairs = list(zip(truth, detected["tag"].to_pylist(), strict=True))
    states: Counter[str] = Counter()
    hours = 0.0
    for count in Ledger(catalog).counts():
        if count.source == scene.name:
            states[count.state] += count.items
            hours += count.seconds / 3600
    pairs_there = lake.read_days(PAIRS, scene.days)
    unknown = [name for true, name in pairs if true in scene.never_labelled]
    background = [name for true, name in pairs if true == BACKGROUND]
    return {
        "days": [day.isoformat() for day in scene.days],
        "test_day": scene.test_day.isoformat(),
        "segments": states["ready"],
        "hours": round(hours, 4),
        "seconds": seconds,
        "model": {"name": fit.name, "version": fit.version},
        "extractor": (fit.card or {})["spec"]["extractor"],
        "per_tag": {tag: _scores(tag, pairs) for tag in scene.known_tags},
        "unknown": {"rejected": sum(name == OTHER for name in unknown), "support": len(unknown), "kinds": list(scene.never_labelled)},
        "background": {"rejected": sum(name == OTHER for name in background), "support": len(background)},
        "report": lake.address(f"reports/{fit.name}/{fit.version}/report.html"),
        "states": dict(states),
        "calls": {"pairs": len(pairs_there), "agree": sum(pairs_there["agrees"].to_pylist())},
        "home": str(settings.home.absolute()),
    }


def _scores(tag: str, pairs: list[tuple[str, str]]) -> dict[str, float | int | None]:
    hits = sum(true == name == tag for true, name in pairs)
    named, support = sum(name == tag for _, name in pairs), sum(true == tag for true, _ in pairs)
    return {
        "precision": round(hits / named, 4) if named else None,
        "recall": round(hits / support, 4) if support else None,
        "support": support,
    }


def _print(result: dict[str, Any], scene: Scene) -> None:
    out = Console()

    def say(line: str = "") -> None:
        out.print(line, highlight=False, soft_wrap=True)

    days, calls, states = result["days"], result["calls"], result["states"]
    say()
    say(
        f"Soundmill made {len(days)} days of sound ({days[0]} to {days[-1]}), put it where recordings land, "
        f"and cut {result['hours']:.2f} hours into {states.get('ready', 0)} segments. "
        f"It fetched {calls['pairs']} telephone calls by URL; agent and customer match in {calls['agree']}. "
        "One file was no audio, on purpose: it is in quarantine, and its day is done all the same."
    )
    say(
        f"It trained the model {result['model']['name']} on {', '.join(map(str, scene.train_days))}, then had it name every segment of "
        f"{result['test_day']}, which was not used for training:"
    )
    table = Table()
    for name in ("sound", "segments", "precision", "recall"):
        table.add_column(name, justify="left" if name == "sound" else "right")
    for tag, row in result["per_tag"].items():
        table.add_row(tag, str(row["support"]), _share(row["precision"]), _share(row["recall"]))
    out.print(table)
    say(
        "The table counts segments of three seconds, each as the sound that fills half a second of it. The evaluation page judges the "
        f"labelled sounds themselves, cut out from start to end: there the mean recall is {result['evaluation_recall']:.2f}."
    )
    unknown, background = result["unknown"], result["background"]
    say(f"It should call all else “{OTHER}”:")
    say(f"  {unknown['rejected']} of {unknown['support']} segments of sounds it was not trained on: {', '.join(scene.never_labelled)}")
    say(f"  {background['rejected']} of {background['support']} segments of background: rain, babble, the room")
    say(f"All of it took {result['seconds']:.0f} s.")
    say()
    used = result["extractor"]
    better = "" if used == "mn04" else "; a network of 4 MB recognises more of real sound: soundmill pretrained fetch mn04"
    say(f"The recogniser heard by {used}{better}.")
    say("What to do next:")
    say(f"  1. Open the evaluation, with the mistakes to listen to: {result['report']}")
    say("  2. See the runs and pictures: make dev, then http://localhost:3000 (the studio: http://localhost:8000)")
    say("  3. Use your own sounds, one folder for each class: soundmill demo --clips FOLDER, or see README.md for a microphone")


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


@contextmanager
def progress_bars() -> Iterator[Progress]:
    """Bars on standard error, one for each task."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=_CONSOLE) as bars:
        yield bars
