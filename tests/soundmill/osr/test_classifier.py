"""The open-set classifier: scikit-learn's conventions, honest expectations, and what cross-validation decides."""

import io
import warnings

import numpy as np
import pytest
from sklearn.utils.estimator_checks import check_estimator

from soundmill.osr.classifier import REJECTIONS, THRESHOLDS, OpenSetClassifier
from soundmill.osr.metrics import auroc
from tests.soundmill.osr.vectors import BACKGROUND, CENTRES, UNKNOWN, cloud, training_set, wide


def test_it_follows_scikit_learn_where_an_open_set_can() -> None:
    rejects = "it calls what lies away from its class 'other', which the check counts as wrong"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(
            OpenSetClassifier(),
            expected_failed_checks={"check_classifiers_train": rejects, "check_classifiers_one_label": rejects},
            on_skip=None,
        )
    assert len(results) > 50
    assert {result["check_name"] for result in results if result["status"] == "xfail"} <= {
        "check_classifiers_train",
        "check_classifiers_one_label",
    }


@pytest.mark.parametrize("background", [None, BACKGROUND], ids=["alone", "with background"])
def test_known_sounds_are_named_and_all_others_are_other(background: np.ndarray | None) -> None:
    model = OpenSetClassifier().fit(*training_set(), background=background)
    X, y = training_set(seed=1)
    named = model.predict(X) == y
    assert named.mean() > 0.85
    assert np.mean(model.predict(UNKNOWN) == "other") > 0.85
    assert np.mean(model.predict(cloud(7, 40, 3)) == "other") > 0.85
    assert named.mean() == pytest.approx(np.nanmean(model.expected_recall_), abs=0.06)


@pytest.mark.parametrize("recall", [0.6, 0.8, 0.95])
def test_the_recall_that_is_asked_for_is_expected_and_delivered(recall: float) -> None:
    model = OpenSetClassifier(threshold="quantile", recall=recall).fit(*training_set(100))
    X, y = training_set(100, seed=1)
    assert np.nanmean(model.expected_recall_) == pytest.approx(recall, abs=0.02)
    assert (model.predict(X) == y).mean() == pytest.approx(recall, abs=0.05)


def test_the_original_s_rule_expects_more_recall_than_it_delivers() -> None:
    X, y = wide(1)
    on_training = OpenSetClassifier(threshold="training_percentile", recall=0.8).fit(*wide(0))
    validated = OpenSetClassifier(threshold="quantile", recall=0.8).fit(*wide(0))
    assert (on_training.predict(X) == y).mean() < 0.6
    assert (validated.predict(X) == y).mean() > (on_training.predict(X) == y).mean() + 0.1


@pytest.mark.parametrize("threshold", THRESHOLDS)
@pytest.mark.parametrize("rejection", REJECTIONS)
def test_every_rule_goes_with_every_score(threshold: str, rejection: str) -> None:
    model = OpenSetClassifier(threshold=threshold, rejection=rejection, dimensions=20).fit(*training_set(15), background=BACKGROUND)
    X, y = training_set(15, seed=1)
    assert auroc(model.margins(X).max(axis=1), model.margins(UNKNOWN).max(axis=1)) > 0.7
    assert (model.predict(X) == y).mean() > 0.4


def test_a_verdict_is_the_nearest_name_where_its_margin_allows() -> None:
    model = OpenSetClassifier().fit(*training_set(15), background=BACKGROUND)
    X = np.concatenate([training_set(15, seed=1)[0], UNKNOWN])
    names, margins, nearest, probabilities = model.verdicts(X)
    assert probabilities is not None
    np.testing.assert_array_equal(names, model.predict(X))
    for name, margin, near in zip(names, margins, nearest, strict=True):
        assert name == (near if margin[list(model.classes_).index(near)] >= 0 else "other")
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    np.testing.assert_array_equal(probabilities, model.probabilities(X))
    known = np.arange(len(X)) < 75
    assert probabilities[known, -1].mean() < 0.3 < 0.7 < probabilities[~known, -1].mean()


def test_no_threshold_of_its_own_choice_keeps_next_to_nothing_or_everything() -> None:
    X, y = training_set(each=60)
    unlike = OpenSetClassifier().fit(X, y, background=100 + cloud(7, 80))
    same = OpenSetClassifier().fit(X, y, background=training_set(each=60, seed=4)[0])
    right = [(model.model_.score_all(X)["class"].argmax(axis=1) == np.unique(y, return_inverse=True)[1]).mean() for model in (unlike, same)]
    assert min(right) > 0.9  # nearly all are named rightly, so the expected recall is what the threshold keeps
    assert 0.4 <= np.nanmean(same.expected_recall_) <= np.nanmean(unlike.expected_recall_) <= 0.95


def test_what_the_data_decided_is_said_with_reasons() -> None:
    alone = {setting: (value, why) for setting, value, why in OpenSetClassifier().fit(*training_set()).choices_}
    assert alone["rejection"] == ("relative_mahalanobis", "there is no background")
    assert "cross-validation" in {setting: why for setting, _, why in OpenSetClassifier().fit(*wide(0)).choices_}["dimensions"]
    with_background = {setting: value for setting, value, _ in OpenSetClassifier().fit(*training_set(), background=BACKGROUND).choices_}
    assert with_background["rejection"] == "relative_mahalanobis + background_ratio"


def test_very_few_sounds_still_make_a_model_that_expects_little() -> None:
    pair = OpenSetClassifier().fit(CENTRES[:2], ["a", "b"])
    assert np.isnan(pair.expected_recall_).all()
    assert any("expect less recall" in why for _, _, why in pair.choices_)
    four = OpenSetClassifier().fit(*training_set(4))
    X, y = training_set(20, seed=1)
    assert (np.array(four.verdicts(X).nearest) == y).mean() > 0.8


def test_one_class_can_be_trained() -> None:
    model = OpenSetClassifier().fit(cloud(0, 40), ["bell"] * 40, background=BACKGROUND)
    assert np.mean(model.predict(cloud(0, 40, 1)) == "bell") > 0.8
    assert np.mean(model.predict(BACKGROUND) == "other") > 0.8


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"rejection": "hope"}, "none of relative_mahalanobis"),
        ({"threshold": "zero"}, "none of quantile"),
        ({"projector": "tsne"}, "none of pca_lda"),
        ({"class_model": "svm"}, "none of gaussian_angle"),
        ({"rejection": "background_ratio"}, "background_ratio needs background"),
        ({"threshold": "background_balance"}, "background_balance needs background"),
    ],
)
def test_what_cannot_be_is_refused_by_name(wrong: dict[str, str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        OpenSetClassifier(**wrong).fit(*training_set(5))


def test_the_same_data_make_the_same_model() -> None:
    X = training_set(15, seed=1)[0]
    once, again = (OpenSetClassifier().fit(*training_set(15), background=BACKGROUND).margins(X) for _ in range(2))
    np.testing.assert_array_equal(once, again)


def test_it_goes_to_disk_and_back_without_pickle() -> None:
    import skops.io

    model = OpenSetClassifier().fit(*training_set(15), background=BACKGROUND)
    file = io.BytesIO(skops.io.dumps(model))
    assert sorted(skops.io.get_untrusted_types(file=file)) == [
        "soundmill.osr.class_scores.ClassScores",
        "soundmill.osr.classifier.OpenSetClassifier",
    ]


def test_a_moved_threshold_moves_the_margins_and_the_recall_to_expect() -> None:
    as_it_is, moved = (OpenSetClassifier(threshold_offsets=offsets).fit(*training_set()) for offsets in (None, {"kind 0": 1.5}))
    X, _ = training_set(seed=1)
    shift = as_it_is.margins(X) - moved.margins(X)
    names = list(as_it_is.classes_)
    np.testing.assert_allclose(shift, [[1.5 if name == "kind 0" else 0.0 for name in names]] * len(X), atol=1e-9)
    assert moved.expected_recall_[names.index("kind 0")] < as_it_is.expected_recall_[names.index("kind 0")]
