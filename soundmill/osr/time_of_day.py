"""When in the day each sound is to be expected: a density over the hours, on a fixed grid."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

GRID = np.linspace(0, 24, 73)  # three points an hour
VARIANCE = 0.25  # hours squared
FEWEST = 20
FLAT = 0.1


def time_model(hours: Floats) -> Floats:
    """Weights in (0, 1] on `GRID`, shape (73,), from the hours of a tag's sounds, shape (n,).

    A sum of Gaussian bumps wrapped around midnight, clipped to [1, 10] and divided by its largest value, so that no hour is ever
    more than ten times less likely than another. With fewer than 20 sounds it is flat.
    """
    if len(hours) < FEWEST:
        return np.full(len(GRID), FLAT)
    away = np.abs(GRID[:, None] - np.asarray(hours)[None, :]) % 24
    away = np.minimum(away, 24 - away)
    clipped = np.clip(np.exp(-(away**2) / (2 * VARIANCE)).sum(axis=1), 1, 10)
    weights: Floats = clipped / clipped.max()
    return weights


def weight_at(weights: Floats, hours: Floats) -> Floats:
    """Weights at any hours, shape (n,), by linear interpolation."""
    return np.interp(np.asarray(hours) % 24, GRID, weights)


def density_at(weights: Floats, hours: Floats) -> Floats:
    """How much likelier than by chance the hours are, shape (n,): weights over their mean across the day; 1 for a flat model."""
    return weight_at(weights, hours) / float(weights[:-1].mean())  # the last point of the grid is the first
