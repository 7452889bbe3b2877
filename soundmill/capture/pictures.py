"""A day of segments at a glance: spectrograms of its loudest, and how levels are spread."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from soundmill.audio import read_pcm
from soundmill.lake import Lake
from soundmill.plots import ACCENT, INK, figure, png

_SHOWN = 6


def segments_picture(lake: Lake, segments: pa.Table) -> bytes:
    """Spectrograms of the loudest segments of each part of the day, as PNG, from a table `captured_segments` with rows."""
    chosen = _spread(segments)
    return spectrograms_picture(lake, [(row["path"], f"{row['started_at']:%H:%M:%S}") for row in chosen])


def spectrograms_picture(lake: Lake, shown: Sequence[tuple[str, str]]) -> bytes:
    """Spectrograms of segments, given as path and title, side by side in rows of six, as PNG."""
    rows = max(1, -(-len(shown) // _SHOWN))
    fig, axes = figure(1.55 * _SHOWN, 1.5 * rows, rows, _SHOWN)
    flat = np.atleast_1d(axes).ravel()
    for axis, (path, title) in zip(flat, shown, strict=False):
        pcm, rate = read_pcm(lake.read_bytes(path))
        with np.errstate(divide="ignore"):
            axis.specgram(pcm.astype(np.float32) + 1e-3, NFFT=512, Fs=rate, noverlap=128, cmap="magma", vmin=-60, vmax=60, scale="dB")
        axis.set(xticks=[], yticks=[])
        axis.set_title(title)
    for axis in flat[len(shown) :]:
        axis.set_visible(False)
    return png(fig)


def levels_picture(max_amps: Sequence[int], gate_dbfs: float | None) -> bytes:
    """Histogram of peak levels in dBFS, with the gate, as PNG."""
    dbfs = 20 * np.log10(np.maximum(1, np.asarray(max_amps, float)) / 32_767)
    fig, axis = figure(4.2, 1.6)
    axis.hist(dbfs, bins=np.arange(-60, 2, 2), color=ACCENT)
    if gate_dbfs is not None:
        axis.axvline(gate_dbfs, color=INK, linestyle="--", linewidth=1)
    axis.set_xlabel("peak, dBFS", fontsize=8, color=INK)
    axis.set_ylabel("segments", fontsize=8, color=INK)
    return png(fig)


def _spread(segments: pa.Table) -> list[dict[str, Any]]:
    rows = segments.select(["started_at", "max_amp", "path"]).sort_by("started_at").to_pylist()
    parts = np.array_split(np.arange(len(rows)), min(_SHOWN, len(rows)))
    return [max((rows[i] for i in part), key=lambda row: int(row["max_amp"])) for part in parts]
