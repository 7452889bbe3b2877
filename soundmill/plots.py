"""Small pictures for asset metadata and reports: one look for all, drawn without a screen and without global state."""

import base64
import io
from typing import Any

import numpy as np
import numpy.typing as npt

INK = "#26323f"
ACCENT = "#2f6f9f"
WARM = "#d9822b"


def figure(width: float, height: float, rows: int = 1, columns: int = 1) -> tuple[Any, Any]:
    """A figure of so many inches and its axes."""
    from matplotlib.figure import Figure

    fig = Figure(figsize=(width, height), dpi=90, layout="constrained")
    axes = fig.subplots(rows, columns)
    for axis in getattr(axes, "flat", [axes]):
        axis.spines[["top", "right"]].set_visible(False)
        axis.spines[["left", "bottom"]].set_color(INK)
        axis.tick_params(colors=INK, labelsize=8)
        axis.title.set_fontsize(9)
        axis.title.set_color(INK)
    return fig, axes


def spectrogram(axis: Any, samples: npt.NDArray[np.number[Any]], rate: int) -> None:
    """Draws the spectrogram of int16 samples at so many Hz."""
    with np.errstate(divide="ignore"):
        axis.specgram(samples.astype(np.float32) + 1e-3, NFFT=512, Fs=rate, noverlap=128, cmap="magma", vmin=-60, vmax=60, scale="dB")


def png(fig: Any) -> bytes:
    """The figure as PNG bytes, palette-reduced to stay small."""
    from PIL import Image

    raw = io.BytesIO()
    fig.savefig(raw, format="png")
    raw.seek(0)
    out = io.BytesIO()
    Image.open(raw).convert("RGB").quantize(128).save(out, format="png", optimize=True)
    return out.getvalue()


def markdown_image(picture: bytes, alt: str) -> str:
    """Markdown that holds the picture itself, so that it shows wherever the text does."""
    return f"![{alt}](data:image/png;base64,{base64.b64encode(picture).decode()})"
