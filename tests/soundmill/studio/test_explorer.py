"""The prediction explorer, asked as the original's page asks it, and looked at in a browser."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

from soundmill.formats.podcast import read_spans
from soundmill.studio.explorer import create_explorer
from tests.conftest import wav
from tests.soundmill.studio.pages.looking import violations
from tests.soundmill.studio.running import served

TABLE = """wav_filename\tstart_time_s\tduration_s\tconfidence
b.wav\t0.5\t1\t0.649
a.wav\t1\t1\t0.2
a.wav\t0\t1\t0.91
c.wav\t0\t1\t1
../x.wav\t0\t1\t1
"""


@pytest.fixture
def explorer(tmp_path: Path) -> Iterator[httpx.Client]:
    for name in ("a.wav", "b.wav"):
        (tmp_path / name).write_bytes(wav(3))
    with served(create_explorer(read_spans(TABLE), tmp_path)) as client:
        yield client


def test_sessions_count_from_one_and_both_spellings_are_answered(explorer: httpx.Client) -> None:
    for path in ("/fetch/session", "/fetch/session/"):
        assert explorer.get(path).json() == {"sessionid": "1"}
    first = explorer.get("/load/session//2").json()
    assert first["annotations"] == [
        {"start_time_s": 0, "duration_s": 1, "confidence": 0.91},
        {"start_time_s": 1, "duration_s": 1, "confidence": 0.2},
    ]
    assert first["backend_state"] == {"written": 2, "remaining": 2}
    assert (first["absolute_time"], explorer.get(first["uri"]).status_code) == ("a", 200)
    for origin, admitted in (("http://localhost:9000", "http://localhost:9000"), ("https://evil.example", None)):
        told = explorer.get("/load/session//1", headers={"origin": origin})
        assert told.headers.get("access-control-allow-origin") == admitted  # the original's page, from elsewhere on this machine
    assert explorer.get("/fetch/session").json() == {"sessionid": "3"}
    assert explorer.get("/load/session/3").json()["annotations"][0]["confidence"] == 0.649
    for wrong in ("0", "5", "99999999999", "x", "4", "1"):  # 4 has no file, and the first lies elsewhere
        assert explorer.get(f"/load/session/{wrong}").status_code == 400


def test_a_page_shows_sound_and_predictions_and_leads_on(browser: Browser, explorer: httpx.Client, axe: str) -> None:
    for width in (360, 1280, 2560):
        context = browser.new_context(viewport={"width": width, "height": 800})
        page = context.new_page()
        page.goto(f"{explorer.base_url}/?sessionid=2")
        expect(page.get_by_role("heading", name="a.wav")).to_be_visible()
        assert page.locator("img").evaluate("(image) => image.decode().then(() => image.naturalWidth)") > 300
        assert violations(page, axe) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.get_by_role("link", name="Next").click()
        expect(page.get_by_role("heading", name="b.wav")).to_be_visible()
        context.close()
    assert explorer.get("/?sessionid=7").status_code == 400
