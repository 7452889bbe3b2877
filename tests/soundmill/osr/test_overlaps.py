"""The compiled inner loop agrees with the same written plainly."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from soundmill.osr.overlaps import best_overlaps


def plainly(products: np.ndarray, ends: list[int], fewest: int, share: float) -> list[tuple[float, int]]:
    found, start = [], 0
    for end in ends:
        part = products[:, start:end]
        need = max(fewest, int(np.ceil(share * min(part.shape))))
        diagonals = [(np.diagonal(part, lag), lag) for lag in range(-(part.shape[0] - 1), part.shape[1])]
        found.append(max([(float(line.mean()), -n) for n, (line, _) in enumerate(diagonals) if len(line) >= need], default=(-1.0, 0)))
        start = end
    return found


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 12), st.lists(st.integers(0, 12), min_size=1, max_size=4), st.integers(1, 4), st.integers(0, 2**31))
def test_the_best_diagonal_is_the_best_of_all(frames: int, lengths: list[int], fewest: int, seed: int) -> None:
    ends = np.cumsum(lengths)
    products = np.random.default_rng(seed).choice([-1, 1], (frames, int(ends[-1]))).astype(np.float32)
    best, lags = best_overlaps(products, ends.astype(np.int64), fewest, 0.5)
    wanted = plainly(products, ends.tolist(), fewest, 0.5)
    np.testing.assert_allclose(best, [mean for mean, _ in wanted], atol=1e-6)
    start = 0
    for mean, lag, end in zip(best, lags, ends, strict=True):
        if mean > -1:
            np.testing.assert_allclose(np.diagonal(products[:, start:end], lag).mean(), mean, atol=1e-6)
        start = end


def test_a_sound_too_short_to_tell_is_like_none() -> None:
    best, lags = best_overlaps(np.ones((5, 3), np.float32), np.array([3]), 4, 0.5)
    assert (best.tolist(), lags.tolist()) == ([-1.0], [0])
