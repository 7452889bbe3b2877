"""Releases in a browser: defined on a page, made, looked at and downloaded."""

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

from soundmill.capture.redaction import plan_redaction
from soundmill.catalog import Accounts, Catalog, open_catalog
from soundmill.lake import Lake, open_lake
from soundmill.workflows.erasure import erase
from soundmill.workflows.releases import make_release
from tests.catalogs import sqlite_in
from tests.soundmill.studio.pages.looking import violations
from tests.soundmill.studio.running import studio
from tests.soundmill.workflows.releases.garden import MORNING, garden

pytestmark = pytest.mark.usefixtures("closed")
Ground = tuple[httpx.Client, Lake, Catalog]


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    lake, catalog = open_lake(str(tmp_path / "lake")), open_catalog(sqlite_in(tmp_path))
    with studio(tmp_path) as client:
        yield client, lake, catalog


def test_a_release_is_defined_made_looked_at_and_taken_back_from(browser: Browser, ground: Ground, axe: str) -> None:
    client, lake, catalog = ground
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{client.base_url}/releases")
    expect(page.get_by_text("There is no release yet")).to_be_visible()
    expect(page.get_by_text("is closed yet")).to_be_visible()
    garden(lake, catalog)
    page.reload()
    page.get_by_label("Name, such as").fill("owls-1.0")
    expect(page.get_by_label("Closed rounds")).to_have_value("owls")
    page.get_by_label("Licence").fill("CC-BY-4.0")
    page.get_by_label("Share of each split").fill("train=.5")
    page.get_by_role("button", name="Define").click()
    expect(page.get_by_role("alert")).to_contain_text("add up to 1")
    expect(page.get_by_label("Licence")).to_have_value("CC-BY-4.0")  # what was typed is kept
    page.get_by_label("Share of each split").fill("train=.67,test=.33")
    page.get_by_role("button", name="Define").click()
    expect(page.get_by_test_id("releases")).to_contain_text("not made yet")
    made = make_release(lake, catalog, "owls-1.0")
    page.reload()
    assert violations(page, axe) == []
    page.get_by_role("link", name="owls-1.0").click()
    expect(page.get_by_test_id("splits")).to_contain_text("in all")
    expect(page.get_by_text(made.content)).to_be_visible()
    page.get_by_text("All 6 clips").click()
    expect(page.get_by_role("link", name="garden, 2026-01-05 06:00:00 UTC")).to_have_attribute(
        "href", f"/annotate?source=garden&at={MORNING.timestamp() * 1000:.0f}&span=30000"
    )
    assert violations(page, axe) == []
    for width in (360, 2560):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    at = MORNING + timedelta(seconds=20)
    erase(lake, catalog, plan_redaction(catalog, "garden", at, at + timedelta(seconds=3), keep=0))
    page.reload()
    expect(page.get_by_role("status")).to_contain_text("Of its clips, 1 was withdrawn since")


def test_its_files_are_downloaded_as_they_were_released(ground: Ground) -> None:
    client, lake, catalog = ground
    garden(lake, catalog)
    client.post("/releases", data={"name": "owls-1.0", "rounds": "owls", "licence": "CC0-1.0"})
    assert client.get("/releases/owls-1.0").status_code == 409
    made = make_release(lake, catalog, "owls-1.0")
    manifest = client.get("/releases/owls-1.0/manifest.json")
    assert hashlib.sha256(manifest.content).hexdigest() == made.content
    assert manifest.headers["content-disposition"] == 'attachment; filename="owls-1.0_manifest.json"'
    assert client.get("/releases/owls-1.0/train.tsv").text.startswith("dataset\twav_filename")
    for path in ("/releases/owls-1.0/../../catalog.db", "/releases/owls-1.0/nothing", "/releases/nothing", "/releases/nothing/card.md"):
        assert client.get(path).status_code == 404


def test_only_engineers_see_releases(tmp_path: Path) -> None:
    catalog = open_catalog(sqlite_in(tmp_path))
    Accounts(catalog).add("ann", "correct-horse-9", roles=["annotator"])
    with studio(tmp_path) as client:
        assert client.get("/releases").status_code in (303, 307, 401, 403)
        client.post("/sign-in", data={"username": "ann", "password": "correct-horse-9"})
        assert client.get("/releases").status_code == 403
