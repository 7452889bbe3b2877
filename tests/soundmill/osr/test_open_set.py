"""The recogniser of the pipeline, its file, and its evaluation, on sounds whose truth is plain."""

import io
import json
import math
import os
from dataclasses import replace

import numpy as np
import pytest

from soundmill.errors import NotEnoughData, SpecRefused, UntrustedModel
from soundmill.osr.card import card_markdown, model_card
from soundmill.osr.classifier import OpenSetClassifier
from soundmill.osr.evaluation import Evaluation, HeldOut, Stream, evaluate, merge_verdicts
from soundmill.osr.metrics import Span
from soundmill.osr.open_set import OpenSet
from soundmill.osr.recogniser import dump_model, load_model, recogniser
from soundmill.osr.report import playable, report_html, report_pictures
from soundmill.osr.sounds import Sounds
from soundmill.osr.spec import OTHER, ModelSpec
from tests.soundmill.osr.plain import sounds, together

TAGS = ("bell", "drum", "glass", "whistle")
TAUGHT = together(*(sounds(tag, 25, frames=1) for tag in TAGS))
TEST = together(*(sounds(tag, 20, seed=1, frames=1) for tag in TAGS))
BACKGROUND = sounds(OTHER, 60, frames=1, spread=2.0)
UNKNOWN = sounds("never trained", 20, seed=4, frames=1)


@pytest.fixture(scope="module")
def model() -> OpenSet:
    return OpenSet().fit(TAUGHT, BACKGROUND)


@pytest.fixture(scope="module")
def result(model: OpenSet) -> Evaluation:
    return evaluate(model, HeldOut(together(TEST, UNKNOWN), sounds(OTHER, 15, seed=5, frames=1, spread=2.0), 45.0))


def test_it_names_what_it_was_taught_and_calls_the_rest_other(model: OpenSet) -> None:
    assert np.mean([said == tag for said, tag in zip(model.predict(TEST), TEST.tags, strict=True)]) > 0.85
    assert np.mean([said == OTHER for said in model.predict(UNKNOWN)]) > 0.9
    assert model.predict(TEST.take(np.array([], np.int64))) == []


def test_quiet_and_unheard_sounds_are_other() -> None:
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


def test_a_model_comes_back_from_its_file_and_nothing_else_does(model: OpenSet) -> None:
    import skops.io

    file = io.BytesIO()
    dump_model(model, file)
    back = load_model(file.getvalue())
    np.testing.assert_array_equal(back.verdicts(TEST).margins, model.verdicts(TEST).margins)
    assert back.expected_recall_ == model.expected_recall_
    for class_model in ("mixture", "knn", "logistic"):
        dump_model(OpenSet(OpenSetClassifier(class_model=class_model)).fit(TAUGHT), file := io.BytesIO())
        assert load_model(file.getvalue()).tags_ == list(TAGS)
    with pytest.raises(UntrustedModel, match="not trusted"):
        load_model(skops.io.dumps(os.system))


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
    with pytest.raises(NotEnoughData, match="--test-days"):
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


def test_the_report_stands_alone_and_plays_what_went_wrong(model: OpenSet, result: Evaluation) -> None:
    spec = ModelSpec()
    facts = {
        "train_days": ["2026-01-01"], "test_days": ["2026-01-02"], "background_days": [], "timezone": "UTC",
        "support": dict.fromkeys(TAGS, 25), "sounds": 100, "groups": 4, "groups_are": "recordings", "background_segments": 60,
    }  # fmt: skip
    card = model_card("house", 3, "abc", spec, model, facts)
    tone = (np.sin(np.arange(44_100) / 20) * 9000).astype(np.int16)
    played = {example.key: playable(tone, 44_100, "porch, at noon") for example in result.worst}
    html = report_html(result, card, report_pictures(model, result), played)
    assert html.count("<audio") == len(result.worst)
    assert "http://" not in html.replace("http-equiv", "")
    assert "https://" not in html
    assert "{{" not in html
    text = card_markdown(card)
    assert "| bell | 25 |" in text
    assert "Chosen by the data" in text
    assert json.loads(json.dumps(card))["expected_recall"].keys() == set(TAGS)


def test_a_specification_decides_which_recogniser(model: OpenSet) -> None:
    assert type(recogniser(ModelSpec(), [3, 4])).__name__ == "OpenSet"
    original = ModelSpec(extractor="loudest_frames")
    assert type(recogniser(original, [514])).__name__ == "GaussianVotes"
    assert (original.least_recall, original.least_dbfs, original.time_of_day, original.components) == (0.6, -35.0, True, 20)
    assert ModelSpec.parse(original.model_dump(mode="json")) == original
    asked = recogniser(ModelSpec(least_recall=0.7, threshold=None), [3])
    assert isinstance(asked, OpenSet)
    assert isinstance(asked.classifier, OpenSetClassifier)
    assert (asked.classifier.threshold, asked.classifier.recall) == ("quantile", 0.7)
    with pytest.raises(SpecRefused, match="keeps no recall"):
        ModelSpec.parse({"least_recall": 0.7, "threshold": "stricter"})
    with pytest.raises(SpecRefused, match="needs background"):
        ModelSpec.parse({"rejection": "combined", "background_days": []})
    assert not any(math.isnan(value) for value in model.expected_recall_.values())


def test_sounds_join_and_pool() -> None:
    joined = Sounds.joined([sounds("bell", 2, frames=3), sounds("drum", 1, frames=2)])
    assert joined.owner.tolist() == [0, 0, 0, 1, 1, 1, 2, 2]
    np.testing.assert_allclose(joined.pooled()[2], joined.vectors[6:].mean(axis=0), rtol=1e-6)
