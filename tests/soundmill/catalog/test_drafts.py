"""Drafts: saved while somebody works, and never over another tab's."""

from datetime import date

from soundmill.catalog import Catalog, Drafts

DAY = date(2026, 1, 5)


def test_a_draft_comes_back_as_it_was_saved_and_goes_when_it_is_discarded(catalog: Catalog) -> None:
    drafts = Drafts(catalog)
    assert drafts.get("ann", "mic", DAY) is None
    assert drafts.save("ann", "mic", DAY, {"boxes": [1]}, 0) == 1
    assert drafts.save("ann", "mic", DAY, {"boxes": [1, 2]}, 1) == 2
    found = drafts.get("ann", "mic", DAY)
    assert found is not None
    assert (found.version, found.content) == (2, {"boxes": [1, 2]})
    assert drafts.get("bob", "mic", DAY) is None
    drafts.discard("ann", "mic", DAY)
    drafts.discard("ann", "mic", DAY)
    assert drafts.get("ann", "mic", DAY) is None


def test_a_draft_that_was_saved_elsewhere_meanwhile_is_not_overwritten(catalog: Catalog) -> None:
    drafts = Drafts(catalog)
    assert drafts.save("ann", "mic", DAY, {"tab": 1}, 0) == 1
    assert drafts.save("ann", "mic", DAY, {"tab": 2}, 0) is None
    assert drafts.save("ann", "mic", DAY, {"tab": 1}, 1) == 2
    assert drafts.save("ann", "mic", DAY, {"tab": 2}, 1) is None
    found = drafts.get("ann", "mic", DAY)
    assert found is not None
    assert found.content == {"tab": 1}
