"""The open-set classifier: scikit-learn's conventions, honest expectations, and what cross-validation decides."""

import io
import warnings

import numpy as np
import pytest
from sklearn.utils.estimator_checks import check_estimator

from soundmill.osr.class_scores import CLASS_MODELS, PROJECTORS
from soundmill.osr.classifier import REJECTIONS, THRESHOLDS, OpenSetClassifier
from soundmill.osr.metrics import auroc

CENTRES = np.random.default_rng(9).normal(size=(8, 30)) * 3


def cloud(kind: int, count: int, seed: int = 0, spread: float = 2.0) -> np.ndarray:
    return CENTRES[kind] + spread * np.random.default_rng([seed, kind]).normal(size=(count, 30))


def training_set(each: int = 40, seed: int = 0, kinds: int = 5) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate([cloud(k, each, seed) for k in range(kinds)]), np.repeat([f"kind {k}" for k in range(kinds)], each)


UNKNOWN = np.concatenate([cloud(k, 40, 5) for k in (5, 6)])
BACKGROUND = cloud(7, 80)


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
def test_taught_sounds_are_named_and_all_others_are_other(background: np.ndarray | None) -> None:
    model = OpenSetClassifier().fit(*training_set(), background=background)
    X, y = training_set(seed=1)
    named = model.predict(X) == y
    assert named.mean() > 0.85
    assert np.mean(model.predict(UNKNOWN) == "other") > 0.85
    assert np.mean(model.predict(cloud(7, 40, 3)) == "other") > 0.85
    assert named.mean() == pytest.approx(np.nanmean(model.expected_recall_), abs=0.06)


@pytest.mark.parametrize("recall", [0.6, 0.8, 0.95])
def test_the_recall_that_is_asked_for_is_promised_and_delivered(recall: float) -> None:
    model = OpenSetClassifier(threshold="quantile", recall=recall).fit(*training_set(100))
    X, y = training_set(100, seed=1)
    assert np.nanmean(model.expected_recall_) == pytest.approx(recall, abs=0.02)
    assert (model.predict(X) == y).mean() == pytest.approx(recall, abs=0.05)


def wide(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """More numbers than sounds, most of them noise."""
    X, y = training_set(15, seed)
    return np.concatenate([X, np.random.default_rng(seed + 100).normal(size=(len(X), 2000))], axis=1), y


def test_the_original_s_rule_promises_more_than_it_delivers() -> None:
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


@pytest.mark.parametrize("projector", PROJECTORS)
@pytest.mark.parametrize("class_model", CLASS_MODELS)
def test_every_projector_goes_with_every_class_model(projector: str, class_model: str) -> None:
    model = OpenSetClassifier(projector=projector, class_model=class_model, dimensions=20).fit(*training_set(15))
    X, y = training_set(15, seed=1)
    assert (np.array(model.verdicts(X).nearest) == y).mean() > 0.8
    assert auroc(model.margins(X).max(axis=1), model.margins(UNKNOWN).max(axis=1)) > 0.6


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


def test_sounds_of_a_group_are_never_on_both_sides_of_a_rehearsal() -> None:
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


def test_background_that_is_all_of_one_group_is_used_and_promises_stay() -> None:
    model = OpenSetClassifier().fit(*training_set(), background=BACKGROUND, background_groups=["one night"] * len(BACKGROUND))
    assert not np.isnan(model.expected_recall_).any()
    assert (model.predict(BACKGROUND) == "other").mean() > 0.9


def test_background_of_a_taught_recording_is_held_back_with_it() -> None:
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


def test_very_few_sounds_still_make_a_model_that_promises_little() -> None:
    pair = OpenSetClassifier().fit(CENTRES[:2], ["a", "b"])
    assert np.isnan(pair.expected_recall_).all()
    assert any("expect less recall" in why for _, _, why in pair.choices_)
    four = OpenSetClassifier().fit(*training_set(4))
    X, y = training_set(20, seed=1)
    assert (np.array(four.verdicts(X).nearest) == y).mean() > 0.8


def test_one_class_can_be_taught() -> None:
    model = OpenSetClassifier().fit(cloud(0, 40), ["bell"] * 40, background=BACKGROUND)
    assert np.mean(model.predict(cloud(0, 40, 1)) == "bell") > 0.8
    assert np.mean(model.predict(BACKGROUND) == "other") > 0.8


def test_columns_that_never_change_do_no_harm() -> None:
    X, y = training_set(15)
    still = np.concatenate([X, np.full((len(X), 3), 7.0)], axis=1)
    assert np.isfinite(OpenSetClassifier().fit(still, y).margins(still)).all()


def test_a_small_block_is_not_drowned_by_a_large_one_of_noise() -> None:
    X, y = wide(1)
    even = OpenSetClassifier(blocks=[30, 2000], dimensions=30).fit(*wide(0))
    drowned = OpenSetClassifier(dimensions=30).fit(*wide(0))
    assert (np.array(even.verdicts(X).nearest) == y).mean() > (np.array(drowned.verdicts(X).nearest) == y).mean() + 0.1
    with pytest.raises(ValueError, match="blocks of 31 columns do not fit vectors of 30"):
        OpenSetClassifier(blocks=[1, 30]).fit(*training_set(5))


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
