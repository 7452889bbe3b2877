"""The audit of what was missed: strata, draws, and that its interval holds the truth as often as it says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soundmill.labelling.audit import STRATA, Stratum, audited, draw, strata_of

SEGMENTS = 28_800


def day(rng: np.random.Generator, prevalence: float, separation: float) -> tuple[np.ndarray, np.ndarray, float]:
    """A detector's scores on a day, which segments have the target, and the threshold at which three of four of them are found."""
    has = rng.random(SEGMENTS) < prevalence
    scores = rng.normal(size=SEGMENTS) + separation * has
    return scores, has, float(np.quantile(scores[has], 0.25))


def audit_of(scores: np.ndarray, has: np.ndarray, threshold: float, labels: int, seed: int) -> tuple[float, float, float]:
    """(low, estimate, high) of recall from so many labels of the undetected, and fifty of the detected."""
    rng = np.random.default_rng(seed)
    hit, quiet = np.flatnonzero(scores >= threshold), np.flatnonzero(scores < threshold)
    strata = strata_of(scores[quiet])
    picked, _ = draw(strata, labels, seed)
    found = [
        Stratum(int((strata == n).sum()), int(mine.size), int(has[quiet[mine]].sum()))
        for n in range(STRATA)
        for mine in [picked[strata[picked] == n]]
    ]
    looked = rng.choice(hit, min(50, len(hit)), replace=False)
    told = audited(found, len(hit), (int(has[looked].sum()), int((~has[looked]).sum()))).recall
    return told.low, told.value, told.high


@pytest.mark.parametrize("separation", [2.545, 1.19])  # areas under the curve of .964 and .80
def test_the_interval_holds_the_truth_as_often_as_it_says(separation: float) -> None:
    rng, held, errors = np.random.default_rng(4), [], []
    for number in range(60):
        scores, has, threshold = day(rng, (0.003, 0.01, 0.05)[number % 3], separation)
        low, told, high = audit_of(scores, has, threshold, 200, number)
        truth = (scores[has] >= threshold).mean()
        held.append(low <= truth <= high)
        errors.append(told - truth)
    assert np.mean(held) >= 0.93
    assert abs(np.mean(errors)) < 0.15


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=400), st.integers(0, 500), st.integers(0, 9))
@settings(max_examples=60)
def test_strata_go_down_with_the_score_and_draws_are_even(values: list[float], labels: int, seed: int) -> None:
    scores = np.array(values)
    strata = strata_of(scores)
    order = np.argsort(-scores, kind="stable")
    assert (np.diff(strata[order]) >= 0).all()
    assert set(strata) == set(range(strata.max() + 1))
    assert strata.max() < STRATA
    picked, probabilities = draw(strata, labels, seed)
    assert len(set(picked)) == len(picked) == min(labels, len(scores))
    sizes, shares = np.bincount(strata), np.bincount(strata[picked], minlength=strata.max() + 1)
    assert all(share == size or share >= shares.max() - 1 for share, size in zip(shares, sizes, strict=True))
    np.testing.assert_allclose(probabilities, (shares / sizes)[strata[picked]])


def test_the_lowest_stratum_is_half_of_all() -> None:
    sizes = np.bincount(strata_of(np.random.default_rng(1).normal(size=12_800)))
    assert sizes.tolist() == [100, 100, 200, 400, 800, 1600, 3200, 6400]


def test_what_was_labelled_counts_as_it_is() -> None:
    whole = audited([Stratum(10, 10, 5), Stratum(20, 20, 0)], detected=15, confirmed=(15, 0))
    assert (whole.missed.low, whole.missed.high) == (5, 5)
    assert (whole.recall.low, whole.recall.high) == (0.75, 0.75)
    assert whole.precision.value == 1
    nothing = audited([], detected=0, confirmed=(0, 0))
    assert nothing.missed.value == 0
