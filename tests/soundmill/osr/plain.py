"""Sounds whose truth is plain: clouds of vectors around a centre for each tag."""

from datetime import UTC, datetime

import numpy as np

from soundmill.osr.sounds import Sounds
from soundmill.osr.spec import OTHER

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
CENTRES = {
    "bell": (6.0, 0.0, 0.0),
    "drum": (0.0, 6.0, 0.0),
    "glass": (-5.0, -5.0, 3.0),
    "never trained": (9.0, 9.0, -9.0),
    OTHER: (0.0, 0.0, 9.0),
    "whistle": (7.0, -6.0, 0.0),
}


def sounds(tag: str, count: int, seed: int = 0, frames: int = 21, spread: float = 1.0, hour: float = 12.0) -> Sounds:
    rng = np.random.default_rng([seed, *tag.encode()])
    centre = np.zeros(10)
    centre[:3] = CENTRES[tag]
    vectors = (centre + spread * rng.normal(size=(count * frames, 10))).astype(np.float32)
    keys = tuple(f"{tag} {seed} {n}" for n in range(count))
    return Sounds(keys, vectors, np.repeat(np.arange(count), frames), np.full(count, hour), np.full(count, np.inf), (tag,) * count)


def together(*parts: Sounds) -> Sounds:
    return Sounds.joined(parts)


TAGS = ("bell", "drum", "glass", "whistle")
TAUGHT = together(*(sounds(tag, 25, frames=1) for tag in TAGS))
TEST = together(*(sounds(tag, 20, seed=1, frames=1) for tag in TAGS))
BACKGROUND = sounds(OTHER, 60, frames=1, spread=2.0)
UNKNOWN = sounds("never trained", 20, seed=4, frames=1)
