"""Scenes: known truth, and no sound on both sides."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from soundmill.errors import SceneRefused
from soundmill.scene import BACKGROUND, LABELLED, RATE, SLOT, UNLABELLED, Event, Recording, from_clips, household, truth_of
from tests.conftest import wav

FIRST = date(2025, 1, 1)


@pytest.fixture(scope="module")
def recordings() -> list[Recording]:
    """A household's sound."""
    return list(household(FIRST).recordings())


def test_a_household_is_the_same_every_time_and_its_events_lie_in_its_sound(recordings: list[Recording]) -> None:
    scene = household(FIRST)
    one, two = recordings, list(scene.recordings())
    assert len(one) == scene.recording_count
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a.samples, b.samples)
        end = a.started_at + timedelta(seconds=len(a.samples) / RATE)
        assert all(a.started_at <= event.start < event.end <= end for event in a.events)
        assert len(a.samples) % SLOT == 0
        assert np.abs(a.samples).max() <= 1
    assert all(a.started_at + timedelta(seconds=len(a.samples) / RATE) <= b.started_at for a, b in pairwise(one))


def test_what_is_never_labelled_sounds_on_the_last_day_only(recordings: list[Recording]) -> None:
    scene = household(FIRST)
    events = [event for recording in recordings for event in recording.events]
    assert {event.tag for event in events if event.labelled} == set(LABELLED)
    assert {event.tag for event in events if not event.labelled} == set(UNLABELLED)
    assert {event.start.date() for event in events if not event.labelled} == {scene.test_day}
    assert {event.start.date() for event in events if event.labelled} == set(scene.days)


def test_truth_is_the_sound_that_fills_most_of_a_segment() -> None:
    start = datetime(2025, 1, 1, tzinfo=UTC)

    def event(tag: str, at: float, length: float) -> Event:
        return Event(tag, start + timedelta(seconds=at), start + timedelta(seconds=at + length), True)

    events = [event("long", 2.0, 4.0), event("short", 6.5, 0.2), event("cut", 11.7, 0.5)]
    starts = [start + timedelta(seconds=3 * n) for n in range(5)]
    assert truth_of(starts, [3.0] * 5, events) == ["long", "long", "short", "cut", BACKGROUND]


def clips(folder: Path, classes: int, sources: int = 5, takes: int = 3) -> Path:
    for number in range(classes):
        for source in range(sources):
            for take in range(takes):
                file = folder / f"{number:02d} - class {number}" / f"1-{1000 * number + source}-{'ABC'[take]}.wav"
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(wav(0.5 + 0.1 * take, 200 + 100 * number + source))
    return folder


def test_clips_of_one_source_stay_on_one_side(tmp_path: Path) -> None:
    folder = clips(tmp_path / "my clips", 7)
    scene = from_clips(folder, FIRST)
    assert scene.known_tags == tuple(f"class {n}" for n in range(4))  # ceil(30 % of 7) = 3 are never labelled
    assert scene.never_labelled == ("class 4", "class 5", "class 6")
    assert scene.name.startswith("demo-my-clips-")
    heard: dict[tuple[str, float], set[bool]] = {}
    for recording in scene.recordings():
        for event in recording.events:
            at = round((event.start - recording.started_at).total_seconds() * RATE)
            sound = recording.samples[at : at + round((event.end - event.start).total_seconds() * RATE)]
            pitch = np.abs(np.fft.rfft(sound, 8 * RATE)).argmax() / 8  # each source has a pitch of its own
            heard.setdefault((event.tag, round(pitch)), set()).add(recording.started_at.date() == scene.test_day)
    assert len(heard) == 35
    assert all(len(sides) == 1 for sides in heard.values())
    for tag in scene.known_tags:
        assert {side for (name, _), sides in heard.items() if name == tag for side in sides} == {True, False}


def test_clips_with_names_of_any_kind_train_and_test(tmp_path: Path) -> None:
    for kind in ("bark", "meow", "moo", "oink"):
        for number in range(4):
            (tmp_path / kind).mkdir(exist_ok=True)
            (tmp_path / kind / f"farm-{kind}-{number:02d}.wav").write_bytes(wav(0.5, 300 + number))
    scene = from_clips(tmp_path, FIRST)
    sides = {(event.tag, event.start.date() == scene.test_day) for recording in scene.recordings() for event in recording.events}
    assert sides == {("bark", False), ("bark", True), ("meow", False), ("meow", True), ("moo", True), ("oink", True)}


@pytest.mark.parametrize("classes", [0, 1, 2])
def test_too_few_classes_are_refused(tmp_path: Path, classes: int) -> None:
    clips(tmp_path, classes)
    (tmp_path / "notes").mkdir(exist_ok=True)
    (tmp_path / "notes" / "readme.txt").write_text("no sound")
    with pytest.raises(SceneRefused, match=f"it has {classes}"):
        from_clips(tmp_path, FIRST)
