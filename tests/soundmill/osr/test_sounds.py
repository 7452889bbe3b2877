"""Sounds as vectors with keys, tags and hours."""

import numpy as np

from soundmill.osr.sounds import Sounds
from tests.soundmill.osr.plain import sounds


def test_sounds_join_and_pool() -> None:
    joined = Sounds.joined([sounds("bell", 2, frames=3), sounds("drum", 1, frames=2)])
    assert joined.owner.tolist() == [0, 0, 0, 1, 1, 1, 2, 2]
    np.testing.assert_allclose(joined.pooled()[2], joined.vectors[6:].mean(axis=0), rtol=1e-6)
