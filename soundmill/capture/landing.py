"""The landing area: `landing/{source}/{date}/...`, where edges and uploads drop files that nobody rewrites."""

import hashlib
import json
import os
import re
import shutil
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from typing import Literal

from soundmill.audio import seconds_of
from soundmill.audio.sniff import HEAD_BYTES, sniff
from soundmill.capture.naming import SegmentName
from soundmill.errors import StartTimeUnknown, UndecodableAudio, UnreadableTime
from soundmill.fingerprint import digest
from soundmill.lake import Entry, Lake
from soundmill.names import plain_name
from soundmill.times import from_ms, instant_in_name, parse_instant, to_ms

LANDING = "landing"
SIDECAR = ".json"
_SUFFIXES = frozenset(
    [
        *(".wav", ".wave", ".mp3", ".ogg", ".oga", ".opus", ".flac", ".m4a", ".mp4", ".aac", ".webm", ".aif", ".aiff", ".au", ".caf"),
        *(".wma", ".asf", ".amr", ".awb", ".3gp", ".3ga", ".w64", ".rf64", ".ac3", ".wv", ".tta", ".mka", ".mkv", ".mov", ".ts", ".snd"),
        *(".avi", ".mpg", ".mpeg", ".flv", ".wmv", ".mts", ".m2ts", ".vob", ".eac3", ".dts"),
    ]
)
_COMPANIONS = frozenset([SIDECAR, ".txt", ".csv", ".tsv", ".md", ".ini", ".log", ".xml", ".pdf", ".jpg", ".png"])
_UNFINISHED = (".partial", ".part", ".tmp", ".crdownload")
_SOURCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_PREFIX = re.compile(r"([0-9]{13})(?:_|\.)")
_AUDIOMOTH = re.compile(
    r"Recorded at (?P<time>\d\d:\d\d:\d\d(?:\.\d{3})?) (?P<day>\d\d)/(?P<month>\d\d)/(?P<year>\d{4}) "
    r"\(UTC(?:(?P<sign>[+-])(?P<hours>\d{1,2})(?::(?P<minutes>\d\d))?)?\)"
)
_ELSEWHERE = timezone(timedelta(hours=13, minutes=37))  # a zone that nobody means

KnownBy = Literal["given", "name", "header", "file time"]


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
    if named := _landed_at(file) or instant_in_name(file.name):
        return named
    if lake.is_local and file.stamp.isdigit():
        try:
            written = datetime.fromtimestamp(int(file.stamp) / 1e9, UTC) - timedelta(seconds=seconds)
        except OverflowError:
            raise StartTimeUnknown("neither its name nor its time of writing says when it began") from None
        if written.date() == file.day:
            return written
    raise StartTimeUnknown("nothing says when it began: name it like 20260105T101500Z.wav, or land it with soundmill ingest --started-at")


def named_start(name: str) -> datetime | None:
    """When a landed file begins by its name alone."""
    prefix = _PREFIX.match(name)
    return from_ms(int(prefix[1])) if prefix else instant_in_name(name)


@dataclass(frozen=True)
class Landed:
    """A file on its way into the landing area: its path there, when it began, what says so, and whether it is new there."""

    path: str
    began: datetime
    known_by: KnownBy
    is_new: bool = True


def land(lake: Lake, file: Path, source: str, started_at: datetime | None = None, zone: tzinfo = UTC, *, dry_run: bool = False) -> Landed:
    """Copies a file into the landing area under its starting time; `dry_run` only says where and when.

    Without `started_at` its name gives the time (in `zone` where it has no offset), the comment in an AudioMoth's header, or else the time
    of writing minus the length. The bytes are not checked: a broken file lands too, and is quarantined with its reason. Landing the same
    file again changes nothing. Raises `ValueError` for a source's name that cannot be a folder's, and for a moment before 1970, `OSError`
    for a file that cannot be read.
    """
    check_source(source)
    began, known_by = start_of_file(file, zone, started_at)
    name = plain_name(file.name)
    moment = to_ms(began)
    if moment < 0:
        raise ValueError(f"{began:%Y-%m-%d} lies before 1970")
    path = f"{LANDING}/{source}/{from_ms(moment).date().isoformat()}/{moment:013d}_{name}"
    if lake.exists(path):
        if _same_bytes(lake, path, file):
            return Landed(path, began, known_by, is_new=False)
        # other audio of the same name and moment: both are kept, and which of them counts is decided later
        path = f"{path.rpartition('/')[0]}/{moment:013d}_{_hash_of(file)[:8]}_{name}"
        if lake.exists(path):
            return Landed(path, began, known_by, is_new=False)
    if not dry_run:
        with open(file, "rb") as bytes_in, lake.writer(path) as bytes_out:
            shutil.copyfileobj(bytes_in, bytes_out, 1 << 20)
    return Landed(path, began, known_by)


def start_of_file(file: Path, zone: tzinfo = UTC, given: datetime | None = None) -> tuple[datetime, KnownBy]:
    """When a file outside the landing area began, and what says so: who landed it, a name with an offset, an AudioMoth's header, another
    name, its time of writing minus its length."""
    if given is not None:
        return given, "given"
    named = instant_in_name(file.name, zone)
    if named and named == instant_in_name(file.name, _ELSEWHERE):  # the name has an offset, or is one moment everywhere
        return named, "name"
    if (told := _told_by_header(file)) is not None:
        return told, "header"
    return (named, "name") if named else (_start_by_clock(file), "file time")


def _told_by_header(file: Path) -> datetime | None:
    """The start in the comment that AudioMoths write into their WAVs: "Recorded at 10:00:00 05/01/2026 (UTC+2) by AudioMoth ..."."""
    if file.suffix.lower() != ".wav":
        return None
    import soundfile as sf

    try:
        with sf.SoundFile(file) as handle:
            match = _AUDIOMOTH.match(handle.comment)
    except (sf.LibsndfileError, OSError, UnicodeError):
        return None
    if not match:
        return None
    day, month, year = (int(match[name]) for name in ("day", "month", "year"))
    sign = -1 if match["sign"] == "-" else 1
    offset = sign * timedelta(hours=int(match["hours"] or 0), minutes=int(match["minutes"] or 0))
    try:
        return (datetime.fromisoformat(f"{year}-{month:02d}-{day:02d}T{match['time']}") - offset).replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


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
        seconds = seconds_of(file)
    except UndecodableAudio:
        seconds = 0.0
    return datetime.fromtimestamp(os.stat(file).st_mtime, UTC) - timedelta(seconds=seconds)


def _landed_at(file: LandedFile) -> datetime | None:
    """The moment that `land` put before the name: that of the folder's day, whatever else the name holds."""
    match = _PREFIX.match(file.name)
    moment = from_ms(int(match[1])) if match else None
    return moment if moment and moment.date() == file.day else None


def _same_bytes(lake: Lake, path: str, file: Path) -> bool:
    with lake.local_file(path) as there:
        return _hash_of(there) == _hash_of(file)


def _hash_of(file: Path) -> str:
    with open(file, "rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def audio_files(folder: Path) -> Iterator[Path]:
    """Files below a folder that are audio by name or by content, in order of path, "take 2" before "take 10".

    Hidden and unfinished ones are left out.
    """
    for path in sorted(folder.rglob("*"), key=_natural):
        if path.is_file() and not path.name.startswith(".") and not path.name.endswith((SIDECAR, *_UNFINISHED)) and _looks_like_audio(path):
            yield path


def left_out(folder: Path, taken: Collection[Path]) -> dict[str, int]:
    """How many files below a folder are not among those that were taken, by ending; without hidden ones and companions of recordings."""
    mine = set(taken)
    there = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".") and path not in mine)
    return dict(sorted(Counter(kind for path in there if (kind := path.suffix.lower()) not in _COMPANIONS).items()))


def _natural(path: Path) -> list[tuple[tuple[int, int, str], ...]]:
    """Sorts numbers by their value, and a name before those that go on after it."""
    return [
        tuple((0, int(part), part) if part.isdecimal() else (1, 0, part.casefold()) for part in re.split(r"(\d+)", Path(name).stem) if part)
        for name in path.parts
    ]


def _looks_like_audio(path: Path) -> bool:
    if path.suffix.lower() in _SUFFIXES:
        return True
    try:
        with open(path, "rb") as file:
            return sniff(file.read(HEAD_BYTES)) not in ("empty", "html", "text", "unknown")
    except OSError:
        return False
