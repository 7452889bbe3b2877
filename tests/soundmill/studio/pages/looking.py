"""What a page is like for people who cannot see it, or have no mouse."""

from typing import Any

from playwright.sync_api import Page


def violations(page: Page, axe: str) -> list[Any]:
    """What axe finds wrong with the page as it is now."""
    page.evaluate(axe)
    found: list[Any] = page.evaluate("axe.run().then((result) => result.violations.map((one) => `${one.id}: ${one.nodes[0].html}`))")
    return found
