"""Real clips through capture, live detection and the asset graph: one verdict, however it comes about."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from typer.testing import CliRunner

from sensors.sensors import new_audio
from soundmill.audio import read_samples, to_pcm16, wav_bytes
from soundmill.capture import Segmenter
from soundmill.capture.outbox import Landing
from soundmill.capture.recorder import RecordedSegment, Recorder
from soundmill.capture.ring import Block
from soundmill.capture.sources import FileSource
from soundmill.capture.station import Station
from soundmill.capture.switch import Switch
from soundmill.catalog import Annotations, LiveDetection, LiveRecord, ModelRegistry
from soundmill.cli import app
from soundmill.errors import NoChampion
from soundmill.formats.annotation import Annotation
from soundmill.osr.detections import DETECTIONS
from soundmill.osr.spec import OTHER
from soundmill.workflows.live import Detector, Follower
from tests.conftest import RATE, wait_until
from tests.home import Home, home_in
from tests.sensors.test_sensors import asked, tick

KINDS = ("001 - Dog bark", "004 - Baby cry", "009 - Rooster")
DAYS = tuple(date(2025, 1, n) for n in (1, 2, 3))
BEFORE = ("captured_segments", "annotations", "segment_features", "annotation_features")


def stream(data: Path, day: int, rng: np.random.Generator) -> tuple[np.ndarray, list[tuple[str, float, float]]]:
    """Clips at known times in a room that is never quite silent; no source of a clip is on two days."""
    parts: list[np.ndarray] = []
    truth = []
    at = 0
    for number in range(8):
        for kind in KINDS:
            clips = sorted((data / "esc10" / kind).iterdir())
            sound, _ = read_samples(clips[day * 12 + number], RATE)
            sound = np.trim_zeros(sound)[: 4 * RATE]
            pause = rng.normal(0, 0.002, rng.integers(2 * RATE, 5 * RATE)).astype(np.float32)
            parts += [pause, sound]
            truth.append((kind[6:], (at + len(pause)) / RATE, (at + len(pause) + len(sound)) / RATE))
            at += len(pause) + len(sound)
    return to_pcm16(np.concatenate(parts)), truth


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Home, Path, list[tuple[str, float, float]]]]:
    """A home with a champion trained on two days of such streams, and a third day's stream that is new."""
    folder = tmp_path_factory.mktemp("live")
    for home in home_in(folder):
        rng = np.random.default_rng(0)
        for number, day in enumerate(DAYS[:2]):
            samples, truth = stream(data, number, rng)
            began = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
            home.lake.write_bytes(f"landing/mic/{day}/{began:%Y%m%dT%H%M%S}Z.wav", wav_bytes(samples, RATE))
            marks = [(tag, began + timedelta(seconds=start), began + timedelta(seconds=end)) for tag, start, end in truth]
            Annotations(home.catalog).add(Annotation("mic", start, end, tag, "test") for tag, start, end in marks)
        home.run(*BEFORE, days=DAYS[:2])
        home.define("farm", train_days=DAYS[:2], test_days=DAYS[2:])
        home.run("osr_model", model="farm")
        samples, truth = stream(data, 2, rng)
        sf.write(folder / "20250103T090000Z.wav", samples, RATE, subtype="PCM_16")
        yield home, folder, truth


def detector(home: Home) -> Detector:
    return Detector(home.lake, ModelRegistry(home.catalog), Segmenter(), home.resources["collection"].zone)


def captured(home: Home, folder: Path, source: str) -> None:
    switch = Switch(folder / f"{source}.state.json")
    switch.set(True)
    file = FileSource(folder / "20250103T090000Z.wav", RATE, datetime(2025, 1, 3, 9, tzinfo=UTC), 0)
    store = Landing(home.lake, source, 0)
    Station(source, "file", lambda attempt: file, store, switch, folder / f"{source}.status.json").run()


def test_live_detections_are_the_asset_s_and_events_are_the_sounds(trained: tuple[Home, Path, list[tuple[str, float, float]]]) -> None:
    home, folder, truth = trained
    record = LiveRecord(home.catalog)
    since = datetime(2025, 1, 3, tzinfo=UTC)
    told: list[LiveDetection] = []
    follower = Follower(home.lake, record, detector(home), ("farmyard",), since, folder / "l.json", lambda one, events: told.append(one))
    thread = threading.Thread(target=follower.run)
    thread.start()
    captured(home, folder, "farmyard")
    wait_until(lambda: follower.status.detected and not follower.status.backlog, 60)
    follower.end()
    thread.join(60)
    assert "2025-01-03" in asked(tick(new_audio, home))  # as the daemon's sensor does
    home.run("captured_segments", "segment_features", "detections", days=DAYS[2:])
    rows = [row for row in home.lake.read_days(DETECTIONS, DAYS[2:]).to_pylist() if row["source"] == "farmyard"]
    live = {one.key: one for one in record.detections(since, "farmyard")}
    assert len(rows) == len(live) == len(told)
    for row in rows:
        one = live[row["key"]]
        assert (one.tag, one.model, one.version, one.started_at) == (row["tag"], row["model"], row["version"], row["started_at"])
        assert one.score == pytest.approx(row["score"], abs=1e-4)
        assert one.probability == pytest.approx(row["probability"], abs=1e-5)
    events = record.events(since, "farmyard")
    found = 0
    for tag, start, end in truth:
        begin, stop = since + timedelta(hours=9, seconds=start), since + timedelta(hours=9, seconds=end)
        found += any(event["tag"] == tag and event["onset"] < stop and event["offset"] > begin for event in events)
    wrong = 0
    for event in events:
        begin, stop = ((event[name] - since).total_seconds() - 9 * 3600 for name in ("onset", "offset"))
        wrong += not any(event["tag"] == tag and begin < end and stop > start for tag, start, end in truth)
    assert found >= 0.5 * len(truth)
    assert wrong <= 0.25 * len(events)
    assert {row["tag"] for row in rows} > {OTHER}


def test_a_file_is_reported_event_by_event(trained: tuple[Home, Path, list[tuple[str, float, float]]]) -> None:
    _, folder, truth = trained
    done = CliRunner().invoke(app, ["detect", str(folder / "20250103T090000Z.wav"), "--json"], env={"SOUNDMILL_HOME": str(folder)})
    assert done.exit_code == 0, done.output
    events = json.loads(done.stdout)
    found = [any(one["tag"] == tag and one["onset"] < end and one["offset"] > start for one in events) for tag, start, end in truth]
    assert sum(found) >= 0.5 * len(truth)
    assert [one["onset"] for one in events] == sorted(one["onset"] for one in events)


def test_a_restart_repeats_nothing_and_a_new_champion_takes_over_at_once(
    trained: tuple[Home, Path, list[tuple[str, float, float]]],
) -> None:
    home, folder, _ = trained
    record, since = LiveRecord(home.catalog), datetime(2025, 1, 3, tzinfo=UTC)
    captured(home, folder, "porch")
    first = Follower(home.lake, record, detector(home), ("porch",), since)
    assert first.step() == 50  # the rest is a backlog, caught up with step by step
    assert first.status.backlog > 0
    again = Follower(home.lake, record, detector(home), ("porch",), since)
    again.end()
    again.run()
    keys = [one.key for one in record.detections(since, "porch")]
    assert len(keys) == len(set(keys)) == 50 + again.status.detected
    listening = detector(home)
    third = Follower(home.lake, record, listening, ("shed",), since)
    assert third.step() == 0
    home.define("farm", train_days=DAYS[:1], test_days=DAYS[2:])
    home.run("osr_model", model="farm")
    ModelRegistry(home.catalog).promote("farm", 2, "to see")
    try:
        captured(home, folder, "shed")
        wait_until(lambda: listening.champion().version == 2, 10)
        third.end()
        third.run()
        assert {one.version for one in record.detections(since, "shed")} == {2}
    finally:
        ModelRegistry(home.catalog).promote("farm", 1, "as it was")


def test_what_could_not_be_stored_is_detected_all_the_same(trained: tuple[Home, Path, list[tuple[str, float, float]]]) -> None:
    home, folder, _ = trained
    record, since = LiveRecord(home.catalog), datetime(2025, 1, 3, tzinfo=UTC)
    samples, _ = sf.read(folder / "20250103T090000Z.wav", dtype="int16", stop=132_352 * 3)
    follower = Follower(home.lake, record, detector(home), ("attic",), since)
    recorder = Recorder(RATE, started_at=since)
    for one in recorder.feed(Block(samples, 0)):
        assert isinstance(one, RecordedSegment)
        follower.submit("attic", one)
    assert follower.step() == 3
    assert record.detections(since, "attic")[0].key.startswith("landing/attic/2025-01-03/")


def test_what_is_no_sound_is_passed_over_and_without_a_champion_it_says_so(local_home: Home, tmp_path: Path) -> None:
    since = datetime(2025, 1, 3, tzinfo=UTC)
    with pytest.raises(NoChampion, match="model promote"):
        Follower(local_home.lake, LiveRecord(local_home.catalog), detector(local_home), (), since).step()


def test_old_verdicts_are_forgotten(local_home: Home) -> None:
    record, now = LiveRecord(local_home.catalog), datetime(2026, 1, 20, tzinfo=UTC)
    for age in (1, 20):
        moment = now - timedelta(days=age)
        event = {"model": "m", "version": 1, "source": "mic", "tag": "bell", "onset": moment, "offset": moment, "segments": 1, "score": 1.0}
        record.add([LiveDetection("m", 1, f"k{age}", "mic", moment, 3.0, "bell", 1.0, 0.9, moment)], [event, {**event, "segments": 3}])
    record.forget(now - timedelta(days=14))
    assert [one.key for one in record.detections(now - timedelta(days=99))] == ["k1"]
    assert [event["segments"] for event in record.events(now - timedelta(days=99))] == [3, 3]  # written just now, whenever they were
    record.forget(datetime.now(UTC) + timedelta(hours=1))
    assert record.events(now - timedelta(days=99)) == []
