"""The champion on a microphone, in a browser of its own."""

from pathlib import Path

import numpy as np
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
        page.get_by_test_id("try-microphone").click()
        expect(page.get_by_test_id("verdict").nth(1)).to_be_visible(timeout=30_000)
        colours = "(canvas) => new Set(canvas.getContext('2d').getImageData(0, 40, 200, 200).data).size"
        assert page.get_by_test_id("tried-picture").evaluate(colours) > 20  # it heard something
        page.get_by_role("button", name="Stop listening").click()
        expect(page.get_by_test_id("tried")).to_contain_text("segments of the microphone have a name")
