"""Cross-validation: scores of sounds that nothing was fitted to."""

import numpy as np
import pytest

from soundmill.osr.classifier import OpenSetClassifier
from tests.soundmill.osr.vectors import BACKGROUND, CENTRES, training_set


def test_sounds_of_a_group_are_never_on_both_sides_of_a_split() -> None:
    """Every sound is there three times: ungrouped, a fold finds its own copy, and expects a recall that no new sound will keep."""
    rng = np.random.default_rng(0)
    X = np.repeat(rng.normal(size=(60, 200)) + np.repeat(np.eye(3, 200) * 4, 20, axis=0), 3, axis=0)
    X += 0.01 * rng.normal(size=X.shape)
    y = np.repeat(["a", "b", "c"], 60)
    naive = OpenSetClassifier().fit(X, y)
    grouped = OpenSetClassifier().fit(X, y, groups=np.repeat(np.arange(60), 3))
    new = rng.normal(size=(300, 200)) + np.repeat(np.eye(3, 200) * 4, 100, axis=0)
    delivered = (grouped.predict(new) == np.repeat(["a", "b", "c"], 100)).mean()
    assert np.nanmean(naive.expected_recall_) > np.nanmean(grouped.expected_recall_) + 0.1
    assert np.nanmean(grouped.expected_recall_) == pytest.approx(delivered, abs=0.15)


def test_background_that_is_all_of_one_group_is_used_and_expected_recall_stays() -> None:
    model = OpenSetClassifier().fit(*training_set(), background=BACKGROUND, background_groups=["one night"] * len(BACKGROUND))
    assert not np.isnan(model.expected_recall_).any()
    assert (model.predict(BACKGROUND) == "other").mean() > 0.9


def test_background_of_a_training_recording_is_held_back_with_it() -> None:
    """Each recording has a colour of its own, on known sound and background alike: a fold that keeps the background of a recording
    whose sounds it scores would know that colour as background's, and promise less than new recordings keep."""
    rng = np.random.default_rng(3)
    X, y = training_set()
    recording = np.arange(len(X)) % 10
    colours = 4 * rng.normal(size=(10, 30))
    away = np.repeat(np.arange(10), 8)
    background = CENTRES[7] + 2 * rng.normal(size=(80, 30)) + colours[away]
    names = np.array([f"recording {n}" for n in range(10)])
    together = OpenSetClassifier().fit(
        X + colours[recording], y, background=background, groups=names[recording], background_groups=names[away]
    )
    apart = OpenSetClassifier().fit(X + colours[recording], y, background=background, groups=names[recording])
    assert (together.thresholds_ != apart.thresholds_).any()
    assert np.nanmean(together.expected_recall_) >= np.nanmean(apart.expected_recall_)
