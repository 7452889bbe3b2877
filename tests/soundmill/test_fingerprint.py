"""Fingerprints: the same lines give the same one."""

from soundmill.fingerprint import digest, is_stale, stale_mark


def test_a_fingerprint_is_of_the_lines_in_their_order() -> None:
    assert digest(["a", "b"]) == digest(iter(["a", "b"])) == digest(["a\nb"])
    assert len({digest(["a", "b"]), digest(["b", "a"]), digest(["ab"]), digest([])}) == 4
    assert len(digest(["Größe"])) == 20


def test_a_file_name_that_is_no_text_has_one_too() -> None:
    assert digest([b"caf\xe9".decode("utf-8", "surrogateescape")]) != digest(["café"])


def test_a_stale_mark_is_like_no_other_and_no_fingerprint_is_one() -> None:
    assert is_stale(stale_mark())
    assert stale_mark() != stale_mark()
    assert not is_stale(digest(["stale "]))
