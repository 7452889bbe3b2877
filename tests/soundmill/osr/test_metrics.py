"""Metrics, against hand-made numbers and scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from soundmill.osr.metrics import auroc, average_precision, confusion, precision_recall_curve, ratio


def test_a_confusion_matrix_has_what_was_said_in_rows() -> None:
    table = confusion(["a", "a", "b", "z"], ["a", "other", "a", "other"], ["a", "b", "other"], ["a", "b", "z"])
    assert table.tolist() == [[1, 1, 0], [0, 0, 0], [1, 0, 1]]


def test_nothing_divided_by_nothing_is_no_number() -> None:
    assert ratio(0, 0) is None
    assert ratio(1, 4) == 0.25
    assert auroc(np.array([1.0]), np.empty(0)) is None
    assert average_precision(np.array([1.0]), np.array([False])) is None


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
