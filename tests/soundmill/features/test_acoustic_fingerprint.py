"""Signs by which a recording is known again."""

import numpy as np

from soundmill.osr.splits import near_duplicates
from soundmill.scene import RATE, babble
from tests.soundmill.osr.fingerprints import fingerprints


def test_padding_with_digital_silence_makes_no_copies() -> None:
    rng = np.random.default_rng(0)
    padded = {name: np.concatenate([babble(np.random.default_rng(seed))[:60_000], np.zeros(3 * RATE)]) for seed, name in enumerate("abc")}
    assert near_duplicates(fingerprints(**padded), fingerprints(**padded)) == []
    assert near_duplicates(fingerprints(hiss=rng.normal(size=2 * RATE)), fingerprints(silence=np.zeros(3 * RATE))) == []
