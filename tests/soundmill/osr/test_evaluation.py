"""An evaluation: figures that add up, the surest mistakes, events of a stream."""

import json
from dataclasses import replace

import numpy as np
import pytest

from soundmill.errors import NotEnoughData
from soundmill.osr.classifier import OpenSetClassifier
from soundmill.osr.evaluation import Evaluation, HeldOut, Stream, evaluate, merge_verdicts
from soundmill.osr.metrics import Span
from soundmill.osr.open_set import OpenSet
from soundmill.osr.spec import OTHER
from tests.soundmill.osr.plain import BACKGROUND, TAGS, TAUGHT, TEST, sounds, together


def test_an_evaluation_adds_up(model: OpenSet, result: Evaluation) -> None:
    table = np.array(result.confusion)
    assert table.sum() == len(TEST) + 20 + 15
    assert result.unknown_support == 35
    assert result.unknown_rejected == table[-1, [result.columns.index("never trained"), result.columns.index(OTHER)]].sum()
    for k, (tag, row) in enumerate(result.tags.items()):
        assert row.support == 20
        assert row.recall == pytest.approx(table[k, result.columns.index(tag)] / 20)
        assert row.precision == pytest.approx(table[k, result.columns.index(tag)] / table[k].sum())
        assert row.expected_recall == pytest.approx(model.expected_recall_[tag])
    headline = result.headline
    assert headline.closed_accuracy == 1.0
    assert headline.known_auroc is not None
    assert headline.known_auroc > 0.95
    rightly = sum(table[k, result.columns.index(tag)] for k, tag in enumerate(TAGS))
    assert headline.accw == pytest.approx(0.5 * rightly / 80 + 0.5 * result.unknown_rejected / 35)
    assert headline.false_positives_per_hour == pytest.approx(80 * (15 - table[-1, -1]))
    assert headline.delivered_recall == pytest.approx(np.mean([row.recall for row in result.tags.values()]))
    low, high = result.intervals["known_auroc"]
    assert low <= headline.known_auroc <= high
    assert [point.unknown_tags for point in result.openness] == [1]
    json.dumps(result.as_json())
    with pytest.raises(NotEnoughData, match="choose days with labels"):
        evaluate(model, HeldOut(TEST.take(np.array([], np.int64)), BACKGROUND, 0))


def test_the_surest_mistakes_come_first() -> None:
    model = OpenSet(OpenSetClassifier(threshold="quantile", recall=0.99)).fit(TAUGHT)
    wrongly = sounds("bell", 6, seed=8, frames=1)
    result = evaluate(model, HeldOut(together(TEST, replace(wrongly, tags=("impostor",) * 6)), BACKGROUND, 60.0))
    named = [example for example in result.worst if example.predicted != OTHER]
    assert {example.true for example in named} >= {"impostor"}
    sure = [example.probability or 0.0 for example in named]
    assert sure == sorted(sure, reverse=True)
    assert result.mistakes >= len(result.worst)


def test_events_of_a_stream_are_counted_after_neighbours_are_joined(model: OpenSet) -> None:
    names = ["bell", "bell", OTHER, "drum", OTHER]
    kinds = [("bell", 2, 1), ("never trained", 1, 4), ("drum", 1, 1), ("never trained", 1, 6)]
    part = together(*(sounds(tag, count, seed=seed, frames=1) for tag, count, seed in kinds))
    assert model.predict(part) == names
    starts, seconds = [0.0, 3.0, 6.0, 9.0, 12.0], [3.0] * 5
    assert merge_verdicts(starts, seconds, names) == [Span("bell", 0.0, 6.0), Span("drum", 9.0, 12.0)]
    events = [Span("bell", 0.5, 2.0), Span("bell", 3.5, 5.5), Span("drum", 40.0, 41.0)]
    result = evaluate(model, HeldOut(TEST, BACKGROUND, 60.0, [Stream(starts, seconds, names, events)]))
    assert (result.events["bell"].hits, result.events["bell"].misses) == (1, 0)
    assert (result.events["drum"].hits, result.events["drum"].false_alarms, result.events["drum"].misses) == (0, 1, 1)
    assert result.headline.event_f1 == pytest.approx(2 / 4)
