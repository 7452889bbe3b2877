"""Edges and their tokens."""

from datetime import UTC, datetime

from sqlalchemy import text

from soundmill.catalog import Catalog
from soundmill.catalog.devices import Devices

NOW = datetime(2026, 1, 5, tzinfo=UTC)


def test_a_token_is_an_edge_s_own_and_another_one_takes_its_place(catalog: Catalog) -> None:
    devices = Devices(catalog)
    assert not devices.any()
    first, other = devices.add("porch"), devices.add("garden")
    assert devices.holds("porch", first)
    assert not devices.holds("porch", other)
    assert not devices.holds("nobody", first)
    second = devices.add("porch")
    assert (devices.holds("porch", first), devices.holds("porch", second)) == (False, True)
    devices.seen("porch", NOW)
    assert [(one.name, one.last_seen_at) for one in devices.all()] == [("garden", None), ("porch", NOW)]


def test_tokens_are_asked_for_also_after_the_last_is_taken_back(catalog: Catalog) -> None:
    devices = Devices(catalog)
    token = devices.add("porch")
    assert devices.remove("porch")
    assert not devices.remove("porch")
    assert not devices.holds("porch", token)
    assert not devices.holds("porch", "")
    assert devices.all() == []
    assert devices.any()


def test_no_token_is_kept_only_its_hash(sqlite_catalog: Catalog) -> None:
    token = Devices(sqlite_catalog).add("porch")
    with sqlite_catalog.reading() as session:
        assert token not in str(session.execute(text("select * from devices")).all())
