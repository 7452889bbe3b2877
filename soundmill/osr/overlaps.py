"""Laying one sound's frames over another's: the inner loop of `soundmill.osr.splits`, compiled."""

import numba as nb
import numpy as np
import numpy.typing as npt


@nb.njit(cache=True)
def best_overlaps(
    products: npt.NDArray[np.float32], ends: npt.NDArray[np.int64], fewest: int, least_share: float
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """For each sound of a bank, the mean of `products` (frames of one sound, frames of the bank) along the best diagonal, and which."""
    best = np.full(len(ends), np.float32(-1))
    lags = np.zeros(len(ends), np.int64)
    frames = products.shape[0]
    start = 0
    for k in range(len(ends)):
        length = ends[k] - start
        need = max(fewest, int(np.ceil(least_share * min(frames, length))))
        for lag in range(-(frames - 1), length):
            low, high = max(0, -lag), min(frames, length - lag)
            if high - low < need:
                continue
            total = np.float32(0)
            for i in range(low, high):
                total += products[i, start + i + lag]
            if total / np.float32(high - low) > best[k]:
                best[k] = total / np.float32(high - low)
                lags[k] = lag
        start = ends[k]
    return best, lags
