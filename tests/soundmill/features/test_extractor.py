"""What every extractor promises."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from soundmill.features.extractor import fingerprint
from soundmill.features.loudest_frames import LoudestFrames
from soundmill.features.pooled_spectral import PooledSpectral
from soundmill.features.registry import EXTRACTORS, extractor
from tests.conftest import RATE
from tests.soundmill.features.sounds import noise


@pytest.mark.parametrize("name", EXTRACTORS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(length=st.integers(0, 5000), seed=st.integers(0, 5))
def test_every_extractor_gives_finite_numbers_of_its_size_at_any_length(
    request: pytest.FixtureRequest, name: str, length: int, seed: int
) -> None:
    network = getattr(EXTRACTORS[name], "network", None)
    tool = extractor(name, {network: request.getfixturevalue(network)} if network else None)
    for sound in (noise(1.0, seed)[:length], np.zeros(length, np.float32), np.ones(length, np.float32)):
        found = tool(sound, RATE)
        assert found.dtype == np.float32
        assert found.shape[1] == tool.size
        if name != "acoustic_fingerprint":  # which short sounds have none of
            assert (len(found) == 0) == (length == 0)
        assert np.isfinite(found).all()


def test_the_fingerprint_follows_the_parameters() -> None:
    assert fingerprint(LoudestFrames()) == fingerprint(LoudestFrames(frames=21))
    assert len({fingerprint(LoudestFrames()), fingerprint(LoudestFrames(frames=7)), fingerprint(PooledSpectral())}) == 3
