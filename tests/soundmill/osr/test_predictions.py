"""What another threshold would give: the curve agrees with the confusion matrix, and with a model that has it."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from soundmill.osr.classifier import OpenSetClassifier
from soundmill.osr.evaluation import HeldOut, Predictions, evaluate
from soundmill.osr.open_set import OpenSet
from soundmill.osr.predictions import Place, operating_points, prediction_table, tags_of
from soundmill.osr.spec import OTHER
from tests.soundmill.osr.plain import BACKGROUND, TAGS, TAUGHT, TEST, sounds, together

START = datetime(2025, 1, 1, tzinfo=UTC)
# near enough to be taken for something by a loose threshold
NEAR = sounds("bell", 12, seed=5, spread=2.5)
HELD = HeldOut(together(TEST, sounds("never trained", 10, seed=3)), together(BACKGROUND, NEAR), 1800.0)


def places(predictions: Predictions) -> dict[str, Place]:
    return {key: ("mic", START + timedelta(seconds=3 * n), START + timedelta(seconds=3 * n + 3)) for n, key in enumerate(predictions.keys)}


def fitted(**offsets: float) -> OpenSet:
    return OpenSet(OpenSetClassifier(threshold_offsets=offsets)).fit(TAUGHT, BACKGROUND)


@pytest.fixture(scope="module")
def as_it_is() -> OpenSet:
    return fitted()


def test_where_the_threshold_is_the_curve_says_what_the_report_says(as_it_is: OpenSet) -> None:
    predictions = Predictions.of(as_it_is, HELD)
    result = evaluate(as_it_is, HELD, predictions)
    table = prediction_table(predictions, as_it_is.tags_, places(predictions))
    assert tags_of(table) == as_it_is.tags_
    alarms = 0.0
    for tag in TAGS:
        points = operating_points(table, tag, result.background_hours)
        here = points.offset.index(0.0)
        assert points.precision[here] == pytest.approx(result.tags[tag].precision)
        assert points.recall[here] == pytest.approx(result.tags[tag].recall)
        alarms += points.false_alarms[here] or 0.0
        recall = [value for value in points.recall if value is not None]
        assert recall == sorted(recall)  # the looser, the more is found
        assert points.offset == sorted(points.offset, reverse=True)
    assert alarms == pytest.approx(result.headline.false_positives_per_hour)


@pytest.mark.parametrize("share", [0.2, 0.8])
def test_a_model_with_a_moved_threshold_does_what_the_curve_promised(as_it_is: OpenSet, share: float) -> None:
    predictions = Predictions.of(as_it_is, HELD)
    points = operating_points(prediction_table(predictions, as_it_is.tags_, places(predictions)), "bell", 0.5)
    at = round(share * (len(points.offset) - 1))
    moved = fitted(bell=points.offset[at])
    result = evaluate(moved, HELD)
    assert (result.tags["bell"].precision, result.tags["bell"].recall) == (
        pytest.approx(points.precision[at]),
        pytest.approx(points.recall[at]),
    )
    others = [tag for tag in TAGS if tag != "bell"]
    before = evaluate(as_it_is, HELD)
    assert [result.tags[tag] for tag in others] == [before.tags[tag] for tag in others]


def test_without_background_there_are_no_false_alarms_to_count(as_it_is: OpenSet) -> None:
    held = HeldOut(TEST, BACKGROUND.take(np.array([], np.int64)), 0.0)
    predictions = Predictions.of(as_it_is, held)
    points = operating_points(prediction_table(predictions, as_it_is.tags_, places(predictions)), "bell", 0.0)
    assert set(points.false_alarms) == {None}
    assert OTHER not in tags_of(prediction_table(predictions, as_it_is.tags_, places(predictions)))


def test_many_scores_make_a_curve_that_a_page_can_draw(as_it_is: OpenSet) -> None:
    held = HeldOut(together(*(sounds("bell", 300, seed=n, spread=1.5) for n in range(3))), BACKGROUND, 60.0)
    predictions = Predictions.of(as_it_is, held)
    points = operating_points(prediction_table(predictions, as_it_is.tags_, places(predictions)), "bell", 1 / 60)
    assert 100 < len(points.offset) <= 401
    assert 0.0 in points.offset
