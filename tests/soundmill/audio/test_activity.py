"""Who speaks when."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soundmill.audio import SpeechMeter, open_audio, overlap_seconds, speech_seconds, to_pcm16
from soundmill.audio.resample import Resampler
from tests.conftest import tone

RATE = 16_000


def turns(pcm: np.ndarray, block: int = 5_000) -> list[tuple[float, float]]:
    meter = SpeechMeter(RATE)
    for start in range(0, len(pcm), block):
        meter.add(pcm[start : start + block])
    return meter.turns()


def test_bursts_in_silence_are_found_where_they_are() -> None:
    sound = np.concatenate([np.zeros(RATE), tone(1.5, rate=RATE), np.zeros(RATE), tone(0.5, rate=RATE), np.zeros(RATE)])
    found = turns(to_pcm16(sound.astype(np.float32)))
    assert found == [pytest.approx((1.0, 2.5), abs=0.02), pytest.approx((3.5, 4.0), abs=0.02)]


def test_loudness_does_not_matter_and_steady_noise_is_no_speech() -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 0.003, 4 * RATE).astype(np.float32)
    speech = noise.copy()
    speech[RATE : 2 * RATE] += tone(1.0, rate=RATE)
    assert turns(to_pcm16(noise)) == []
    assert turns(to_pcm16(speech)) == turns(to_pcm16(speech * np.float32(0.3)))
    assert turns(np.zeros(RATE, np.int16)) == turns(np.zeros(0, np.int16)) == []


@given(st.lists(st.integers(1, 9_000), min_size=1, max_size=30))
def test_blocks_of_any_length_give_the_same_turns(lengths: list[int]) -> None:
    rng = np.random.default_rng(len(lengths))
    pcm = (rng.normal(0, 3000, 60_000) * (np.arange(60_000) // 10_000 % 2)).astype(np.int16)
    meter, start = SpeechMeter(RATE), 0
    for length in lengths:
        meter.add(pcm[start : start + length])
        start += length
    meter.add(pcm[start:])
    assert meter.turns() == turns(pcm)


def test_overlap_is_what_two_have_in_common() -> None:
    assert overlap_seconds([(0, 2), (3, 5)], [(1, 4), (4.5, 9)]) == pytest.approx(1 + 1 + 0.5)
    assert overlap_seconds([(0, 2)], []) == 0


def test_real_calls_have_the_shares_their_readme_says(data: Path) -> None:
    def side(name: str, channel: int) -> np.ndarray:
        with open_audio(data / "calls" / name) as reader:
            blocks = (np.ascontiguousarray(block[:, channel]) for block in reader.blocks("all"))
            return np.concatenate([to_pcm16(block) for block in Resampler(reader.info.sample_rate, RATE)(blocks)])

    calls = {
        ("call_40_agent.wav", 0, "call_40_customer.wav", 0): (0.37, 0.37, 0.002),
        ("call_49_stereo_agent_left.flac", 0, "call_49_stereo_agent_left.flac", 1): (0.53, 0.38, 0.09),
    }
    for (agent, left, customer, right), shares in calls.items():
        sounds = [side(agent, left), side(customer, right)]
        seconds, said = len(sounds[0]) / RATE, [turns(sound) for sound in sounds]
        found = (*(speech_seconds(one) / seconds for one in said), overlap_seconds(*said) / seconds)
        assert found == pytest.approx(shares, abs=0.01)
