"""The first page in a browser, as it is looked at while things happen."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from soundmill.capture.status import Status, now_text, write_status
from soundmill.catalog import Item
from tests.home import DAYS, Home
from tests.soundmill.studio.pages.looking import violations
from tests.soundmill.studio.running import studio

pytestmark = pytest.mark.usefixtures("closed")

BROKEN = f"landing/mic/{DAYS[0]}/<b>20250101T100000Z.wav"


@pytest.fixture
def client(built_home: Home, tmp_path: Path) -> Iterator[httpx.Client]:
    built_home.lake.write_bytes(BROKEN, b"no sound at all")
    built_home.ledger.record(Item(BROKEN, "recording", "mic", DAYS[0], "quarantined", "1", DAYS[0], reason="undecodable", message="text"))
    with studio(tmp_path / "built", dagster_url="http://127.0.0.1:9", target_hours=1) as client:
        yield client


def opened(browser: Browser, client: httpx.Client, errors: list[str], width: int = 1280) -> Page:
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{client.base_url}/")
    expect(page.get_by_test_id("line")).to_have_attribute("data-state", "live", timeout=20_000)
    expect(page.get_by_test_id("hours-chart")).to_be_attached(timeout=20_000)
    return page


def report(home: Path, **values: object) -> None:
    status = {"began_at": now_text(), "updated_at": now_text(), "on": True, "state": "live", "peak_dbfs": -12.0, **values}
    write_status(home / "capture" / "porch.status.json", vars(Status("porch", "device 1", **status)))  # type: ignore[arg-type]


def test_a_station_appears_and_alarms_without_the_page_being_loaded_again(browser: Browser, client: httpx.Client, tmp_path: Path) -> None:
    errors: list[str] = []
    page = opened(browser, client, errors)
    assert page.get_by_test_id("station").count() == 0
    report(tmp_path / "built")
    station = page.get_by_test_id("station")
    expect(station).to_contain_text("porch", timeout=10_000)
    expect(station).to_contain_text("-12 dBFS")
    report(tmp_path / "built", state="dead", why="digital zero")
    expect(station).to_contain_text("digital zero", timeout=10_000)
    expect(station).to_have_class("alarming")
    assert errors == []


def test_detections_are_listed_by_tag_and_hour_heard_and_opened_on_the_timeline(browser: Browser, client: httpx.Client) -> None:
    """Those of the built home are years old: the span of the page is stretched to them."""
    errors: list[str] = []
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.add_init_script(f"Date.now = () => {1000 * int((DAYS[2].toordinal() - 719_163) * 86_400 + 86_399)}")
    page.goto(f"{client.base_url}/")
    rows = page.get_by_test_id("event-row")
    expect(rows.first).to_be_attached(timeout=20_000)
    cell = page.get_by_test_id("counts").locator("td button").first
    number, tag = int(cell.inner_text()), (cell.get_attribute("aria-label") or "").split(" of ")[1].split(",")[0]
    cell.click()
    expect(rows).to_have_count(min(number, 12))
    assert all(tag in row.inner_text() for row in rows.all())
    with page.expect_response(lambda answer: "/api/sound/" in answer.url and answer.ok):
        rows.first.get_by_test_id("play").click()
    expect(rows.first.get_by_test_id("play")).to_have_text("Play", timeout=15_000)  # it ends by itself
    rows.first.get_by_role("link").first.click()
    expect(page.get_by_test_id("timeline")).to_be_attached(timeout=20_000)
    assert errors == []


def test_the_span_is_in_the_address(browser: Browser, client: httpx.Client) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{client.base_url}/?span=week")
    expect(page.get_by_role("button", name="week", exact=True)).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="month", exact=True).click()
    expect(page).to_have_url(f"{client.base_url}/?span=month")
    page.get_by_role("button", name="day", exact=True).click()
    expect(page).to_have_url(f"{client.base_url}/")


def test_a_file_in_quarantine_can_be_fetched_and_what_cannot_be_heard_is_said(browser: Browser, client: httpx.Client) -> None:
    errors: list[str] = []
    page = opened(browser, client, errors)
    item = page.get_by_test_id("quarantined")
    expect(item).to_contain_text(BROKEN, timeout=15_000)
    with page.expect_download() as download:
        item.get_by_role("link").click()
    assert Path(download.value.path()).read_bytes() == b"no sound at all"
    item.get_by_role("button").click()
    expect(item).to_contain_text("nothing to hear", timeout=15_000)
    assert errors == []


def test_an_empty_home_says_what_to_do_first(browser: Browser, tmp_path: Path) -> None:
    with studio(tmp_path, dagster_url="http://127.0.0.1:9") as client:
        page = browser.new_page()
        page.goto(f"{client.base_url}/")
        expect(page.get_by_test_id("first-steps")).to_contain_text("soundmill ingest", timeout=15_000)
        expect(page.get_by_text("SOUNDMILL_DAGSTER_URL")).to_be_attached(timeout=15_000)
        page.close()


def test_a_studio_that_comes_back_is_followed_again(browser: Browser, client: httpx.Client) -> None:
    page = opened(browser, client, [])
    page.context.set_offline(True)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.context.set_offline(False)
    expect(page.get_by_test_id("line")).to_have_attribute("data-state", "live", timeout=20_000)


@pytest.mark.parametrize("width", [360, 1280, 2560])
def test_it_is_read_by_everybody_at_every_width(browser: Browser, client: httpx.Client, axe: str, width: int, tmp_path: Path) -> None:
    report(tmp_path / "built")
    page = opened(browser, client, [], width)
    expect(page.get_by_test_id("station")).to_be_attached(timeout=10_000)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert violations(page, axe) == []
    page.get_by_role("button", name="Help").click()
    assert violations(page, axe) == []
