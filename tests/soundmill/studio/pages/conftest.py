"""What the tests of pages in a browser share."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser


@pytest.fixture
def closed(browser: Browser) -> Iterator[None]:
    """No test leaves pages open that go on drawing or listening."""
    yield
    for context in browser.contexts:
        context.close()
