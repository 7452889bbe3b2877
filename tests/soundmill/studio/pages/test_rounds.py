"""A labelling round in a browser: from its definition to what people agree on."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest
from playwright.sync_api import Browser, expect

from soundmill.catalog import Box, Rounds
from soundmill.times import to_ms
from soundmill.workflows.rounds import draw_round, settle_round
from tests.conftest import wait_until
from tests.home import DAYS, KINDS, Home
from tests.soundmill.studio.pages.looking import violations
from tests.soundmill.studio.running import studio
from tests.soundmill.workflows.rounds.people import answer

pytestmark = pytest.mark.usefixtures("closed")


@pytest.fixture
def client(built_home: Home, tmp_path: Path) -> Iterator[httpx.Client]:
    with studio(tmp_path / "built") as client:
        yield client


def drawn(home: Home, sessions: int = 3) -> Rounds:
    rounds = Rounds(home.catalog)
    spec = {"tags": list(KINDS), "days": [str(DAYS[2])], "session_seconds": 12, "sessions": sessions, "annotators": 1, "audit": 0}
    rounds.define("night", {**spec, "guideline": "A kettle is a whistle.", "shortest_seconds": 1.0})
    draw_round(home.lake, home.catalog, "night", ZoneInfo("UTC"))
    return rounds


def test_a_round_is_defined_and_opened_on_its_page(browser: Browser, client: httpx.Client, built_home: Home) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{client.base_url}/rounds")
    page.get_by_label("Name", exact=True).fill("night")
    page.get_by_label("Tags that people look for").fill("kettle, knocking")
    page.get_by_label("Days, such as").fill("someday")
    page.get_by_role("button", name="Define").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("Name", exact=True)).to_have_value("night")  # what was typed is kept
    page.get_by_label("Days, such as").fill(str(DAYS[2]))
    page.get_by_role("button", name="Define").click()
    expect(page.get_by_test_id("rounds")).to_contain_text("not drawn yet")
    draw_round(built_home.lake, built_home.catalog, "night", ZoneInfo("UTC"))
    page.reload()
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_role("link", name="Label")).to_be_visible()
    page.get_by_role("link", name="Label").click()
    expect(page.get_by_test_id("round-progress")).to_contain_text("0 of", timeout=20_000)


def test_sessions_are_answered_one_after_another_and_nothing_is_lost(browser: Browser, client: httpx.Client, built_home: Home) -> None:
    errors: list[str] = []
    rounds = drawn(built_home)
    rounds.set_state("night", "open")
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.on("pageerror", lambda error: errors.append(str(error)))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.partition("/api/tiles/")[2].partition("?")[0]))
    page.goto(f"{client.base_url}/rounds/night")
    progress, table = page.get_by_test_id("round-progress"), page.get_by_test_id("box-table")
    expect(progress).to_contain_text("0 of 3 done, 0 by you", timeout=20_000)
    expect(page.get_by_text("A kettle is a whistle.")).to_be_visible()
    expect(page.get_by_text("Shown because")).to_be_visible()
    expect(page.get_by_test_id("spectrogram")).to_be_visible()
    expect(page.get_by_test_id("save-state")).to_be_attached()
    second = rounds.sessions("night")[1]
    level = 1  # of twelve seconds in 1,280 pixels: a tile of 4,096 ms
    ahead = {f"{second.source}/fft1024/{level}/{at // 4096}" for at in (to_ms(second.start), to_ms(second.end) - 1)}
    wait_until(lambda: (page.wait_for_timeout(50), ahead <= set(asked))[1], 20)  # the next session's picture, before it is asked for
    timeline = page.get_by_test_id("timeline")
    timeline.focus()
    place = timeline.bounding_box()
    assert place is not None
    page.keyboard.down("Shift")
    page.mouse.move(place["x"] + 500, place["y"] + 150)
    page.mouse.down()
    page.mouse.move(place["x"] + 510, place["y"] + 250, steps=4)  # a tenth of a second: it is made a second long
    page.mouse.up()
    page.keyboard.up("Shift")
    expect(table.locator("tbody tr")).to_have_count(1)
    expect(table.get_by_label("seconds").first).to_have_value("1.000")
    page.keyboard.press("2")  # its tag
    expect(page.get_by_test_id("save-state")).to_have_attribute("data-state", "saved", timeout=20_000)
    page.reload()  # the same session, with its draft
    expect(table.locator("tbody tr")).to_have_count(1, timeout=20_000)
    expect(table).to_contain_text(KINDS[1])
    page.get_by_test_id("submit").click()
    expect(progress).to_contain_text("1 of 3 done, 1 by you", timeout=20_000)
    page.get_by_test_id("clear").click()
    page.get_by_test_id("submit").click()
    expect(progress).to_contain_text("2 of 3 done, 2 by you", timeout=20_000)
    page.get_by_test_id("skip").click()
    page.get_by_role("button", name="bad audio").click()
    expect(page.get_by_test_id("round-done")).to_be_visible(timeout=20_000)
    said = [by["local user"] for by in rounds.submissions("night").values()]
    assert len(said) == 2
    assert sum(box.origin == "drawn" for one in said for box in one.boxes) == 1
    assert any(box.state == "rejected" for one in said for box in one.boxes)
    page.goto(f"{client.base_url}/rounds/night/results")
    expect(page.get_by_role("heading", name="How people agree")).to_be_visible()
    expect(page.get_by_role("heading", name="How right house/1 was")).to_be_visible()
    assert errors == []


def test_a_disputed_session_is_decided_by_somebody_else(browser: Browser, client: httpx.Client, built_home: Home) -> None:
    rounds = drawn(built_home, sessions=1)
    rounds.put("night", [replace(rounds.session("night", 1), wanted=2)], "house/1", rounds.get("night").population)
    rounds.set_state("night", "open")
    says = {
        "ann": lambda claim: [Box(claim.session.start, claim.session.start + timedelta(seconds=2), KINDS[0])],
        "bob": lambda claim: [Box(claim.session.start + timedelta(seconds=6), claim.session.end, KINDS[1])],
    }
    answer(built_home.catalog, "night", says)
    rounds.set_state("night", "closed")
    settle_round(built_home.catalog, "night")
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.goto(f"{client.base_url}/rounds/night/results")
    page.get_by_test_id("disputed").get_by_role("link").click()
    expect(page.get_by_text("To be decided")).to_be_visible(timeout=20_000)
    page.get_by_role("button", name="Take what B said").click()
    expect(page.get_by_test_id("box-table").locator("tbody tr")).to_have_count(1)
    page.get_by_test_id("submit").click()
    expect(page.get_by_role("heading", name="Results of night")).to_be_visible(timeout=20_000)
    expect(page.get_by_test_id("disputed")).to_have_count(0)
    ((box,),) = settle_round(built_home.catalog, "night").consensus.values()
    assert (box.tag, box.note) == (KINDS[1], "decided by local user (1), from ann (1), bob (1)")


def test_a_link_opens_its_session_and_two_people_get_two(browser: Browser, client: httpx.Client, built_home: Home) -> None:
    drawn(built_home).set_state("night", "open")
    page = browser.new_page()
    page.goto(f"{client.base_url}/rounds/night?session=3")
    expect(page.get_by_text("Your labels of session 3")).to_be_visible(timeout=20_000)
    task = client.post("/api/rounds/night/claim?number=3").json()
    assert task["number"] == 3
    lost = client.post("/api/rounds/night/sessions/3", json={"boxes": [], "token": "0" * 32})
    assert (lost.status_code, lost.json()["detail"]) == (409, "session 3 is not yours")
    outside = {"boxes": [{"start": task["end"] + 1, "end": task["end"] + 9, "tag": "kettle"}], "token": task["token"]}
    assert client.post("/api/rounds/night/sessions/3", json=outside).status_code == 400
    strange = {"boxes": [{"start": task["start"], "end": task["start"] + 9, "tag": "owl"}], "token": task["token"]}
    assert "and not about owl" in client.post("/api/rounds/night/sessions/3", json=strange).json()["detail"]
    assert client.post("/api/rounds/nothing/claim").status_code == 404


@pytest.mark.parametrize("width", [360, 1280, 2560])
def test_the_pages_are_accessible_at_every_width(browser: Browser, client: httpx.Client, built_home: Home, axe: str, width: int) -> None:
    drawn(built_home).set_state("night", "open")
    page = browser.new_page(viewport={"width": width, "height": 1000})
    for where, there in (("/rounds", "Labelling rounds"), ("/rounds/night", "night"), ("/rounds/night/results", "Results of night")):
        page.goto(f"{client.base_url}{where}")
        expect(page.get_by_role("heading", name=there)).to_be_visible()
        if where == "/rounds/night":
            expect(page.get_by_test_id("round-progress")).to_be_visible(timeout=20_000)
        assert violations(page, axe) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), where
