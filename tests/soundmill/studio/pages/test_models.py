"""The pages of models in a browser: put together, fitted, looked through, moved, compared, tried."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pytest
import soundfile as sf
from playwright.sync_api import Browser, Page, expect

from soundmill.catalog import Accounts, Annotations, ModelRegistry
from soundmill.options import TrainingOptions
from soundmill.scene import RATE, kettle
from soundmill.workflows.training import evaluate_model, read_report, train_model
from soundmill.workflows.training.reports import NewGroup, SoundPlace, write_report
from tests.home import DAYS, Home
from tests.soundmill.studio.pages.looking import violations
from tests.soundmill.studio.running import studio
from tests.soundmill.studio.signing_in import PASSWORD

pytestmark = pytest.mark.usefixtures("closed")
ISO = [day.isoformat() for day in DAYS]
SOON = 20_000  # ms


@pytest.fixture
def client(built_home: Home, tmp_path: Path) -> Iterator[httpx.Client]:
    version = ModelRegistry(built_home.catalog).current("house")
    report = read_report(built_home.lake, version)
    rejected = [one for one in report.sounds() if one.predicted == one.true == "other"][:6]
    group = NewGroup(1, 6, 2.0, "kettle", 0.5, [SoundPlace(one.key, one.source, one.start, one.end) for one in rejected])
    write_report(built_home.lake, version, replace(report, new_sounds=[group]))
    with studio(tmp_path / "built", start_date=DAYS[0], dagster_url="http://127.0.0.1:9") as client:
        yield client


@pytest.fixture
def page(browser: Browser, client: httpx.Client) -> Iterator[Page]:
    errors: list[str] = []
    page = browser.new_page(viewport={"width": 1280, "height": 900}, base_url=str(client.base_url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    assert errors == []


def fitted(home: Home, name: str) -> None:
    """What the sensor has done in Dagster; its own tests show that it does."""
    train_model(home.lake, home.catalog, name, TrainingOptions(promote_automatically=False))
    evaluate_model(home.lake, home.catalog, name, TrainingOptions(promote_automatically=False))


def uses(page: Page) -> list[str | None]:
    return [page.locator(f'[data-day="{day}"]').get_attribute("data-use") for day in ISO]


def test_a_model_is_put_together_by_clicks_drags_and_keys(page: Page, built_home: Home) -> None:
    page.goto("/models/new")
    first, second, third = (page.locator(f'[data-day="{day}"]') for day in ISO)
    expect(first).to_contain_text("12", timeout=SOON)  # labels
    # a drag paints, from Wednesday to Friday
    first.hover()
    page.mouse.down()
    third.hover()
    page.mouse.up()
    assert uses(page) == ["R", "R", "R"]
    expect(page.get_by_test_id("refusal").first).to_contain_text("no test day", timeout=SOON)
    expect(page.get_by_test_id("fit")).to_be_disabled()
    page.get_by_test_id("undo").click()
    assert uses(page) == ["N", "N", "N"]
    first.click()
    first.focus()
    page.keyboard.press("ArrowRight")
    page.get_by_test_id("use-Br").click()
    second.focus()
    page.keyboard.press("Enter")
    page.get_by_test_id("use-E").click()
    third.click()
    assert uses(page) == ["R", "Br", "E"]
    page.get_by_test_id("tag-chip").filter(has_text="kettle").click()
    page.get_by_test_id("tag-chip").filter(has_text="doorbell").click()
    expect(page.get_by_test_id("looking")).to_have_text("", timeout=SOON)
    expect(page.get_by_test_id("refusal")).to_have_count(0, timeout=SOON)
    expect(page.get_by_test_id("warning").first).to_contain_text("4 sounds on training days, where 10 or more")
    page.get_by_test_id("model-name").fill("house")
    page.get_by_test_id("fit").click()
    expect(page.get_by_role("alert")).to_contain_text("another model is called 'house'", timeout=SOON)
    page.get_by_test_id("model-name").fill("pair")
    page.get_by_test_id("fit").click()
    page.wait_for_url("**/models", timeout=SOON)
    spec = ModelRegistry(built_home.catalog).spec("pair")
    assert (spec["train_days"], spec["background_days"], spec["test_days"]) == ([ISO[0]], [ISO[1]], [ISO[2]])
    assert spec["tags"] == ["kettle", "doorbell"]
    # nobody fits it while Dagster is away, and the page says so
    row = page.locator('[data-model="pair"]')
    expect(row.get_by_test_id("request")).to_have_text("waits to be fitted", timeout=SOON)
    expect(page.get_by_text("start it, or set SOUNDMILL_DAGSTER_URL")).to_be_visible()
    fitted(built_home, "pair")
    expect(row.get_by_test_id("request")).to_have_text("fitted: version 1", timeout=SOON)
    expect(row.get_by_test_id("version-row")).to_have_count(1, timeout=SOON)


def test_a_split_is_suggested_and_a_version_restores_its_choice(page: Page, built_home: Home) -> None:
    page.goto("/models/new")
    page.get_by_test_id("suggest").click()
    expect(page.locator("[data-use=E]")).to_have_count(1, timeout=SOON)
    assert sorted(uses(page), key=str) == ["E", "R", "R"]
    page.get_by_role("button", name="Clear all days").click()
    assert uses(page) == ["N", "N", "N"]
    page.get_by_test_id("restore").select_option("house/1")
    expect(page.locator("[data-use=R]")).to_have_count(2, timeout=SOON)
    assert uses(page) == ["R", "R", "E"]
    page.locator("summary", has_text="Advanced settings").click()
    page.get_by_label("least recall").fill("lots")
    page.get_by_label("least recall").blur()
    expect(page.get_by_test_id("refusal").first).to_contain_text("least_recall", timeout=SOON)


def test_a_definition_is_changed_and_somebody_elses_change_is_not_lost(page: Page, built_home: Home) -> None:
    page.goto("/models/new?change=house")
    expect(page.locator("[data-use=R]")).to_have_count(2, timeout=SOON)
    page.get_by_test_id("tag-chip").filter(has_text="kettle").click()
    page.get_by_test_id("tag-chip").filter(has_text="doorbell").click()
    expect(page.get_by_test_id("fit")).to_be_enabled(timeout=SOON)
    built_home.define("house", tags=("knocking",))
    page.get_by_test_id("fit").click()
    expect(page.get_by_role("alert")).to_contain_text("was changed meanwhile", timeout=SOON)
    assert ModelRegistry(built_home.catalog).spec("house")["tags"] == ["knocking"]


def test_mistakes_are_heard_a_threshold_is_moved_and_a_group_gets_a_tag(page: Page, built_home: Home, axe: str) -> None:
    page.goto("/models/house/1")
    cell = page.locator("[data-testid=cell][data-row=other][data-column=other]")
    cell.click(timeout=SOON)
    sounds = page.get_by_test_id("cell-sounds")
    expect(sounds.get_by_role("heading")).to_contain_text("background, called other")
    for place in range(3):
        play = sounds.get_by_test_id("play").nth(place)
        play.click()
        expect(play).to_have_text("Stop", timeout=SOON)
        play.click()
        expect(play).to_have_text("Play")
    assert violations(page, axe) == []
    address = sounds.get_by_test_id("open-sound").first.get_attribute("href") or ""
    assert address.startswith("/annotate?source=mic&at=")
    threshold = page.locator("[data-testid=threshold][data-tag=kettle]")
    before = threshold.get_by_test_id("reading").inner_text()
    slider = threshold.get_by_role("slider")
    slider.focus()
    slider.press("Home")  # the strictest: one sound at most
    after = threshold.get_by_test_id("reading").inner_text()
    assert after != before
    points = read_report(built_home.lake, ModelRegistry(built_home.catalog).current("house")).operating_points()["kettle"]
    assert f"recall {points.recall[0]:.2f}" in after
    page.get_by_test_id("save-thresholds").click()
    expect(page.get_by_test_id("busy")).to_contain_text("saved as settings of house", timeout=SOON)
    assert ModelRegistry(built_home.catalog).spec("house")["threshold_offsets"] == {"kettle": points.offset[0]}
    group = page.get_by_test_id("new-group")
    group.get_by_role("button", name="Show all 6").click()
    group.get_by_role("checkbox").last.uncheck()
    group.get_by_test_id("group-tag").fill("dripping tap")
    group.get_by_test_id("make-tag").click()
    expect(group.get_by_text("Labelled as dripping tap")).to_be_visible(timeout=SOON)
    assert [one.tag for one in Annotations(built_home.catalog).of_days(DAYS[2], DAYS[2])].count("dripping tap") == 5


def test_versions_are_compared_tested_on_other_days_and_promoted(page: Page, built_home: Home, axe: str) -> None:
    built_home.define("two", tags=("doorbell", "kettle"), train_days=DAYS[:1], test_days=DAYS[2:])
    fitted(built_home, "two")
    page.goto("/models/two/1")
    page.get_by_test_id("against").select_option("house/1", timeout=SOON)
    compared = page.get_by_test_id("compared")
    expect(compared).to_be_visible(timeout=SOON)
    expect(compared).to_contain_text("F1 of knocking")
    expect(compared).to_contain_text("no difference can be told from chance")
    assert "against=house%2F1" in page.url
    page.get_by_text("Test it on other days").click()
    page.get_by_role("button", name=ISO[1]).click()
    page.get_by_test_id("test").click()
    expect(page.get_by_text(f"Tested on {ISO[1]}")).to_be_visible(timeout=SOON)
    assert violations(page, axe) == []
    page.get_by_role("button", name="Back to its own test days").click()
    expect(page.get_by_text(f"Tested on {ISO[1]}")).to_be_hidden(timeout=SOON)
    page.get_by_test_id("promote").click()
    page.get_by_label("Why").fill("simpler")
    page.get_by_role("dialog").get_by_role("button", name="Promote").click()
    expect(page.locator(".badge")).to_have_text("champion", timeout=SOON)
    champion = ModelRegistry(built_home.catalog).champion()
    assert champion is not None
    assert (champion.name, champion.promoted_because) == ("two", "simpler (local user)")
    with page.expect_download() as download:
        page.get_by_role("link", name="predictions.csv").click()
    assert download.value.suggested_filename == "two_1_predictions.csv"


def test_a_model_is_deleted_when_that_is_confirmed(page: Page, built_home: Home) -> None:
    page.goto("/models")
    page.get_by_test_id("delete").click(timeout=SOON)
    expect(page.get_by_role("dialog")).to_contain_text("One of its versions is the champion")
    page.get_by_role("button", name="Keep it").click()
    assert "house" in ModelRegistry(built_home.catalog).specs()
    page.get_by_test_id("delete").click()
    page.get_by_test_id("really-delete").click()
    expect(page.get_by_test_id("model-row")).to_have_count(0, timeout=SOON)
    expect(page.get_by_text("There is no model yet")).to_be_visible()
    assert ModelRegistry(built_home.catalog).specs() == {}


def test_a_file_is_tried(page: Page, tmp_path: Path) -> None:
    sf.write(tmp_path / "kettle.flac", np.concatenate([kettle(np.random.default_rng(3)), np.zeros(5 * RATE, np.float32)]), RATE)
    page.goto("/models/try")
    page.get_by_test_id("try-file").set_input_files(str(tmp_path / "kettle.flac"))
    expect(page.get_by_test_id("tried")).to_contain_text("segments of kettle.flac have a name", timeout=SOON)
    expect(page.get_by_test_id("verdict").first).to_contain_text("kettle")
    drawn = "(canvas) => { const data = canvas.getContext('2d').getImageData(0, 40, 200, 200).data; return new Set(data).size }"
    assert page.get_by_test_id("tried-picture").evaluate(drawn) > 20
    (tmp_path / "text.wav").write_bytes(b"this is no sound")
    page.get_by_test_id("try-file").set_input_files(str(tmp_path / "text.wav"))
    expect(page.get_by_role("alert")).to_contain_text("not audio", timeout=SOON)


@pytest.mark.parametrize("width", [360, 1280, 2560])
def test_every_page_fits_its_window_and_can_be_used_without_sight_or_mouse(
    browser: Browser, client: httpx.Client, axe: str, width: int
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900}, base_url=str(client.base_url))
    places = {"/models": "model-row", "/models/new?from=house/1": "day-cell", "/models/house/1": "confusion", "/models/try": "try-file"}
    for path, shows in places.items():
        page.goto(path)
        expect(page.get_by_test_id(shows).first).to_be_attached(timeout=SOON)
        assert page.evaluate("document.documentElement.scrollWidth") == width, path
        assert violations(page, axe) == [], path


def test_annotators_see_no_buttons_that_are_not_theirs(browser: Browser, built_home: Home, client: httpx.Client) -> None:
    Accounts(built_home.catalog).add("anna", PASSWORD, roles=["annotator"])
    page = browser.new_page(base_url=str(client.base_url), extra_http_headers={})
    page.goto("/sign-in")
    page.get_by_label("Name").fill("anna")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.goto("/models")
    expect(page.get_by_test_id("version-row")).to_be_visible(timeout=SOON)
    assert page.get_by_test_id("delete").count() == page.get_by_test_id("promote").count() == 0
    page.goto("/models/nobody/3")
    expect(page.get_by_role("alert")).to_contain_text("there is no model version 'nobody/3'")
