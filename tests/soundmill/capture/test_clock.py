"""The clock of samples follows the crystal and the wall clock."""

from datetime import UTC, datetime

import numpy as np
import pytest

from soundmill.capture.clock import SampleClock
from tests.soundmill.capture.scripted import RATE

SEGMENT = 24_064


def hear(clock: SampleClock, seconds: float, drift: float = 0.0, start: float = 0.0, jump: float = 0.0, late: int = 0) -> list[float]:
    """Blocks of a crystal that is `drift` too fast arrive late by up to 80 ms; returns the steps that the clock took."""
    rng = np.random.default_rng(int(start) + late)
    steps = []
    for position in range(round(start * RATE), round((start + seconds) * RATE), 2048):
        true = (position + 2048) / RATE / (1 + drift)
        step = clock.observe(position + 2048, 1e9 + true + jump + rng.exponential(0.01), true)
        steps += [step] if step else []
    return steps


def test_a_fast_crystal_is_followed_without_a_step() -> None:
    clock = SampleClock(RATE, 0, datetime.fromtimestamp(1e9, UTC))
    assert hear(clock, 3600, drift=50e-6) == []
    off = clock.moment(3600 * RATE).timestamp() - (1e9 + 3600 / (1 + 50e-6))
    assert abs(off) < 0.005  # an unslewed clock would be 0.18 s away
    three = [clock.moment(3600 * RATE + n * SEGMENT).timestamp() for n in range(2)]
    assert three[1] - three[0] == pytest.approx(SEGMENT / RATE, abs=0.001)


def test_a_clock_that_is_set_is_followed_at_once() -> None:
    clock = SampleClock(RATE, 0, datetime.fromtimestamp(1e9, UTC))
    assert hear(clock, 60) == []
    (step,) = hear(clock, 60, start=60, jump=-7.0)
    assert step == pytest.approx(-7, abs=0.1)
    assert clock.moment(120 * RATE).timestamp() == pytest.approx(1e9 + 113, abs=0.05)


def test_a_source_that_stood_still_is_anchored_anew() -> None:
    clock = SampleClock(RATE, 0, datetime.fromtimestamp(1e9, UTC))
    hear(clock, 30)
    late = []
    for position in range(30 * RATE, 60 * RATE, 2048):  # the pipe had nothing for five seconds, and its samples go on where they were
        true = (position + 2048) / RATE + 5
        late.append(clock.observe(position + 2048, 1e9 + true, true))
    assert sum(late) == pytest.approx(5, abs=0.1)
