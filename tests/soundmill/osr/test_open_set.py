"""The recogniser of the pipeline, its file, and its evaluation, on sounds whose truth is plain."""

from dataclasses import replace

import numpy as np
import pytest

from soundmill.errors import NotEnoughData
from soundmill.osr.evaluation import HeldOut, evaluate
from soundmill.osr.open_set import OpenSet
from soundmill.osr.spec import OTHER
from tests.soundmill.osr.plain import BACKGROUND, TAGS, TAUGHT, TEST, UNKNOWN, sounds, together


def test_it_names_what_it_was_trained_on_and_calls_the_rest_other(model: OpenSet) -> None:
    assert np.mean([said == tag for said, tag in zip(model.predict(TEST), TEST.tags, strict=True)]) > 0.85
    assert np.mean([said == OTHER for said in model.predict(UNKNOWN)]) > 0.9
    assert model.predict(TEST.take(np.array([], np.int64))) == []


def test_quiet_sounds_and_those_without_vectors_are_other() -> None:
    shy = OpenSet(least_dbfs=-35).fit(TAUGHT)
    bells = replace(sounds("bell", 3, seed=1, frames=1), dbfs=np.array([-35.1, -34.9, -np.inf]))
    assert shy.predict(bells) == [OTHER, "bell", OTHER]
    without_vectors = replace(bells, dbfs=np.zeros(3), vectors=bells.vectors[:2], owner=np.array([0, 1]))
    said = shy.verdicts(without_vectors)
    assert said.names == ["bell", "bell", OTHER]
    assert (said.margins[2] < -1000).all()  # a silence is not nearly a bell
    assert said.probabilities is not None
    assert said.probabilities[2].tolist() == [0.0] * len(shy.tags_) + [1.0]


def test_the_hour_shifts_what_is_near_and_can_be_left_out() -> None:
    training = together(sounds("bell", 40, frames=1, hour=7.0), sounds("drum", 40, frames=1, hour=19.0), sounds("glass", 40, frames=1))
    timed = OpenSet(time_of_day=True).fit(training)
    morning, night = (sounds("bell", 1, seed=3, frames=1, hour=hour) for hour in (7.0, 0.0))
    assert timed.decision_function(morning)[0, 0] > timed.decision_function(night)[0, 0]
    np.testing.assert_array_equal(timed.verdicts(morning, use_hours=False).margins, timed.verdicts(night, use_hours=False).margins)
    both_ways = evaluate(timed, HeldOut(TEST.take(np.arange(60)), BACKGROUND, 60.0))
    assert both_ways.without_hours is not None
    assert evaluate(OpenSet().fit(training), HeldOut(TEST, BACKGROUND, 60.0)).without_hours is None


def test_several_vectors_of_a_sound_are_pooled() -> None:
    many = together(*(sounds(tag, 20, frames=7) for tag in TAGS))
    model = OpenSet().fit(many)
    assert np.mean([said == tag for said, tag in zip(model.predict(many), many.tags, strict=True)]) > 0.8


def test_nothing_to_learn_from_is_said_in_one_line() -> None:
    with pytest.raises(NotEnoughData, match="no tagged sound"):
        OpenSet().fit(TAUGHT.take(np.array([], np.int64)))
    with pytest.raises(NotEnoughData, match="one sound of 'bell'"):
        OpenSet().fit(TAUGHT.take(np.array([0])))
