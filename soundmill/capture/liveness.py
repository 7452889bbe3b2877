"""Whether a source is alive: is the world quiet, or the microphone dead?

A quiet room still has a noise floor, and no two parts of it are the same. A dead input has no floor (digital zero, a constant), has
fallen far below the floor it used to have, repeats itself sample by sample, or is nothing but the hum of the mains.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from soundmill.audio import dbfs
from soundmill.audio.reader import Float32, Int16

State = Literal["starting", "live", "quiet", "stalled", "dead"]
STALLED_AFTER = 5.0  # seconds without a block
_SURE = 4  # segments in a row before a verdict that alarms
_SURE_OF_HUM = 10
_FLOOR_SEGMENTS = 1200  # an hour
_FEWEST_FOR_FLOOR = 60
_BELOW_FLOOR = 20.0  # dB under the noise floor it used to have: a fan that stops makes less of a difference
_HUM_SHARE = 0.97  # of the energy at harmonics of the mains
_HUM_STEADY = 1.0  # dB between the loudest and the softest of the segments in a row
_SIGNATURE = 64  # samples whose exact return means that a buffer is stuck


@dataclass
class Liveness:
    """The state of one source, from its closed segments. `why` says in words what a dead source shows."""

    sample_rate: int
    state: State = "starting"
    why: str = ""
    floor_dbfs: float | None = None  # the noise floor: the level that one segment in ten stays under
    _levels: deque[float] = field(default_factory=lambda: deque(maxlen=_FLOOR_SEGMENTS))
    _signs: deque[tuple[str, float]] = field(default_factory=lambda: deque(maxlen=_SURE_OF_HUM))
    _last: Int16 = field(default_factory=lambda: np.empty(0, np.int16))

    def observe(self, samples: Int16, passed_gate: bool) -> State:
        """Takes a closed segment in, shape (n,) int16; the state it leads to."""
        level, sign = self._sign_of(samples)
        self._signs.append((sign, level))
        self._last = samples
        if not sign or sign.startswith("far"):  # a world that stays softer is its new floor within the hour
            self._levels.append(level)
            if len(self._levels) >= _FEWEST_FOR_FLOOR:
                self.floor_dbfs = float(np.percentile(self._levels, 10))
        reason = self._dead()
        if reason:
            self.state, self.why = "dead", reason
        elif self.state != "dead" or not sign:  # a dead one comes back with a segment that has nothing wrong
            self.state, self.why = ("live" if passed_gate else "quiet"), ""
        return self.state

    def idle(self, seconds: float) -> State:
        """No block has come for so long."""
        if seconds > STALLED_AFTER:
            self.state, self.why = "stalled", f"nothing has come for {seconds:.0f} s"
        return self.state

    def _sign_of(self, samples: Int16) -> tuple[float, str]:
        """Level in dBFS without the mean, and what is suspicious: zero, constant, frozen, hum, low or nothing."""
        centred = samples.astype(np.float32)
        mean = float(centred.mean()) if len(samples) else 0.0
        centred -= mean
        level = max(-120.0, dbfs(float(np.sqrt(np.mean(centred**2))) / 32_767)) if len(samples) else -120.0
        low, high = (int(samples.min()), int(samples.max())) if len(samples) else (0, 0)
        if low == high == 0:
            return level, "digital zero"
        if high - low <= 1:
            return level, f"constant at {mean:.0f}"
        if self._repeats(samples):
            return level, "frozen: it repeats itself sample by sample"
        if self.floor_dbfs is not None and level < self.floor_dbfs - _BELOW_FLOOR:
            return level, f"far below its noise floor of {self.floor_dbfs:.0f} dBFS"
        if _share_of_hum(centred, self.sample_rate) > _HUM_SHARE:
            return level, "nothing but the hum of the mains"
        return level, ""

    def _dead(self) -> str:
        sign = self._signs[-1][0]
        if not sign:
            return ""
        needed = _SURE_OF_HUM if "hum" in sign else _SURE
        recent = list(self._signs)[-needed:]
        kind = sign.split(" ")[0]
        if len(recent) < needed or any(one.split(" ")[0] != kind for one, _ in recent):
            return ""
        if "hum" in sign and np.ptp([level for _, level in recent]) > _HUM_STEADY:
            return ""
        return sign

    def _repeats(self, samples: Int16) -> bool:
        """Whether the last samples were there before, exactly, in this segment or the one before."""
        if len(samples) < 4 * _SIGNATURE:
            return False
        signature = samples[-_SIGNATURE:]
        if len(np.unique(signature)) < 4:  # a few values recur whenever it is quiet
            return False
        whole = np.concatenate([self._last[-len(samples) :], samples])
        starts = np.flatnonzero(whole[: -2 * _SIGNATURE + 1] == signature[0])
        for offset in (1, 2, 3, 5, 8, 13, 21, 34, 55, _SIGNATURE - 1):
            starts = starts[whole[starts + offset] == signature[offset]]
            if not len(starts):
                return False
        return any(np.array_equal(whole[at : at + _SIGNATURE], signature) for at in starts[:100])


def _share_of_hum(centred: Float32, sample_rate: int) -> float:
    """The larger share of the energy within 1.5 Hz of the first twenty harmonics of 50 Hz or of 60 Hz."""
    if len(centred) < sample_rate:
        return 0.0
    from scipy.fft import next_fast_len, rfft

    window = np.hanning(len(centred)).astype(np.float32)
    spectrum = np.abs(rfft(centred * window, next_fast_len(len(centred)))) ** 2
    total = float(spectrum.sum())
    if total <= 0:
        return 0.0
    frequencies = np.arange(len(spectrum)) * sample_rate / (2 * (len(spectrum) - 1))
    shares = []
    for mains in (50.0, 60.0):
        harmonic = np.round(frequencies / mains)
        near = (harmonic >= 1) & (harmonic <= 20) & (np.abs(frequencies - harmonic * mains) <= 1.5)
        shares.append(float(spectrum[near].sum()) / total)
    return max(shares)
