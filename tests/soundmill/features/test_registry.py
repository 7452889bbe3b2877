"""Feature extractors, against slow and plain versions of themselves and against librosa."""

from pathlib import Path

import numpy as np
import pytest

from soundmill.errors import UnknownExtractor
from soundmill.features.extractor import fingerprint
from soundmill.features.registry import extractor
from tests.conftest import RATE
from tests.soundmill.features.sounds import noise


def test_extractors_are_joined_by_a_plus(yamnet: Path) -> None:
    sound = noise(1.5)
    joined = extractor("pooled_spectral+yamnet", {"yamnet": yamnet})
    assert joined.size == 1393 + 1024
    assert sum(size for _, size in joined.groups) == joined.size
    expected = np.concatenate([extractor("pooled_spectral")(sound, RATE), extractor("yamnet", {"yamnet": yamnet})(sound, RATE)], axis=1)
    np.testing.assert_array_equal(joined(sound, RATE), expected)
    assert (
        len(
            {
                fingerprint(joined),
                fingerprint(extractor("yamnet", {"yamnet": yamnet})),
                fingerprint(extractor("yamnet+pooled_spectral", {"yamnet": yamnet})),
            }
        )
        == 3
    )
    for name, says in (("yamnet+loudest_frames", "many vectors"), ("yamnet+yamnet", "to itself"), ("yamnet+mfcc", "mfcc")):
        with pytest.raises(UnknownExtractor, match=says):
            extractor(name)


def test_an_unknown_extractor_is_named_with_those_there_are() -> None:
    with pytest.raises(UnknownExtractor, match="loudest_frames"):
        extractor("mfcc")
