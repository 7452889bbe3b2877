"""The annotator's page in a browser: as somebody labels a day."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from soundmill.catalog import Annotations, Labels
from tests.catalogs import sqlite_in
from tests.home import DAYS, Home
from tests.soundmill.studio.pages.looking import violations
from tests.soundmill.studio.running import studio

pytestmark = pytest.mark.usefixtures("closed")

DAY = DAYS[2]


@pytest.fixture
def client(built_home: Home, tmp_path: Path) -> Iterator[httpx.Client]:
    with studio(tmp_path / "built") as client:
        yield client


def opened(browser: Browser, client: httpx.Client, where: str, errors: list[str], width: int = 1280) -> Page:
    page = browser.new_page(viewport={"width": width, "height": 1000})
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(f"{client.base_url}{where}")
    expect(page.get_by_test_id("box-table")).to_be_attached(timeout=20_000)
    expect(page.get_by_test_id("level-chart").locator("canvas")).to_be_attached(timeout=20_000)
    return page


def rows(page: Page) -> list[str]:
    return [" ".join(row.inner_text().split()) for row in page.get_by_test_id("box-table").locator("tbody tr").all()]


def test_a_day_is_labelled_and_nothing_is_lost(browser: Browser, client: httpx.Client, built_home: Home) -> None:
    errors: list[str] = []
    page = opened(browser, client, f"/annotate?source=mic&day={DAY}", errors)
    timeline, state = page.get_by_test_id("timeline"), page.get_by_test_id("save-state")
    timeline.focus()
    page.keyboard.press("j")  # the first prediction
    expect(page.locator(".verdict")).to_contain_text("Predicted")
    page.keyboard.press("f")
    page.keyboard.press("y")
    page.keyboard.press("Shift+ArrowRight")  # its end, corrected
    page.keyboard.press("j")
    page.keyboard.press("x")
    assert [one.split(" Show")[0].split("all ")[1].split(":")[0] for one in rows(page)] == ["corrected", "rejected"]
    place = timeline.bounding_box()
    assert place is not None
    page.keyboard.down("Shift")  # on top of what is there
    page.mouse.move(place["x"] + 700, place["y"] + 150)
    page.mouse.down()
    page.mouse.move(place["x"] + 800, place["y"] + 260, steps=4)
    page.mouse.up()
    page.keyboard.up("Shift")
    expect(page.get_by_test_id("box-table").locator("tbody tr")).to_have_count(3)
    page.get_by_test_id("tag-search").fill("night bird")
    page.keyboard.press("Enter")
    assert any("night bird" in one and " to " in one for one in rows(page))
    timeline.focus()
    for _ in range(2):
        page.keyboard.press("Control+z")
    expect(page.get_by_test_id("box-table").locator("tbody tr")).to_have_count(2)
    for _ in range(2):
        page.keyboard.press("Control+Shift+z")
    before = rows(page)
    assert len(before) == 3
    expect(state).to_have_attribute("data-state", "saved", timeout=20_000)
    page.close()  # in the middle of it

    page = opened(browser, client, f"/annotate?source=mic&day={DAY}", errors)
    expect(page.get_by_test_id("box-table").locator("tbody tr")).to_have_count(3)
    assert rows(page) == before
    page.get_by_test_id("submit").click()
    expect(page.get_by_test_id("save-state")).to_have_attribute("data-state", "handed in", timeout=20_000)
    page.close()
    assert errors == []

    catalog = built_home.catalog
    mine = [one for one in Annotations(catalog).of_days(DAY, DAY) if one.author == "local user"]
    assert len(mine) == 2
    (new,) = [one for one in mine if one.tag == "night_bird"]
    assert new.low_hz is not None
    assert new.high_hz is not None
    assert new.low_hz < new.high_hz
    provenance = Annotations(catalog).provenance(DAY, DAY)
    assert {provenance[one].state for one in mine} == {"drawn", "moved"}
    submission = Labels(catalog).history("local user", "mic")[-1]
    assert sorted((box.origin, box.state) for box in submission.boxes) == [
        ("drawn", "drawn"),
        ("prediction", "moved"),
        ("prediction", "rejected"),
    ]
    assert all(box.model == "house" for box in submission.boxes if box.origin == "prediction")


def test_what_could_not_be_saved_is_kept_in_the_browser_until_it_can(browser: Browser, client: httpx.Client) -> None:
    errors: list[str] = []
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    page = context.new_page()
    page.goto(f"{client.base_url}/annotate?source=mic&day={DAY}")
    expect(page.get_by_test_id("level-chart").locator("canvas")).to_be_attached(timeout=20_000)
    context.route("**/api/drafts/**", lambda route: route.abort())
    page.get_by_test_id("timeline").focus()
    page.keyboard.press("j")
    page.keyboard.press("y")
    expect(page.get_by_test_id("save-state")).to_have_attribute("data-state", "waiting", timeout=20_000)
    page.close()
    context.unroute("**/api/drafts/**")
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{client.base_url}/annotate?source=mic&day={DAY}")
    expect(page.get_by_test_id("box-table").locator("tbody tr")).to_have_count(1, timeout=20_000)
    expect(page.get_by_test_id("save-state")).to_have_attribute("data-state", "saved", timeout=20_000)
    assert client.get(f"/api/labels/mic/{DAY}").json()["draft"]["labels"]["boxes"][0]["state"] == "kept"
    assert errors == []
    context.close()


def test_who_only_looks_is_told_when_the_studio_is_gone_and_when_it_is_back(browser: Browser, client: httpx.Client) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    page = context.new_page()
    page.clock.install()
    page.goto(f"{client.base_url}/annotate?source=mic&day={DAY}")
    expect(page.get_by_test_id("level-chart").locator("canvas")).to_be_attached(timeout=20_000)
    context.route("**/api/**", lambda route: route.abort())
    page.clock.run_for(31_000)
    notice = page.get_by_text("The studio does not answer", exact=False)
    expect(notice).to_be_visible()
    context.unroute("**/api/**")
    page.clock.run_for(31_000)
    expect(notice).to_have_count(0)
    context.close()


def test_two_tabs_of_one_person_do_not_overwrite_each_other(browser: Browser, client: httpx.Client) -> None:
    errors: list[str] = []
    one, other = (opened(browser, client, f"/annotate?source=mic&day={DAY}", errors) for _ in range(2))
    for page, keys in ((one, "jy"), (other, "jx")):
        page.get_by_test_id("timeline").focus()
        for key in keys:
            page.keyboard.press(key)
        wanted = "saved" if page is one else "conflict"
        expect(page.get_by_test_id("save-state")).to_have_attribute("data-state", wanted, timeout=20_000)
    other.get_by_role("button", name="Take the other").click()
    expect(other.get_by_test_id("box-table").locator("tbody tr")).to_contain_text(["accepted"], timeout=20_000)
    assert [one_error for one_error in errors if "412" not in one_error] == []


def test_boxes_are_cut_merged_and_joined_to_their_neighbours(browser: Browser, client: httpx.Client) -> None:
    errors: list[str] = []
    page = opened(browser, client, f"/annotate?source=mic&day={DAY}", errors)
    timeline = page.get_by_test_id("timeline")
    place = timeline.bounding_box()
    assert place is not None

    def draw(first: float, last: float) -> None:
        page.keyboard.down("Shift")
        page.mouse.move(place["x"] + first, place["y"] + 60)
        page.mouse.down()
        page.mouse.move(place["x"] + last, place["y"] + 62, steps=5)
        page.mouse.up()
        page.keyboard.up("Shift")

    def edges() -> list[tuple[float, float]]:
        """Start and end of each box, in seconds of the day."""
        found = []
        for row in table.all():
            start, seconds = (edge.input_value() for edge in row.locator("input.edge").all())
            begin = sum(float(part) * 60**power for power, part in enumerate(reversed(start.split(":"))))
            found.append((begin, begin + float(seconds)))
        return found

    table = page.get_by_test_id("box-table").locator("tbody tr")
    timeline.focus()
    draw(500, 700)
    page.keyboard.press("c")
    expect(table).to_have_count(2)
    (first, middle), (again, last) = edges()
    assert middle == pytest.approx(again, abs=0.002)
    page.keyboard.press("m")
    expect(table).to_have_count(1)
    assert edges() == [pytest.approx((first, last), abs=0.002)]
    draw(703, 760)  # three pixels from the edge of the first
    expect(table).to_have_count(2)
    assert edges()[1][0] == pytest.approx(last, abs=0.002)
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    expect(table).to_have_count(2)  # as after the cut
    assert errors == []


def test_over_a_whole_day_what_is_stepped_to_is_shown_large_and_nothing_is_drawn(browser: Browser, client: httpx.Client) -> None:
    errors: list[str] = []
    page = opened(browser, client, f"/annotate?source=mic&day={DAY}", errors)
    timeline, place = page.get_by_test_id("timeline"), page.get_by_test_id("timeline").bounding_box()
    assert place is not None
    for _ in range(14):
        page.get_by_role("button", name="Zoom out").click()
    page.keyboard.down("Shift")
    page.mouse.move(place["x"] + 300, place["y"] + 60)
    page.mouse.down()
    page.mouse.move(place["x"] + 900, place["y"] + 60, steps=4)
    page.mouse.up()
    page.keyboard.up("Shift")
    expect(page.get_by_text("an hour long at most")).to_be_attached()
    assert page.get_by_test_id("box-table").locator("tbody tr").count() == 0
    timeline.focus()
    page.keyboard.press("j")
    expect(page.locator(".range span").first).to_contain_text(" s", timeout=5000)  # seconds are in view
    assert errors == []


def test_fingers_move_zoom_and_draw(browser: Browser, client: httpx.Client) -> None:
    errors: list[str] = []
    page = opened(browser, client, f"/annotate?source=mic&day={DAY}", errors, 800)
    touch = page.context.new_cdp_session(page)
    place = page.get_by_test_id("timeline").bounding_box()
    assert place is not None

    def send(kind: str, *places: float) -> None:
        points = [{"x": place["x"] + x, "y": place["y"] + 150, "id": number} for number, x in enumerate(places)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def shown() -> str:
        return page.get_by_test_id("timeline").get_attribute("aria-label") or ""

    before = shown()
    send("touchStart", 400)
    for x in (390, 350, 300):
        send("touchMove", x)
    send("touchEnd")
    after = shown()
    assert after != before  # moved
    assert page.get_by_test_id("box-table").locator("tbody tr").count() == 0
    send("touchStart", 300, 400)
    for wide in (20, 60, 100):
        send("touchMove", 300 - wide, 400 + wide)
    send("touchEnd")
    assert shown() != after  # zoomed
    send("touchStart", 300)
    page.wait_for_timeout(600)  # the finger rests
    for x in (320, 360, 420):
        send("touchMove", x)
    send("touchEnd")
    expect(page.get_by_test_id("box-table").locator("tbody tr")).to_have_count(1)
    assert errors == []


@pytest.mark.parametrize("width", [360, 1280, 2560])
def test_the_page_is_accessible_at_every_width(browser: Browser, client: httpx.Client, width: int, axe: str) -> None:
    errors: list[str] = []
    page = opened(browser, client, f"/annotate?source=mic&day={DAY}", errors, width)
    page.get_by_test_id("timeline").focus()
    page.keyboard.press("j")
    page.keyboard.press("y")
    assert violations(page, axe) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("accept the selected prediction")
    assert errors == []


def test_a_home_without_sound_says_what_to_do_first(browser: Browser, tmp_path: Path) -> None:
    sqlite_in(tmp_path)
    with studio(tmp_path) as client:
        page = browser.new_page()
        page.goto(f"{client.base_url}/annotate")
        expect(page.get_by_text("There is no sound to label yet")).to_be_visible(timeout=20_000)
        page.close()
