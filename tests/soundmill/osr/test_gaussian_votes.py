"""The original's recogniser on sounds whose truth is plain."""

import os
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from soundmill.errors import NotEnoughData, UntrustedModel
from soundmill.osr.gaussian_votes import GaussianVotes
from soundmill.osr.recogniser import dump_model, load_model
from soundmill.osr.sounds import Sounds
from soundmill.osr.spec import OTHER
from tests.soundmill.osr.plain import NOON, sounds, together

TAUGHT = together(*(sounds(tag, 25) for tag in ("bell", "drum", "glass")))
TEST = together(*(sounds(tag, 20, seed=1) for tag in ("bell", "drum", "glass")))
BACKGROUND = sounds(OTHER, 40, spread=2.0)


@pytest.fixture(scope="module")
def model() -> GaussianVotes:
    return GaussianVotes().fit(TAUGHT, BACKGROUND)


def test_it_names_what_it_was_trained_on_and_calls_the_rest_other(model: GaussianVotes) -> None:
    assert np.mean([said == tag for said, tag in zip(model.predict(TEST), TEST.tags, strict=True)]) > 0.9
    assert np.mean([said == OTHER for said in model.predict(sounds(OTHER, 20, seed=2, spread=2.0))]) >= 0.9
    far = model.predict(sounds("never trained", 20, seed=2))
    assert np.mean([said == OTHER for said in far]) > 0.9


def test_without_background_thresholds_keep_60_percent_of_the_training_vectors() -> None:
    alone = GaussianVotes().fit(TAUGHT)
    assert alone.classes_ == ["bell", "drum", "glass"]
    costs = alone.vector_costs(TAUGHT)
    tags = np.array(TAUGHT.tags)[TAUGHT.owner]
    for k, tag in enumerate(alone.tags_):
        assert np.mean(costs[tags == tag, k] <= alone.thresholds_[tag]) == pytest.approx(0.6, abs=0.01)
    assert np.mean([said == OTHER for said in alone.predict(sounds("never trained", 20, seed=2))]) > 0.9


def test_the_same_data_make_the_same_model(model: GaussianVotes) -> None:
    again = GaussianVotes().fit(TAUGHT, BACKGROUND)
    np.testing.assert_array_equal(again.decision_function(TEST), model.decision_function(TEST))


def test_a_verdict_follows_from_the_votes_of_its_vectors(model: GaussianVotes) -> None:
    costs, (said, margins, _, _) = model.vector_costs(TEST), model.verdicts(TEST)
    for n in range(len(TEST)):
        mine = costs[TEST.owner == n]
        votes = []
        for row in mine:
            passes = any(row[k] <= model.thresholds_[tag] for k, tag in enumerate(model.tags_))
            votes.append(model.classes_[int(row.argmin())] if passes else OTHER)
        most = max(votes.count(name) for name in set(votes))
        assert said[n] == min(name for name in set(votes) if votes.count(name) == most)
        for k, tag in enumerate(model.tags_):
            assert (margins[n, k] >= 0) == (np.mean(mine[:, k] <= model.thresholds_[tag]) > 0.5)


def test_a_quiet_sound_and_one_without_vectors_are_other(model: GaussianVotes) -> None:
    bells = sounds("bell", 4, seed=1)
    quiet = replace(bells, dbfs=np.array([-35.1, -34.9, -10, -90.0]))
    assert [said == OTHER for said in model.predict(quiet)] == [True, False, False, True]
    without_vectors = bells.take(np.array([0, 1]))
    without_vectors = replace(
        without_vectors,
        vectors=without_vectors.vectors[without_vectors.owner == 0],
        owner=without_vectors.owner[without_vectors.owner == 0],
    )
    assert model.predict(without_vectors) == ["bell", OTHER]


def test_the_hour_counts_and_can_be_switched_off() -> None:
    morning = together(sounds("bell", 40, hour=7.0), sounds("drum", 40, hour=19.0))
    timed, timeless = GaussianVotes().fit(morning), GaussianVotes(time_of_day=False).fit(morning)
    at_seven, at_midnight = sounds("bell", 1, seed=3, hour=7.0), sounds("bell", 1, seed=3, hour=0.0)
    assert timed.vector_costs(at_midnight)[0, 0] == pytest.approx(timed.vector_costs(at_seven)[0, 0] + np.log(10))
    np.testing.assert_array_equal(timeless.vector_costs(at_midnight), timeless.vector_costs(at_seven))


def test_one_tag_alone_can_be_learnt() -> None:
    model = GaussianVotes().fit(sounds("bell", 30), BACKGROUND)
    assert np.mean([said == "bell" for said in model.predict(sounds("bell", 20, seed=1))]) > 0.5
    assert OTHER in model.predict(sounds("drum", 20, seed=1))


def test_a_tag_with_fewer_vectors_than_gaussians_still_fits() -> None:
    model = GaussianVotes().fit(together(sounds("bell", 1, frames=3), sounds("drum", 20)))
    assert model.mixtures_[0].n_components == 3


def test_nothing_to_learn_from_is_said_in_one_line() -> None:
    with pytest.raises(NotEnoughData, match="no tagged sound"):
        GaussianVotes().fit(replace(TAUGHT.take(np.array([], np.int64)), tags=()))
    with pytest.raises(NotEnoughData, match="'bell' has fewer than two vectors"):
        GaussianVotes().fit(together(sounds("bell", 1, frames=1), sounds("drum", 2)))


def test_a_model_comes_back_from_its_file_and_nothing_else_does(model: GaussianVotes) -> None:
    import io

    import skops.io

    file = io.BytesIO()
    dump_model(model, file)
    np.testing.assert_array_equal(load_model(file.getvalue()).decision_function(TEST), model.decision_function(TEST))
    with pytest.raises(UntrustedModel, match="no model file"):
        load_model(b"\x80\x04pickle")
    with pytest.raises(UntrustedModel, match="not trusted"):
        load_model(skops.io.dumps(os.system))
    with pytest.raises(UntrustedModel, match="not a recogniser"):
        load_model(skops.io.dumps(np.arange(3)))


def test_sounds_are_gathered_by_key_with_local_hours() -> None:
    moments = [NOON, NOON + timedelta(minutes=30)]
    built = Sounds.build(
        ["a", "b"],
        moments,
        ZoneInfo("America/Bogota"),
        ["b", "x", "a", "b"],
        np.arange(8, dtype=np.float32).reshape(4, 2),
        max_amp=[32_767, 0],
        tags=["t", "u"],
    )
    np.testing.assert_array_equal(built.hours, [7.0, 7.5])
    np.testing.assert_array_equal(built.owner, [1, 0, 1])
    np.testing.assert_array_equal(built.vectors[:, 0], [0, 4, 6])
    np.testing.assert_array_equal(built.dbfs, [0.0, -np.inf])
    swapped = built.take(np.array([1, 0]))
    assert (swapped.keys, swapped.tags) == (("b", "a"), ("u", "t"))
    np.testing.assert_array_equal(swapped.owner, [0, 1, 0])


def test_a_threshold_can_be_moved_and_no_recall_is_expected_of_it(model: GaussianVotes) -> None:
    moved = GaussianVotes(threshold_offsets={"bell": 2.0}).fit(TAUGHT, BACKGROUND)
    np.testing.assert_allclose(moved.decision_function(TEST)[:, 0], model.decision_function(TEST)[:, 0] - 2.0)
    np.testing.assert_allclose(moved.decision_function(TEST)[:, 1:], model.decision_function(TEST)[:, 1:])
    assert np.isnan(moved.expected_recall_["bell"])
    assert moved.expected_recall_["drum"] == model.expected_recall_["drum"]
