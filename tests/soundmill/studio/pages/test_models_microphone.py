"""The champion on a microphone, in a browser of its own."""

import io
from pathlib import Path

import numpy as np
import soundfile as sf
from playwright.sync_api import expect

from soundmill.scene import RATE, kettle
from tests.home import DAYS, Home
from tests.soundmill.studio.pages.microphone import chromium, microphone_of
from tests.soundmill.studio.running import studio


def test_the_champion_hears_the_microphone_three_seconds_at_a_time(built_home: Home, tmp_path: Path) -> None:
    one = kettle(np.random.default_rng(3))
    microphone_of(np.tile(np.concatenate([one, np.zeros(3 * RATE - len(one), np.float32)]), 8), tmp_path / "mic.wav")
    with studio(tmp_path / "built", start_date=DAYS[0]) as client, chromium(tmp_path / "profile", tmp_path / "mic.wav") as context:
        page = context.pages[0]
        page.goto(f"{client.base_url}/models/try")
        with page.expect_request("**/api/training/try", timeout=30_000) as request:
            page.get_by_test_id("try-microphone").click()
        body = request.value.post_data_buffer or b""
        samples, rate = sf.read(io.BytesIO(body[body.index(b"RIFF") :]), dtype="float32", frames=10**6)
        assert len(samples) >= 3 * rate
        assert np.abs(samples).max() > 0.8 * np.abs(one).max()  # what the microphone heard, and not silence
        expect(page.get_by_test_id("verdict").nth(1)).to_be_visible(timeout=30_000)
        page.get_by_role("button", name="Stop listening").click()
        expect(page.get_by_test_id("tried")).to_contain_text("segments of the microphone have a name")
