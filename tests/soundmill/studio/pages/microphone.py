"""A browser whose microphone plays a WAV."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from numpy.typing import NDArray
from playwright.sync_api import BrowserContext, sync_playwright

RATE = 44_100
Samples = NDArray[np.int16]


@contextmanager
def chromium(profile: Path, microphone: Path) -> Iterator[BrowserContext]:
    """A browser with a profile of its own on the disk, and a WAV for its microphone, which begins when the microphone is opened."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    fake = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", f"--use-file-for-fake-audio-capture={microphone}"]
    if found is None:
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            str(profile), executable_path=found, args=["--no-sandbox", "--disable-gpu", *fake], viewport={"width": 1280, "height": 900}
        )
        try:
            yield context
        finally:
            context.close()


def microphone_of(samples: NDArray[np.float32], path: Path) -> Samples:
    """Writes sound as Chromium's microphone wants it: stereo at 44.1 kHz; what it plays."""
    noisy = samples + np.random.default_rng(0).normal(0, 3e-4, len(samples)).astype(np.float32)
    pcm = np.rint(noisy * 32_767).astype(np.int16)
    sf.write(path, np.stack([pcm, pcm], 1), RATE, subtype="PCM_16")
    return pcm
