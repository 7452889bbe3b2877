"""The landing area: `landing/{source}/{date}/...`, where edges and uploads drop files that nobody rewrites."""

import hashlib
import json
import os
import re
import shutil
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from soundmill.audio import probe
from soundmill.audio.sniff import HEAD_BYTES, sniff
from soundmill.capture.naming import SegmentName
from soundmill.errors import StartTimeUnknown, UndecodableAudio, UnreadableTime
from soundmill.fingerprint import digest
from soundmill.lake import Entry, Lake
from soundmill.times import from_ms, instant_in_name, parse_instant, to_ms

LANDING = "landing"
SIDECAR = ".json"
_SUFFIXES = frozenset(
    [".wav", ".wave", ".mp3", ".ogg", ".oga", ".opus", ".flac", ".m4a", ".mp4", ".aac", ".webm", ".aif", ".aiff", ".au", ".caf"]
)
_UNFINISHED = (".partial", ".part", ".tmp", ".crdownload")
_SOURCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class LandedFile:
    """A file in the landing area. `stamp` changes when the file, or its sidecar, does."""

    path: str
    source: str
    day: date
    size: int
    stamp: str
    has_sidecar: bool = False
    is_dir: bool = False

    @property
    def key(self) -> str:
        """Its path as the ledger's key: bytes in a name that are no UTF-8 are spelled out."""
        return self.path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")

    @property
    def name(self) -> str:
        """The file's name without its folders."""
        return self.path.rsplit("/", 1)[-1]


def landed_on(lake: Lake, day: date) -> tuple[list[LandedFile], str]:
    """Every file landed in the day's folder of any source, in order of path, and the fingerprint that `landing_by_day` gives them."""
    entries: list[Entry] = []
    for source in filter(_SOURCE.fullmatch, lake.folders(LANDING)):
        entries.extend(entry for entry in lake.files(f"{LANDING}/{source}/{day.isoformat()}") if not entry.path.endswith(_UNFINISHED))
    sidecars = {entry.path: entry.stamp for entry in entries if entry.path.endswith(SIDECAR)}
    files = []
    for entry in entries:
        if entry.path not in sidecars:
            sidecar = sidecars.get(entry.path + SIDECAR)
            stamp = entry.stamp if sidecar is None else f"{entry.stamp}+{sidecar}"
            source = entry.path.split("/", 2)[1]
            files.append(LandedFile(entry.path, source, day, entry.size, stamp, sidecar is not None, entry.is_dir))
    return sorted(files, key=lambda file: file.path), digest(sorted(_line(entry) for entry in entries))


def landing_by_day(lake: Lake) -> tuple[dict[date, str], int]:
    """A fingerprint of each day's landed files, and how many files lie outside `landing/{source}/{date}/`.

    One listing; 100,000 files on disk take about half a second.
    """
    lines: dict[str, list[str]] = defaultdict(list)
    misplaced = 0
    days: dict[str, date | None] = {}
    for entry in lake.files(LANDING):
        if entry.path.endswith(_UNFINISHED):
            continue
        parts = entry.path.split("/", 3)
        text = parts[2] if len(parts) == 4 and _SOURCE.fullmatch(parts[1]) else ""
        if text not in days:
            days[text] = _day(text)
        if days[text] is None:
            misplaced += 1
        else:
            lines[text].append(_line(entry))
    fingerprints = {}
    for text, found in lines.items():
        day = days[text]
        assert day is not None
        fingerprints[day] = digest(sorted(found))
    return fingerprints, misplaced


def _line(entry: Entry) -> str:
    return f"{entry.path} {entry.size} {entry.stamp}"


def _day(text: str) -> date | None:
    if not _DAY.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def start_of(lake: Lake, file: LandedFile, seconds: float) -> datetime:
    """When a landed file began: by its sidecar, by its name, or by its time of writing where that fits the folder's day.

    `seconds` is its length. Raises `StartTimeUnknown`.
    """
    if file.has_sidecar:
        try:
            return parse_instant(str(json.loads(lake.read_bytes(file.path + SIDECAR))["started_at"]))
        except (ValueError, KeyError, TypeError, UnreadableTime):
            raise StartTimeUnknown(f"the sidecar {file.name}{SIDECAR} holds no readable started_at") from None
    if named := instant_in_name(file.name):
        return named
    if lake.is_local and file.stamp.isdigit():
        try:
            written = datetime.fromtimestamp(int(file.stamp) / 1e9, UTC) - timedelta(seconds=seconds)
        except OverflowError:
            raise StartTimeUnknown("neither its name nor its time of writing says when it began") from None
        if written.date() == file.day:
            return written
    raise StartTimeUnknown("nothing says when it began: name it like 20260105T101500Z.wav, or land it with soundmill ingest --started-at")


def land(lake: Lake, file: Path, source: str, started_at: datetime | None = None) -> tuple[str, datetime]:
    """Copies a file into the landing area under its starting time; returns its path there and that time.

    Without `started_at` the name states it, else the time of writing minus the length. The bytes are not checked: a broken file
    lands too, and is quarantined with its reason. Landing the same file again changes nothing. Raises `ValueError` for a
    source's name that cannot be a folder's, `OSError` for a file that cannot be read.
    """
    check_source(source)
    began = started_at or instant_in_name(file.name) or _start_by_clock(file)
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", file.name).lstrip(".")[-80:]
    moment = to_ms(began)
    if moment < 0:
        raise ValueError(f"{began:%Y-%m-%d} lies before 1970")
    path = f"{LANDING}/{source}/{from_ms(moment).date().isoformat()}/{moment:013d}_{name}"
    if lake.exists(path):
        if _same_bytes(lake, path, file):
            return path, began
        # other audio of the same name and moment: both are kept, and which of them counts is decided later
        path = f"{path.rpartition('/')[0]}/{moment:013d}_{_hash_of(file)[:8]}_{name}"
    with open(file, "rb") as bytes_in, lake.writer(path) as bytes_out:
        shutil.copyfileobj(bytes_in, bytes_out, 1 << 20)
    return path, began


def check_source(source: str) -> str:
    """The name, if it can be that of a source's folder. Raises `ValueError`."""
    if not _SOURCE.fullmatch(source):
        raise ValueError(f"{source!r} cannot name a source: use letters, digits, dots, dashes and underscores")
    return source


def landing_path(source: str, name: SegmentName) -> str:
    """Where a captured segment lands."""
    return f"{LANDING}/{source}/{name.day.isoformat()}/{name}"


def _start_by_clock(file: Path) -> datetime:
    try:
        seconds = probe(file).seconds or 0.0
    except UndecodableAudio:
        seconds = 0.0
    return datetime.fromtimestamp(os.stat(file).st_mtime, UTC) - timedelta(seconds=seconds)


def _same_bytes(lake: Lake, path: str, file: Path) -> bool:
    with lake.local_file(path) as there:
        return _hash_of(there) == _hash_of(file)


def _hash_of(file: Path) -> str:
    with open(file, "rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def audio_files(folder: Path) -> Iterator[Path]:
    """Files below a folder that are audio by name or by content, in order of path; hidden and unfinished ones are left out."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.startswith(".") and not path.name.endswith((SIDECAR, *_UNFINISHED)) and _looks_like_audio(path):
            yield path


def _looks_like_audio(path: Path) -> bool:
    if path.suffix.lower() in _SUFFIXES:
        return True
    try:
        with open(path, "rb") as file:
            return sniff(file.read(HEAD_BYTES)) not in ("empty", "html", "text", "unknown")
    except OSError:
        return False
