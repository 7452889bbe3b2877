"""Networks that others have trained: where they come from, by which checksum they are known, and how they get here."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from soundmill.ingest.failures import FetchFailed
from soundmill.ingest.fetch import Fetcher, FetchOptions
from soundmill.settings import Settings


@dataclass(frozen=True)
class Pretrained:
    """A network by name: what it is for, its home, its checksum (SHA-256), its licence, and where the settings want it."""

    name: str
    what: str
    url: str
    sha256: str
    licence: str
    place: Callable[[Settings], Path]


PRETRAINED = {
    one.name: one
    for one in (
        Pretrained(
            "yamnet",
            "sound embeddings and 521 AudioSet classes; for the extractor yamnet (needs the extra: pip install 'soundmill[yamnet]')",
            "https://tfhub.dev/google/lite-model/yamnet/tflite/1?lite-format=tflite",
            "141fba1cdaae842c816f28edc4937e8b4f0af4c8df21862ccc6b52dc567993c3",
            "Apache-2.0",
            lambda settings: settings.yamnet_file,
        ),
    )
}


class CannotFetch(RuntimeError):
    """A network that did not come, or is not the one it should be; says what to do instead."""


def fetch_pretrained(
    wanted: Pretrained, settings: Settings, url: str | None = None, sha256: str | None = None, options: FetchOptions | None = None
) -> tuple[Path, bool]:
    """Brings a network to its place; says where, and whether it had to be fetched. `url` is another place to take it from, `sha256`
    another checksum to hold it to. What comes is put in place only when its checksum is right. Raises `CannotFetch`.
    """
    place, expected = wanted.place(settings), sha256 or wanted.sha256
    if place.is_file() and _checksum(place) == expected:
        return place, False
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.with_name(f"{place.name}.part")

    async def run() -> str:
        async with Fetcher(options or FetchOptions(allow=settings.download_exempt)) as fetcher:
            return (await fetcher.fetch(url or wanted.url, part)).sha256

    by_hand = f"take it from {wanted.url} where there is a network, and put it at {place}"
    try:
        found = asyncio.run(run())
    except (FetchFailed, OSError) as error:
        raise CannotFetch(f"{wanted.name} did not come: {error}; {by_hand}") from None
    if found != expected:
        part.unlink(missing_ok=True)
        part.with_suffix(".json").unlink(missing_ok=True)
        raise CannotFetch(f"what came from {url or wanted.url} is not {wanted.name}: its SHA-256 is {found}, not {expected}")
    os.replace(part, place)
    part.with_suffix(".json").unlink(missing_ok=True)
    return place, True


def _checksum(path: Path) -> str:
    import hashlib

    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
