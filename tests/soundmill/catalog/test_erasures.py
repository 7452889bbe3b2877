"""The audit of erasures holds no name of what was erased."""

from datetime import UTC, datetime

from soundmill.catalog import Catalog
from soundmill.catalog.erasures import Erasures, subject_hash

NOW = datetime(2026, 1, 5, tzinfo=UTC)


def test_an_erasure_is_found_by_who_knows_its_subject_and_by_nobody_else(catalog: Catalog) -> None:
    audit = Erasures(catalog)
    audit.record("conversation", "call-with-anna", 2, 61.23456, "ben", NOW)
    audit.record("account", "anna", 0, 0.0, "anna")
    first, second = audit.all()
    assert (first.kind, first.items, first.seconds, first.by, first.at) == ("conversation", 2, 61.235, "ben", NOW)
    assert [one.subject_sha256 for one in (first, second)] == [subject_hash("call-with-anna"), subject_hash("anna")]
    assert "call-with-anna" not in repr(first)


def test_a_name_that_is_no_text_has_a_hash_too() -> None:
    assert len(subject_hash(b"caf\xe9".decode("utf-8", "surrogateescape"))) == 64
