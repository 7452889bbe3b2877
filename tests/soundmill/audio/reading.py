"""What is heard in a file."""

from pathlib import Path

import numpy as np

from soundmill.audio import open_audio


def heard(source: bytes | Path | str, **options: str) -> np.ndarray:
    """All samples of a file."""
    with open_audio(source) as reader:
        return np.concatenate([block.copy() for block in reader.blocks(**options)])
