"""A release's manifest: its clips with sound, labels and split, line by line, and what differs between two of them."""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from soundmill.catalog.takes import TAKE_SOURCES
from soundmill.errors import DamagedRelease
from soundmill.formats.podcast import wav_name
from soundmill.times import from_ms, to_ms

MANIFEST, CLIPS, CARD, WITHDRAWN = "manifest.json", "clips.jsonl", "card.md", "withdrawn.txt"
RELEASES = "releases"
FORMAT = 2  # 1: the sha256 of the clips was that of the file
_TOMBSTONE = "withdrawn"


@dataclass(frozen=True)
class Label:
    """A sound in a clip, in seconds from its first sample; its band in Hz where one was drawn; drawn, imported or a model's prediction."""

    start_s: float
    duration_s: float
    tag: str
    low_hz: float | None = None
    high_hz: float | None = None
    origin: str = "drawn"


@dataclass(frozen=True)
class Reading:
    """What a take is: the sentence that was read, by whom, and under which licence."""

    set: str
    utterance: str
    text: str
    speaker: str
    language: str
    licence: str
    verdict: str
    entity: str | None = None
    accent: str = ""


@dataclass(frozen=True)
class Clip:
    """A stretch of a source's sound with all that people heard of `tags` in it: what is not labelled is not there. Or a take, with what was
    read.

    sha256   of the WAV, whose name in the lake it is; gaps: from and to in seconds, where nothing was recorded and the WAV has zeros
    group    what it is never parted from; recordings: hashes of those it is of, or the speaker; people: how many labelled it
    """

    source: str
    start: datetime
    end: datetime
    split: str
    group: str
    recordings: tuple[str, ...]
    rounds: tuple[str, ...]
    tags: tuple[str, ...]
    people: int
    labels: tuple[Label, ...]
    sha256: str
    sample_rate: int
    samples: int
    gaps: tuple[tuple[float, float], ...] = ()
    reading: Reading | None = None

    @property
    def collection(self) -> str:
        """What it is counted under: its source, or its prompt set."""
        return f"prompts {self.reading.set}" if self.reading else self.source

    @property
    def id(self) -> str:
        """Source, start in UTC, and length in ms."""
        return f"{self.source}/{self.start:%Y-%m-%dT%H:%M:%S}.{self.start.microsecond // 1000:03d}Z/{to_ms(self.end) - to_ms(self.start)}"

    @property
    def marks(self) -> tuple[str, ...]:
        """By what it is known again: its recordings, its sound, itself."""
        return *self.recordings, self.sha256, self.id

    @property
    def seconds(self) -> float:
        """Length of the WAV."""
        return self.samples / self.sample_rate

    @property
    def file_name(self) -> str:
        """Of its WAV in an export."""
        return wav_name(self.source, self.start, self.end)


@dataclass(frozen=True)
class Difference:
    """What became of the clips of one release in another.

    relabelled, recut   clips of which the labels (or the tags that were looked for) are others, and of which the sound is
    moved      clips by the splits they went from and to
    leaked     ids of clips of the second that are in another split than the first had them, their sound or their recording in: a model
               fitted on the one must not be tested on the other
    labels     by tag, how many labels were added and removed in clips that both have
    seconds    of the first and of the second
    """

    added: tuple[str, ...]
    removed: tuple[str, ...]
    relabelled: tuple[str, ...]
    recut: tuple[str, ...]
    moved: Mapping[tuple[str, str], int]
    leaked: tuple[str, ...]
    labels: Mapping[str, tuple[int, int]]
    seconds: tuple[float, float]
    withdrawn: tuple[str, ...] = field(default=())

    @property
    def is_empty(self) -> bool:
        """Whether both hold the same."""
        return not (self.added or self.removed or self.relabelled or self.recut or self.moved)


def is_of_take(name: str) -> bool:
    """Whether a clip's id is of a take: nothing that stays for ever names one, for it may be withdrawn."""
    return name.startswith(TAKE_SOURCES)


def release_folder(name: str, content: str) -> str:
    """Where a release's files lie below the lake's root: another manifest, of whatever origin, lies elsewhere."""
    return f"{RELEASES}/{name}-{content[:12]}"


def clips_bytes(clips: Iterable[Clip]) -> bytes:
    """Clips as JSON lines, in order of source and time; the same clips give the same bytes."""
    return b"".join(_line(one) for one in sorted(clips, key=lambda one: (one.source, one.start, one.end)))


def read_clips(data: bytes) -> list[Clip]:
    """What `clips_bytes` wrote, without what is a tombstone by now. Raises `DamagedRelease`."""
    try:
        found = [json.loads(line) for line in data.split(b"\n") if line]
        return [_clip(values) for values in found if values.keys() != {_TOMBSTONE}]
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedRelease(f"a release's {CLIPS} cannot be read: {error}") from None


def with_tombstones(data: bytes, sources: Collection[str]) -> bytes:
    """Clips as JSON lines, in which those of these sources are nothing but the hash of their line: `clips_mark` stays the same."""
    lines = [line for line in data.split(b"\n") if line]
    gone = [json.loads(line).get("source") in sources for line in lines]
    return b"".join(
        json.dumps({_TOMBSTONE: _line_mark(line)}).encode() + b"\n" if is_gone else line + b"\n"
        for line, is_gone in zip(lines, gone, strict=True)
    )


def clips_mark(data: bytes) -> str:
    """By which clips are known again: the sha256 of the sha256 of each line, a line each; of a tombstone, of the line that it was."""
    return hashlib.sha256("".join(f"{_line_mark(line)}\n" for line in data.split(b"\n") if line).encode()).hexdigest()


def _line_mark(line: bytes) -> str:
    if line.startswith(b'{"%s"' % _TOMBSTONE.encode()):
        return str(json.loads(line)[_TOMBSTONE])
    return hashlib.sha256(line).hexdigest()


def manifest_bytes(facts: Mapping[str, Any], files: Mapping[str, bytes]) -> bytes:
    """The manifest: facts, and the sha256 of every other file (of its clips `clips_mark`). Its own sha256 is the release's."""
    hashes = {name: clips_mark(data) if name == CLIPS else hashlib.sha256(data).hexdigest() for name, data in files.items()}
    return (json.dumps({"format": FORMAT, **facts, "files": hashes}, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def totals(clips: Sequence[Clip]) -> dict[str, Any]:
    """Clips, hours, and labels by tag."""
    labels = Counter(label.tag for one in clips for label in one.labels)
    return {"clips": len(clips), "hours": round(sum(one.seconds for one in clips) / 3600, 6), "labels": dict(sorted(labels.items()))}


def difference(first: Sequence[Clip], second: Sequence[Clip], withdrawn: Iterable[str] = ()) -> Difference:
    """What differs from one release to the next; `withdrawn`: ids of clips of either that were taken back."""
    before, now = ({one.id: one for one in clips} for clips in (first, second))
    both = [(before[name], now[name]) for name in sorted(before.keys() & now.keys())]
    changed = [(a, b) for a, b in both if (a.labels, a.tags) != (b.labels, b.tags)]
    labels: dict[str, tuple[int, int]] = {}
    for a, b in changed:
        had, has = Counter(a.labels), Counter(b.labels)
        for tag in sorted({one.tag for one in (*a.labels, *b.labels)}):
            more, fewer = (sum(number for one, number in of.items() if one.tag == tag) for of in (has - had, had - has))
            plus, minus = labels.get(tag, (0, 0))
            labels[tag] = (plus + more, minus + fewer)
    was_in = {mark: one.split for one in first for mark in one.marks}
    return Difference(
        added=tuple(sorted(now.keys() - before.keys())),
        removed=tuple(sorted(before.keys() - now.keys())),
        relabelled=tuple(a.id for a, b in changed),
        recut=tuple(a.id for a, b in both if a.sha256 != b.sha256),
        moved=dict(sorted(Counter((a.split, b.split) for a, b in both if a.split != b.split).items())),
        leaked=tuple(sorted(one.id for one in second if {was_in.get(mark, one.split) for mark in one.marks} != {one.split})),
        labels={tag: counts for tag, counts in labels.items() if counts != (0, 0)},
        seconds=(sum(one.seconds for one in first), sum(one.seconds for one in second)),
        withdrawn=tuple(sorted(set(withdrawn))),
    )


def _line(clip: Clip) -> bytes:
    values = asdict(clip) | {"clip": clip.id, "start": _iso(clip.start), "end": _iso(clip.end), "seconds": round(clip.seconds, 6)}
    return (json.dumps(values, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _clip(values: dict[str, Any]) -> Clip:
    for name in ("clip", "seconds"):
        del values[name]
    labels = tuple(Label(**one) for one in values.pop("labels"))
    start, end = (from_ms(to_ms(datetime.fromisoformat(values.pop(name)))) for name in ("start", "end"))
    rounds, tags, recordings = (tuple(values.pop(name)) for name in ("rounds", "tags", "recordings"))
    gaps, read = tuple((first, last) for first, last in values.pop("gaps")), values.pop("reading", None)
    parts: dict[str, Any] = {
        "start": start,
        "end": end,
        "rounds": rounds,
        "tags": tags,
        "recordings": recordings,
        "labels": labels,
        "gaps": gaps,
    }
    return Clip(**parts, reading=Reading(**read) if read else None, **values)


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")


def seconds_between(start: datetime, moment: datetime) -> float:
    """Seconds to the millisecond."""
    return round((moment - start) / timedelta(seconds=1), 3)
