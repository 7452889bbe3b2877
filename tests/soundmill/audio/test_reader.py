"""What all readers share."""

import numpy as np
import pytest

from soundmill.audio.reader import AudioInfo, Mixer, Shortfall, block_length


def test_a_header_that_tells_no_length_has_none() -> None:
    assert AudioInfo("wav", "pcm_16", 8000, 1, 4000).seconds == 0.5
    assert AudioInfo("mp3", "mp3", 8000, 1, None).seconds is None


def test_what_is_missing_is_told_with_its_share() -> None:
    assert str(Shortfall(6.0, 3.0)) == "the header claims 6.0 s of sound, and 3.0 s (50%) are there"


@pytest.mark.parametrize("channels", [2, 3, 5])
def test_channels_become_their_mean(channels: int) -> None:
    planes = list(np.random.default_rng(0).normal(0, 1, (channels, 100)).astype(np.float32))
    mixer = Mixer("mix", 0.5)
    np.testing.assert_allclose(mixer(planes, np.empty(100, np.float32)), np.mean(planes, axis=0) / 2, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(Mixer("first", 0.5)(planes, np.empty(100, np.float32)), planes[0] / 2)
    assert not mixer.cancelled


SOUND = np.random.default_rng(0).normal(0, 0.1, 1000).astype(np.float32)


@pytest.mark.parametrize(
    ("planes", "taken"),
    [
        ([SOUND, -SOUND], SOUND),
        ([SOUND, -SOUND, SOUND, -SOUND], SOUND),
        ([0 * SOUND, SOUND, -SOUND], SOUND),
        ([SOUND / 2 + 0.1, -SOUND / 2 + 0.1], SOUND / 2 + 0.1),  # a constant is no sound
    ],
)
def test_of_channels_that_cancel_each_other_one_is_taken(planes: list[np.ndarray], taken: np.ndarray) -> None:
    mixer = Mixer("mix", 0.5)
    np.testing.assert_array_equal(mixer(planes, np.empty(len(taken), np.float32)), taken * np.float32(0.5))
    assert mixer.cancelled


def test_channels_of_which_one_is_silent_are_mixed() -> None:
    mixer = Mixer("mix")
    np.testing.assert_allclose(mixer([SOUND, 0 * SOUND], np.empty(len(SOUND), np.float32)), SOUND / 2, rtol=1e-6)
    assert not mixer.cancelled


def test_blocks_of_many_channels_are_shorter() -> None:
    assert block_length(1) == block_length(2) > block_length(8) >= 1024
