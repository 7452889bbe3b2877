"""Where somebody speaks: a simple detector by energy, for one voice on its own channel.

It knows loud from quiet, not speech from music: good enough to tell a dead channel from a live one, and who spoke when on a call
recorded side by side.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from soundmill.audio.levels import LevelTrack

FRAME_SECONDS = 0.02
_ABOVE_FLOOR = 10.0  # dB over the quietest tenth of the frames
_BELOW_PEAK = 34.0  # dB under the loudest hundredth
_LEAST = -65.0  # dBFS: what is quieter is never speech
_LONGEST_PAUSE = 5  # frames inside a turn
_SHORTEST_TURN = 3  # frames

Turn = tuple[float, float]


class SpeechMeter:
    """Takes int16 samples of shape (n,) at `sample_rate` Hz block by block, and says when there was speech."""

    def __init__(self, sample_rate: int) -> None:
        self._levels = LevelTrack(sample_rate, FRAME_SECONDS)

    def add(self, pcm: npt.NDArray[np.int16]) -> None:
        """Takes the next samples."""
        self._levels.add(pcm)

    def turns(self) -> list[Turn]:
        """(start, end) of each turn of speech, in seconds, in order; pauses of up to 0.1 s lie inside."""
        level = self._levels.dbfs()
        if not len(level):
            return []
        threshold = max(float(np.percentile(level, 10)) + _ABOVE_FLOOR, float(np.percentile(level, 99)) - _BELOW_PEAK, _LEAST)
        starts, ends = _runs(level > threshold)
        if not len(starts):
            return []
        apart = starts[1:] - ends[:-1] > _LONGEST_PAUSE
        starts, ends = starts[np.r_[True, apart]], ends[np.r_[apart, True]]
        long = ends - starts >= _SHORTEST_TURN
        return [
            (round(float(start) * FRAME_SECONDS, 2), round(float(end) * FRAME_SECONDS, 2))
            for start, end in zip(starts[long], ends[long], strict=True)
        ]


def speech_seconds(turns: Sequence[Turn]) -> float:
    """How long the turns are together."""
    return sum(end - start for start, end in turns)


def overlap_seconds(turns: Sequence[Turn], others: Sequence[Turn]) -> float:
    """How long turns of one voice lie over turns of the other; both are in order and without overlap of their own."""
    total, i, j = 0.0, 0, 0
    while i < len(turns) and j < len(others):
        total += max(0.0, min(turns[i][1], others[j][1]) - max(turns[i][0], others[j][0]))
        if turns[i][1] < others[j][1]:
            i += 1
        else:
            j += 1
    return total


def _runs(flags: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    edges = np.flatnonzero(np.diff(np.r_[False, flags, False]))
    return edges[::2], edges[1::2]
