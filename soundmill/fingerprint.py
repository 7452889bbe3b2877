"""Fingerprints: short marks by which the same content is known again, made in one way."""

import hashlib
import secrets
from collections.abc import Iterable


def digest(lines: Iterable[str]) -> str:
    """20 hexadecimal digits of BLAKE2 over the lines, in their order; bytes of a file name that are no text count as they are."""
    return hashlib.blake2b("\n".join(lines).encode("utf-8", "surrogateescape"), digest_size=10).hexdigest()


_STALE = "stale "


def stale_mark() -> str:
    """A mark that no day was ever made from: the day is to be made again."""
    return f"{_STALE}{secrets.token_hex(8)}"


def is_stale(mark: str) -> bool:
    """Whether a day's mark says that it is to be made again."""
    return mark.startswith(_STALE)
