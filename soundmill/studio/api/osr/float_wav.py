"""WAV of 32-bit floats, as the original's macrosegments are."""

import io

import numpy as np
import numpy.typing as npt
import soundfile as sf


def float_wav(samples: npt.NDArray[np.float32], sample_rate: int) -> bytes:
    """A mono WAV of samples, shape (n,), in shares of full scale."""
    target = io.BytesIO()
    sf.write(target, samples, sample_rate, format="WAV", subtype="FLOAT")
    return target.getvalue()
