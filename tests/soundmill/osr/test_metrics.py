"""Metrics, against hand-made numbers, plain definitions, and scikit-learn."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from soundmill.osr.metrics import (
    EventCounts,
    Span,
    auroc,
    average_precision,
    bootstrap_intervals,
    calibration_error,
    confusion,
    count_events,
    false_positive_rate,
    openness,
    oscr,
    precision_recall_curve,
    ratio,
    weighted_accuracy,
)


def test_a_confusion_matrix_has_predictions_in_rows() -> None:
    table = confusion(["a", "a", "b", "z"], ["a", "other", "a", "other"], ["a", "b", "other"], ["a", "b", "z"])
    assert table.tolist() == [[1, 1, 0], [0, 0, 0], [1, 0, 1]]


def test_nothing_divided_by_nothing_is_no_number() -> None:
    assert ratio(0, 0) is None
    assert ratio(1, 4) == 0.25
    one, nothing, yes = np.array([1.0]), np.empty(0), np.array([True])
    assert auroc(one, nothing) is None
    assert false_positive_rate(nothing, one) is None
    assert oscr(one, yes, nothing) is None
    assert weighted_accuracy(yes, np.empty(0, bool)) is None
    assert calibration_error(nothing, np.empty(0, bool)) is None
    assert average_precision(one, np.array([False])) is None
    assert EventCounts().f1 is None


def test_a_curve_by_hand() -> None:
    precision, recall = precision_recall_curve(np.array([4.0, 3, 2, 1]), np.array([1, 0, 1, 0], bool))
    np.testing.assert_allclose(precision, [1, 1 / 2, 2 / 3, 1 / 2])
    np.testing.assert_allclose(recall, [1 / 2, 1 / 2, 1, 1])
    assert average_precision(np.array([4.0, 3, 2, 1]), np.array([1, 0, 1, 0], bool)) == pytest.approx(1 / 2 + 1 / 2 * 2 / 3)


scores = st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=40)


@given(scores, scores)
def test_areas_are_scikit_learn_s_ties_included(known: list[float], unknown: list[float]) -> None:
    all_scores = np.array(known + unknown)
    truth = np.array([1] * len(known) + [0] * len(unknown), bool)
    assert auroc(np.array(known), np.array(unknown)) == pytest.approx(roc_auc_score(truth, all_scores))
    assert average_precision(all_scores, truth) == pytest.approx(average_precision_score(truth, all_scores))
    # the first point of scikit-learn's curve that reaches a recall of 0.95
    wrongly, rightly, _ = roc_curve(truth, all_scores, drop_intermediate=False)
    assert false_positive_rate(np.array(known), np.array(unknown)) == pytest.approx(wrongly[np.argmax(rightly >= 0.95 - 1e-9)])


@given(scores, scores, st.integers(0, 2**20))
def test_oscr_is_its_definition_walked_threshold_by_threshold(known: list[float], unknown: list[float], seed: int) -> None:
    k, u = np.array(known), np.array(unknown)
    right = np.random.default_rng(seed).random(len(k)) < 0.7
    points = [(float((u >= t).mean()), float((right & (k >= t)).mean())) for t in [np.inf, *sorted({*known, *unknown}, reverse=True)]]
    area = sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in pairwise(points))
    assert oscr(k, right, u) == pytest.approx(area)


@given(scores, scores)
def test_oscr_is_auroc_where_every_name_is_right(known: list[float], unknown: list[float]) -> None:
    k, u = np.array(known), np.array(unknown)
    assert oscr(k, np.ones(len(k), bool), u) == pytest.approx(auroc(k, u))


def test_fpr95_by_hand() -> None:
    known = np.arange(1.0, 21)  # 19 of 20 reach 2
    assert false_positive_rate(known, np.array([0.0, 1, 2, 30])) == 0.5


def test_accw_and_openness_by_hand() -> None:
    assert weighted_accuracy(np.array([1, 1, 0, 0], bool), np.array([1, 0], bool)) == 0.5
    assert openness(6, 6) == 0
    assert openness(6, 10) == pytest.approx(1 - (12 / 16) ** 0.5)


def test_calibration_error_by_hand() -> None:
    # two bins: 0.9 said and half right, 0.1 said and none right
    probabilities, right = np.array([0.9, 0.9, 0.1, 0.1]), np.array([1, 0, 0, 0], bool)
    assert calibration_error(probabilities, right, bins=2) == pytest.approx((2 * 0.4 + 2 * 0.1) / 4)
    assert calibration_error(np.ones(3), np.ones(3, bool)) == 0


def test_events_are_counted_with_collars() -> None:
    truth = [Span("dog", 1.0, 2.0), Span("dog", 10.0, 14.0), Span("cat", 1.0, 2.0)]
    said = [Span("dog", 1.1, 2.1), Span("dog", 10.0, 12.1), Span("dog", 30.0, 31.0), Span("cat", 1.3, 2.0)]
    counts = count_events(truth, said, onset_collar=0.2, offset_collar=0.2)
    # the long dog may end half of its length off; the cat begins too late
    assert counts == EventCounts(hits=2, false_alarms=2, misses=1)
    assert counts.f1 == pytest.approx(4 / 7)
    assert count_events([], said, 0.2, 0.2) + count_events(truth, [], 0.2, 0.2) == EventCounts(0, 4, 3)


def test_an_event_counts_once_in_the_largest_matching() -> None:
    # the first found event fits both, the second only the first: greedy matching by onset would find one
    truth = [Span("a", 0.0, 1.0), Span("a", 0.3, 1.3)]
    said = [Span("a", 0.15, 1.15), Span("a", -0.15, 0.85)]
    assert count_events(truth, said, 0.2, 0.5).hits == 2
    assert count_events(truth, said[:1], 0.2, 0.5) == EventCounts(1, 0, 1)


def test_a_bootstrap_draws_whole_groups() -> None:
    groups = np.repeat(np.arange(30), 10)
    values = np.repeat(np.random.default_rng(0).normal(size=30), 10)
    ((low, high),) = bootstrap_intervals(groups, lambda chosen: {"mean": float(values[chosen].mean()), "never": None}).values()
    expected = 2 * 1.96 * values.std() / 30**0.5  # of 30 independent values, not of 300
    assert high - low == pytest.approx(expected, rel=0.2)
    assert low < values.mean() < high
    assert bootstrap_intervals(np.zeros(5, int), lambda chosen: {"one": 1.0}) == {}
