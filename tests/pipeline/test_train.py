"""soundmill model train: one command from a folder of clips to a report."""

import re
from pathlib import Path

import numpy as np
import soundfile as sf

from soundmill.scene import LABELLED, RATE
from tests.command import Command


def test_one_command_teaches_a_folder_of_clips(soundmill: Command, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for kind, make in list(LABELLED.items())[:4]:
        (tmp_path / "clips" / kind).mkdir(parents=True)
        for n in range(16):
            sf.write(tmp_path / "clips" / kind / f"{n}.wav", make(rng), RATE, subtype="PCM_16")
    assert "has no class siren; it has doorbell" in soundmill(
        "model", "train", "house", str(tmp_path / "clips"), "--unknown", "siren", code=1
    )
    said = soundmill("model", "train", "house", str(tmp_path / "clips"), "--unknown", "glass")
    assert "house version 1 is trained on 33 of 64 clips (64 sources), and tested on the others" in said
    assert "if it had to give a name: 100%" in said
    assert re.search(r"sounds it was not trained on: 1[3-6] of 16", said)
    report = Path(said.rsplit("report: ", 1)[1].splitlines()[0])
    assert "doorbell" in report.read_text()
    assert "of training clips are apart from it" in soundmill("progress")
    (tmp_path / "clips" / "kettle" / "0.wav").unlink()
    assert "was trained on other clips" in soundmill("model", "train", "house", str(tmp_path / "clips"), "--unknown", "glass", code=1)
