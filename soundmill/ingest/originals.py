"""Originals: the bytes of downloads as they came, kept under their hash where SOUNDMILL_KEEP_ORIGINALS is on."""

from collections.abc import Iterable

from soundmill.catalog import Ledger
from soundmill.lake import Lake


def drop_originals(lake: Lake, ledger: Ledger, hashes: Iterable[str]) -> None:
    """Removes kept originals that no download uses any longer."""
    for sha256 in hashes:
        if not ledger.uses_original(sha256):
            for entry in list(lake.files(original_folder(sha256))):
                if entry.path.rsplit("/", 1)[1].startswith(sha256):
                    lake.delete(entry.path)


def original_folder(sha256: str) -> str:
    """Where originals lie whose hash begins so."""
    return f"audio/originals/{sha256[:2]}"


def original_path(sha256: str, kind: str) -> str:
    """Where an original's bytes lie."""
    return f"{original_folder(sha256)}/{sha256}.{kind}"
