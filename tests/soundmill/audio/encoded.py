"""Sound in compressed form."""

import io

import av
import numpy as np
import soundfile as sf


def encode(samples: np.ndarray, rate: int, container: str, codec: str) -> bytes:
    """Sound in a compressed form, by libav's own encoders."""
    out = io.BytesIO()
    if codec == "vorbis":
        sf.write(out, samples, rate, format="OGG", subtype="VORBIS")
        return out.getvalue()
    with av.open(out, "w", format=container) as file:
        layout = "mono" if samples.ndim == 1 else "stereo"
        stream = file.add_stream(codec, rate=rate, layout=layout)
        stream.bit_rate = 128_000
        planes = np.atleast_2d(samples.T if samples.ndim == 2 else samples).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(planes), format="fltp", layout=layout)
        frame.sample_rate = rate
        resampler = av.AudioResampler(stream.codec_context.format, layout, rate, frame_size=stream.codec_context.frame_size or None)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            file.mux(stream.encode(part))
        file.mux(stream.encode(None))
    return out.getvalue()
