"""Speech models are found, named by their content and loaded when first used."""

import subprocess
import sys
from pathlib import Path

import pytest

from soundmill.errors import NoSpeechModel
from soundmill.speech import transcriber


def test_without_a_model_one_line_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(NoSpeechModel, match="soundmill pretrained fetch vosk-small-en"):
        transcriber(tmp_path / "nothing")


def test_a_model_is_named_by_its_content(digits_model: Path, data: Path) -> None:
    static = transcriber(data.parent / "models" / "vosk-tiny-digits-static")
    assert static.model.startswith("vosk-tiny-digits-static-")
    assert static.model.rpartition("-")[2] != transcriber(digits_model).model.rpartition("-")[2]
    assert static.transcribe(data / "digit-strings" / "all_ten.wav").text == "zero one two three four five six seven eight nine"


def test_the_model_is_loaded_when_it_is_first_used(digits_model: Path) -> None:
    script = f"""
import sys
from pathlib import Path
from soundmill.speech import transcriber
print(transcriber(Path({str(digits_model)!r})).model, "vosk" in sys.modules)
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.split()[1] == "False"
