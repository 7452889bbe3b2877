"""Networks that others have trained: where they come from, by which checksum they are known, and how they get here."""

import asyncio
import os
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from soundmill.errors import FetchFailed, PretrainedUnavailable
from soundmill.ingest.fetch import Fetcher
from soundmill.options import FetchOptions
from soundmill.settings import Settings

_MARK = ".sha256"  # in an unpacked folder: the checksum of its archive


@dataclass(frozen=True)
class Pretrained:
    """A network by name: what it is for, its home, its checksum (SHA-256), its licence, and where the settings want it. What comes from
    `is_archive` homes is a zip with one folder in it, which becomes the place."""

    name: str
    what: str
    url: str
    sha256: str
    licence: str
    place: Callable[[Settings], Path]
    is_archive: bool = False

    def is_here(self, settings: Settings) -> bool:
        """Whether anything lies at its place."""
        return self.place(settings).exists()


PRETRAINED = {
    one.name: one
    for one in (
        Pretrained(
            "mn04",
            "sound embeddings, 4 MB (EfficientAT mn04_as, trained on AudioSet); the extractor mn04, which models use where it is there",
            "https://github.com/fschmid56/EfficientAT/releases/download/v0.0.1/mn04_as_mAP_432.pt",
            "899a8c6217063f6941793102a2780b3dd788ab11fce468d9cf5f0577c453321c",
            "MIT",
            lambda settings: settings.mn04_file,
        ),
        Pretrained(
            "yamnet",
            "sound embeddings and 521 AudioSet classes; for the extractor yamnet (needs the extra: pip install 'soundmill[yamnet]')",
            "https://tfhub.dev/google/lite-model/yamnet/tflite/1?lite-format=tflite",
            "141fba1cdaae842c816f28edc4937e8b4f0af4c8df21862ccc6b52dc567993c3",
            "Apache-2.0",
            lambda settings: settings.yamnet_file,
        ),
        Pretrained(
            "vosk-small-en",
            "speech recognition for English, 40 MB (vosk-model-small-en-us-0.15); for transcripts",
            "https://alphacephei.com/vosk/models/vosk-model-small-en-us-0.15.zip",
            "30f26242c4eb449f948e42cb302dd7a686cb29a3423a8367f99ff41780942498",
            "Apache-2.0",
            lambda settings: settings.vosk_folder,
            is_archive=True,
        ),
    )
}


def fetch_pretrained(
    wanted: Pretrained, settings: Settings, url: str | None = None, sha256: str | None = None, options: FetchOptions | None = None
) -> tuple[Path, bool]:
    """Brings a network to its place; says where, and whether it had to be fetched. `url` is another place to take it from, `sha256`
    another checksum to hold it to. What comes is put in place only when its checksum is right. Raises `PretrainedUnavailable`.
    """
    place, expected = wanted.place(settings), sha256 or wanted.sha256
    if _held(place, wanted.is_archive) == expected:
        return place, False
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.with_name(f"{place.name}.part")

    async def run() -> str:
        async with Fetcher(options or FetchOptions(allow=settings.download_exempt, ca_file=settings.ca_path)) as fetcher:
            return (await fetcher.fetch(url or wanted.url, part)).sha256

    verb = "unpack" if wanted.is_archive else "put"
    by_hand = f"take it from {wanted.url} where there is a network, and {verb} it at {place}"
    try:
        found = asyncio.run(run())
    except (FetchFailed, OSError) as error:
        raise PretrainedUnavailable(f"{wanted.name} did not come: {error}; {by_hand}") from None
    if found != expected:
        part.unlink(missing_ok=True)
        part.with_suffix(".json").unlink(missing_ok=True)
        raise PretrainedUnavailable(f"what came from {url or wanted.url} is not {wanted.name}: its SHA-256 is {found}, not {expected}")
    if wanted.is_archive:
        _unpack(part, place, expected)
    else:
        os.replace(part, place)
    part.with_suffix(".json").unlink(missing_ok=True)
    return place, True


def _held(place: Path, is_archive: bool) -> str | None:
    """The checksum of what lies there: of the file, or of the archive that the folder was unpacked from; None where that is not known."""
    if is_archive:
        mark = place / _MARK
        return mark.read_text().strip() if mark.is_file() else None
    return _checksum(place) if place.is_file() else None


def _unpack(archive: Path, place: Path, checksum: str) -> None:
    """Puts the one folder of an archive in the place of what lies there, whole or not at all. Raises `PretrainedUnavailable`."""
    with tempfile.TemporaryDirectory(prefix=f".{place.name}-", dir=place.parent) as aside:
        try:
            with zipfile.ZipFile(archive) as opened:
                opened.extractall(Path(aside) / "new")
        except (zipfile.BadZipFile, OSError) as error:
            raise PretrainedUnavailable(f"{archive} cannot be unpacked: {error}") from None
        inside = list((Path(aside) / "new").iterdir())
        if len(inside) != 1 or not inside[0].is_dir():
            raise PretrainedUnavailable(f"{archive} holds {len(inside)} entries, not one folder")
        (inside[0] / _MARK).write_text(f"{checksum}\n")
        if place.exists():
            os.replace(place, Path(aside) / "old")
        os.replace(inside[0], place)
    archive.unlink()


def _checksum(path: Path) -> str:
    import hashlib

    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
