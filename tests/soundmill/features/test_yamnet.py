"""The network YAMNet."""

from pathlib import Path

import pytest

from soundmill.errors import ExtractorUnavailable
from soundmill.features.extractor import fingerprint
from soundmill.features.registry import extractor
from tests.conftest import RATE
from tests.soundmill.features.sounds import noise


def test_yamnet_hears_what_audio_set_calls_by_name(yamnet: Path, data: Path) -> None:
    from soundmill.audio import read_samples

    hens = sorted((data / "esc10" / "009 - Rooster").iterdir())[:3]
    names = [line.split(",")[1] for line in yamnet.with_name("yamnet_class_map.csv").read_text().splitlines()[1:]]
    for clip in hens:
        samples, rate = read_samples(clip)
        assert extractor("yamnet", {"yamnet": yamnet})(samples, rate).shape == (1, 1024)
        scores = extractor("yamnet_scores", {"yamnet": yamnet})(samples, rate)[0]
        assert len(names) == 521
        assert 67 <= int(scores.argmax()) <= 131  # animals, from "Animal" to the last of the birds, whatever the language of the map


def test_a_missing_network_is_said_with_the_way_to_get_it(tmp_path: Path) -> None:
    missing = extractor("yamnet", {"yamnet": tmp_path / "nowhere.tflite"})
    assert missing.size == 1024
    with pytest.raises(ExtractorUnavailable, match="soundmill pretrained fetch yamnet"):
        missing(noise(1.0), RATE)
    with pytest.raises(ExtractorUnavailable, match="soundmill pretrained fetch yamnet"):
        fingerprint(missing)
