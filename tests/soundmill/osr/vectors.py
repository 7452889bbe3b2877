"""Vectors of a few classes, as clouds around random centres."""

import numpy as np

CENTRES = np.random.default_rng(9).normal(size=(8, 30)) * 3


def cloud(kind: int, count: int, seed: int = 0, spread: float = 2.0) -> np.ndarray:
    return CENTRES[kind] + spread * np.random.default_rng([seed, kind]).normal(size=(count, 30))


def training_set(each: int = 40, seed: int = 0, kinds: int = 5) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate([cloud(k, each, seed) for k in range(kinds)]), np.repeat([f"kind {k}" for k in range(kinds)], each)


def wide(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """More numbers than sounds, most of them noise."""
    X, y = training_set(15, seed)
    return np.concatenate([X, np.random.default_rng(seed + 100).normal(size=(len(X), 2000))], axis=1), y


BACKGROUND = cloud(7, 80)
UNKNOWN = np.concatenate([cloud(k, 40, 5) for k in (5, 6)])
