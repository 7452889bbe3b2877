"""The page of a source in a browser."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from soundmill.audio import wav_bytes
from soundmill.capture.landing import landing_path
from soundmill.capture.naming import SegmentName
from soundmill.times import to_ms
from tests.home import DAYS, Home
from tests.soundmill.studio.pages.looking import violations
from tests.soundmill.studio.running import studio

pytestmark = pytest.mark.usefixtures("closed")


@pytest.fixture
def client(built_home: Home, tmp_path: Path) -> Iterator[httpx.Client]:
    now = datetime.now(UTC)
    noise = np.random.default_rng(0).integers(-9000, 9000, 44_100).astype(np.int16)
    built_home.lake.write_bytes(landing_path("mic", SegmentName(now, to_ms(now), 0, 0)), wav_bytes(noise, 44_100))
    with studio(tmp_path / "built") as client:
        yield client


@pytest.mark.parametrize("width", [360, 1280, 2560])
def test_coverage_noise_and_now_are_shown_and_a_day_can_be_chosen(browser: Browser, client: httpx.Client, axe: str, width: int) -> None:
    errors: list[str] = []
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(f"{client.base_url}/sources/mic")
    expect(page.get_by_test_id("noise-chart").locator("canvas")).to_be_attached(timeout=20_000)
    expect(page.get_by_role("heading", name=f"Coverage of {DAYS[2]}")).to_be_attached()
    page.get_by_text("gap").last.click()
    expect(page.get_by_test_id("now")).to_have_class("now", timeout=10_000)
    drawn = "(canvas) => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some((one) => one > 0)"
    assert page.get_by_test_id("now").evaluate(drawn)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert violations(page, axe) == []
    chart = page.get_by_test_id("day-chart").locator(".u-over")
    box = chart.bounding_box()
    assert box is not None
    chart.hover(position={"x": box["width"] / 6, "y": box["height"] / 2})
    chart.click(position={"x": box["width"] / 6, "y": box["height"] / 2})
    expect(page.get_by_role("heading", name=f"Coverage of {DAYS[0]}")).to_be_attached(timeout=10_000)
    assert errors == []


def test_a_source_without_sound_says_what_to_do_and_its_name_is_text(browser: Browser, client: httpx.Client) -> None:
    page = browser.new_page()
    page.goto(f"{client.base_url}/sources/%3Cb%3Eodd")
    expect(page.get_by_text("Nothing of <b>odd was stored yet")).to_be_attached(timeout=15_000)
