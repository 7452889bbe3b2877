"""Fixtures: the studio with people, and a browser."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Error, sync_playwright

import soundmill.studio as studio_package
from tests.soundmill.studio.running import studio
from tests.soundmill.studio.signing_in import PASSWORD, accounts


@pytest.fixture
def people(tmp_path: Path) -> Iterator[httpx.Client]:
    """A studio with an admin, an engineer, a speaker and a client."""
    known = accounts(tmp_path)
    for role in ("admin", "engineer", "speaker", "client"):
        known.add(f"the_{role}", PASSWORD, roles=[role])
    with studio(tmp_path) as client:
        yield client


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium of the system, or Playwright's own. For a module at a time: while it is open, nothing else in this thread can run an event
    loop."""
    with sync_playwright() as playwright:
        found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        try:
            browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        except Error as error:
            if os.environ.get("SOUNDMILL_TEST_STRICT"):
                pytest.fail(f"no Chromium can be started, and SOUNDMILL_TEST_STRICT is set: {error.message}")
            pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """The script of axe, which looks for what people with assistive technology cannot use."""
    return (Path(studio_package.__file__).parent / "web" / "node_modules" / "axe-core" / "axe.min.js").read_text()
