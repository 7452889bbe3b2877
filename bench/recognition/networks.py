"""Where the files of networks are that extractors want."""

import os
from pathlib import Path


def networks() -> dict[str, Path]:
    """The files of the settings; without them, those next to the test data."""
    root = Path(__file__).resolve().parent.parent.parent.parent / "shared"
    models = Path(os.environ.get("SOUNDMILL_TEST_DATA", root / "data")).parent / "models"
    defaults = {"yamnet": models / "yamnet" / "yamnet.tflite", "mn04": models / "efficientat-mn04" / "mn04_as_mAP_432.pt"}
    return {name: Path(os.environ.get(f"SOUNDMILL_{name.upper()}_MODEL") or path) for name, path in defaults.items()}
