"""A day of segments at a glance: spectrograms of its loudest, and how levels are spread."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from matplotlib.patches import Patch

from soundmill.audio import read_pcm
from soundmill.capture.coverage import Span
from soundmill.lake import Lake
from soundmill.plots import ACCENT, INK, WARM, figure, png, spectrogram

_SHOWN = 6
_LEAST_SHOWN = 0.002  # seconds
_WIDEST_HIDDEN = 30.0  # seconds: less would be thinner than a pixel
_BARS = {"stored": (0.6, ACCENT), "silent": (0.6, "#c5d3e0"), "missing": (0.75, WARM), "recorded twice": (0.9, "#7a3b8f")}


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
        spectrogram(axis, pcm, rate)
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


def coverage_picture(spans: Mapping[str, Sequence[Span]]) -> bytes:
    """A PNG of what was recorded on a UTC day, a line for each source: stored, silent, missing (in between) and doubled.

    Spans are in seconds since midnight.
    """
    fig, axis = figure(9.0, 0.7 + 0.34 * len(spans))
    for line, of_source in enumerate(reversed(list(spans.values()))):
        bars: dict[str, list[tuple[float, float]]] = {}
        reached: float | None = None
        for span in of_source:
            if reached is not None and span.start - reached > _LEAST_SHOWN:
                bars.setdefault("missing", []).append((reached, span.start - reached))
            elif reached is not None and reached - span.start > _LEAST_SHOWN:
                bars.setdefault("recorded twice", []).append((span.start, min(reached - span.start, span.seconds)))
            same = bars.setdefault("stored" if span.state == "ready" else "silent", [])
            if same and abs(same[-1][0] + same[-1][1] - span.start) <= _LEAST_SHOWN:
                same[-1] = (same[-1][0], span.start + span.seconds - same[-1][0])
            else:
                same.append((span.start, span.seconds))
            reached = max(reached or span.start, span.start + span.seconds)
        for kind, pieces in bars.items():
            height, colour = _BARS[kind]
            wide = [(start / 3600, max(length, _WIDEST_HIDDEN) / 3600) for start, length in pieces]
            axis.broken_barh(wide, (line - height / 2, height), color=colour)
    axis.set(xlim=(0, 24), ylim=(-0.6, len(spans) - 0.4), xticks=range(0, 25, 3), yticks=range(len(spans)))
    axis.set_yticklabels(list(reversed(list(spans))))
    axis.set_xlabel("hour, UTC", fontsize=8, color=INK)
    handles = [Patch(color=colour, label=kind) for kind, (_, colour) in _BARS.items()]
    axis.legend(handles=handles, fontsize=7, frameon=False, ncols=4, loc="lower right", bbox_to_anchor=(1.0, 1.0))
    return png(fig)


def _spread(segments: pa.Table) -> list[dict[str, Any]]:
    rows = segments.select(["started_at", "max_amp", "path"]).sort_by("started_at").to_pylist()
    parts = np.array_split(np.arange(len(rows)), min(_SHOWN, len(rows)))
    return [max((rows[i] for i in part), key=lambda row: int(row["max_amp"])) for part in parts]
