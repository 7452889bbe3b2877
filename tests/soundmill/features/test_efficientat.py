"""The network mn04: it hears what AudioSet calls by name, alone and among others, and runs nothing that its file brings along."""

import csv
import pickle
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from soundmill.errors import ExtractorUnavailable
from soundmill.features.efficientat import SIZE, Mn04, _network
from soundmill.features.extractor import fingerprint, vectors_of
from soundmill.features.registry import extractor

HEARD = {
    "001 - Dog bark": "Dog",
    "009 - Rooster": "Chicken, rooster",
    "006 - Person sneeze": "Sneeze",
    "004 - Baby cry": "Baby cry, infant cry",
}


def test_it_hears_what_audio_set_calls_by_name(mn04: Path, data: Path) -> None:
    with (mn04.parent / "class_labels_indices.csv").open() as file:
        names = [row["display_name"] for row in csv.DictReader(file)]
    tool = Mn04(mn04)
    for folder, name in HEARD.items():
        best = []
        for path in sorted((data / "esc10" / folder).glob("*.ogg"))[:5]:
            samples, rate = sf.read(path, dtype="float32")
            (vector,) = tool(samples, rate)
            best.append([names[place] for place in np.argsort(-_network(str(mn04)).scores(vector))[:5]])
        assert sum(name in some for some in best) >= 4, (folder, best)


def test_several_together_give_the_same_as_each_alone(mn04: Path) -> None:
    rng = np.random.default_rng(0)
    sounds = [
        (rng.normal(0, 0.1, length).astype(np.float32), rate)
        for length, rate in ((44_100, 44_100), (0, 16_000), (3 * 16_000, 16_000), (44_100, 44_100), (25 * 32_000, 32_000))
    ]
    tool = extractor("mn04", {"mn04": mn04})
    together = vectors_of(tool, sounds)
    assert [len(one) for one in together] == [1, 0, 1, 1, 1]
    for one, (samples, rate) in zip(together, sounds, strict=True):
        np.testing.assert_allclose(one, tool(samples, rate), atol=2e-5)
    assert tool.size == SIZE == together[0].shape[1]


def test_it_says_how_to_get_a_network_that_is_not_there_and_refuses_another_file(mn04: Path, tmp_path: Path) -> None:
    for tool in (extractor("mn04"), extractor("mn04", {"mn04": tmp_path / "nowhere.pt"})):
        with pytest.raises(ExtractorUnavailable, match="soundmill pretrained fetch mn04"):
            tool(np.zeros(100, np.float32), 44_100)
        with pytest.raises(ExtractorUnavailable, match="SOUNDMILL_MN04_MODEL"):
            fingerprint(tool)
    (tmp_path / "other.pt").write_bytes(b"something else")
    with pytest.raises(ExtractorUnavailable, match="is no network of EfficientAT"):
        Mn04(tmp_path / "other.pt")(np.ones(44_100, np.float32), 44_100)
    assert fingerprint(Mn04(mn04)) != fingerprint(Mn04(tmp_path / "other.pt"))


class Harm:
    """What a pickle can bring along."""

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (str(Harm.path), "w")

    path = Path()


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    Harm.path = tmp_path / "harmed"
    (tmp_path / "harm.pt").write_bytes(pickle.dumps({"features.0.0.weight": Harm()}))
    with pytest.raises(ExtractorUnavailable, match="is no network of EfficientAT"):
        Mn04(tmp_path / "harm.pt")(np.ones(44_100, np.float32), 44_100)
    assert not Harm.path.exists()
