"""Settled stretches with their sound: gaps are told, and what recordings they are of."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from soundmill.catalog import Box, Catalog
from soundmill.errors import NoAudio
from soundmill.lake import Lake
from soundmill.workflows.releases.stretches import Sound, Stretch, stretches_of
from soundmill.workflows.rounds.outcome import Settled, SettledSession
from tests.soundmill.workflows.releases.garden import HALF, MORNING, RATE, land, noise

SECOND = timedelta(seconds=1)


def stretch(source: str = "garden", start: timedelta = timedelta(), end: timedelta = HALF) -> Stretch:
    return Stretch(source, MORNING + start, MORNING + end, ("owls",), ("owl",), 1, ())


def test_a_stretch_has_its_samples_its_gaps_and_its_recordings(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    land(folder_lake, sqlite_catalog, {("garden", 0): noise(1), ("garden", 1): noise(2, 10.0), ("yard", 0): noise(3)})
    sound = Sound(folder_lake)
    first, over, late = (
        sound.cut(stretch(start=start, end=end)) for start, end in ((0 * SECOND, HALF), (HALF, 3 * HALF), (2 * HALF, 3 * HALF))
    )
    assert (len(first.samples), first.sample_rate, first.gaps) == (30 * RATE, RATE, ())
    assert np.abs(first.samples / 32_768 - noise(1)[: 30 * RATE]).max() < 1e-4
    assert len(first.recordings) == len(late.recordings) == 1
    assert set(over.recordings) == {*first.recordings, *late.recordings}
    assert late.gaps == ((pytest.approx(10.0, abs=0.01), pytest.approx(30.0, abs=0.01)),)
    assert sound.cut(stretch("yard")).recordings != first.recordings
    with pytest.raises(NoAudio):
        sound.cut(stretch("cellar"))


def test_labels_are_cut_at_the_ends_and_rejected_ones_are_none() -> None:
    def box(first: float, last: float, **values: object) -> Box:
        return Box(MORNING + first * SECOND, MORNING + last * SECOND, "owl", **values)  # type: ignore[arg-type]

    boxes = (box(-2, 1), box(5, 6, state="rejected", origin="prediction"), box(29, 31), replace(box(8, 9), tag="cat"), box(3, 4), box(3, 4))
    session = SettledSession("garden", MORNING, MORNING + HALF, boxes, 2)
    (one,) = stretches_of([Settled("owls", "closed", ("owl",), (session,), {})])
    assert [(label.start_s, label.duration_s) for label in one.labels] == [(0.0, 1.0), (3.0, 1.0), (29.0, 1.0)]


def test_of_several_rounds_the_last_that_looked_for_a_tag_has_the_say() -> None:
    def told(name: str, tags: tuple[str, ...], *boxes: Box) -> Settled:
        return Settled(name, "closed", tags, (SettledSession("garden", MORNING, MORNING + HALF, boxes, len(boxes) + 1),), {})

    owl = Box(MORNING, MORNING + SECOND, "owl")
    first, second = told("a", ("owl", "fox"), owl, replace(owl, tag="fox")), told("b", ("owl",))
    (one,) = stretches_of([first, second])
    assert ([label.tag for label in one.labels], one.tags, one.rounds, one.people) == (["fox"], ("fox", "owl"), ("a", "b"), 3)
    (other,) = stretches_of([second, first])
    assert [label.tag for label in other.labels] == ["fox", "owl"]
