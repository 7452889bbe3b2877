"""Quiet or dead: what a microphone shows that hears nothing, and one that is broken."""

import numpy as np
import pytest

from soundmill.capture.liveness import Liveness

RATE = 16_000
SECONDS = 3
RNG = np.random.default_rng(0)
TIME = np.arange(SECONDS * RATE) / RATE


def pcm(samples: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(samples), -32_768, 32_767).astype(np.int16)


def room(level: float = 8.0) -> np.ndarray:
    return pcm(RNG.normal(0, level, SECONDS * RATE))


def hum() -> np.ndarray:
    return pcm(400 * np.sin(2 * np.pi * 50 * TIME) + 120 * np.sin(2 * np.pi * 150 * TIME + 1) + RNG.normal(0, 0.5, len(TIME)))


BUFFER = pcm(RNG.normal(0, 500, 4096))
BROKEN = {
    "digital zero": lambda: np.zeros(SECONDS * RATE, np.int16),
    "constant at -300": lambda: np.full(SECONDS * RATE, -300, np.int16),
    "frozen": lambda: np.resize(BUFFER, SECONDS * RATE),
    "hum of the mains": hum,
}


def after(segments: list[np.ndarray], passed: bool = False) -> Liveness:
    alive = Liveness(RATE)
    for samples in segments:
        alive.observe(samples, passed)
    return alive


def test_a_quiet_room_is_quiet_however_long() -> None:
    alive = after([room() for _ in range(200)])
    assert (alive.state, alive.why) == ("quiet", "")
    assert alive.floor_dbfs == pytest.approx(20 * np.log10(8 / 32_767), abs=0.5)
    assert alive.observe(room(3000), passed_gate=True) == "live"


@pytest.mark.parametrize("kind", BROKEN)
def test_what_no_room_sounds_like_is_dead_once_it_is_sure(kind: str) -> None:
    alive = after([room() for _ in range(5)])
    states = [alive.observe(BROKEN[kind](), False) for _ in range(12)]
    assert states[0] == "quiet"  # one segment proves nothing
    assert states[-1] == "dead"
    assert kind in alive.why
    assert alive.observe(room(), False) == "quiet"  # and it comes back with the first that is well


def test_a_floor_that_falls_far_is_a_cable_that_is_out() -> None:
    alive = after([room(60) for _ in range(80)])
    assert [alive.observe(room(2), False) for _ in range(4)][-1] == "dead"
    assert "below its noise floor of -55 dBFS" in alive.why
    for _ in range(1200):
        alive.observe(room(2), False)
    assert alive.state == "quiet"  # for an hour: that is how it sounds here now


def test_a_machine_that_hums_with_a_room_around_it_is_alive() -> None:
    fridge = [pcm(300 * np.sin(2 * np.pi * 50 * TIME) + RNG.normal(0, 80, len(TIME))) for _ in range(30)]
    assert after(fridge, passed=True).state == "live"
    music = [pcm((200 + 100 * n) * np.sin(2 * np.pi * 100 * TIME) + RNG.normal(0, 1, len(TIME))) for n in range(30)]
    assert after(music, passed=True).state == "live"  # its level changes


def test_nothing_at_all_is_stalled() -> None:
    alive = after([room()])
    assert alive.idle(2.0) == "quiet"
    assert alive.idle(9.0) == "stalled"
    assert "9 s" in alive.why
    assert alive.observe(room(), False) == "quiet"


def test_short_and_empty_segments_are_no_alarm() -> None:
    assert after([np.empty(0, np.int16), room()[:10], room()[:100]] * 5).state == "quiet"
    assert after([room()[:300] for _ in range(10)]).state == "quiet"
