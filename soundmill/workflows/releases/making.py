"""Making a release: the settled sessions of its rounds with their sound, split so that no recording and no copy is on two sides."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from soundmill.audio import wav_bytes
from soundmill.audio.reader import Float32, Int16
from soundmill.capture import SEGMENTS, Timeline
from soundmill.catalog import Box, Catalog, Ledger, ReleasedClip, Releases, Rounds, clip_path, lease, lies_in
from soundmill.errors import NoAudio, ReleaseRefused
from soundmill.features.acoustic_fingerprint import AcousticFingerprint
from soundmill.features.extractor import Vectors
from soundmill.lake import Lake
from soundmill.osr.sounds import Sounds
from soundmill.osr.splits import components, near_duplicates
from soundmill.releases.card import card_text
from soundmill.releases.manifest import (
    CARD,
    CLIPS,
    MANIFEST,
    Clip,
    Label,
    clips_bytes,
    difference,
    manifest_bytes,
    release_folder,
    seconds_between,
    totals,
)
from soundmill.releases.spec import ReleaseSpec, release_spec
from soundmill.releases.splits import Member, split_of_groups
from soundmill.workflows.releases.reading import opened
from soundmill.workflows.rounds.outcome import Settled, settled

LEASE = "releases"  # whoever makes one, or takes clips back, is alone
_LONGEST_WAIT = 12 * 3600.0  # seconds
_ENOUGH_SOURCES = 5  # to part sound by source
_PIECE = 30  # seconds of sound that one fingerprint covers
_SLIVER = 0.001  # seconds: of a label that a clip's end cuts


@dataclass(frozen=True)
class Made:
    """A release as it is: its sha256, what its manifest says, and whether it was made just now."""

    content: str
    facts: dict[str, Any]
    is_new: bool


@dataclass(frozen=True)
class _Stretch:
    """A settled stretch of sound, of whichever rounds had it, and what keeps it with others: recordings, days, sources."""

    source: str
    start: datetime
    end: datetime
    rounds: tuple[str, ...]
    tags: tuple[str, ...]
    people: int
    labels: tuple[Label, ...]
    recordings: tuple[str, ...]


NO_RELEASE = "none"  # for `after`


def define_release(catalog: Catalog, name: str, values: Mapping[str, Any]) -> ReleaseSpec:
    """Defines a release, or anew one that is not made yet. The release before it (`after`) is the newest of any of its rounds, unless
    `values` name another or `NO_RELEASE`. Raises `SpecRefused`, `UnknownRound`, `UnknownRelease`, `ReleaseRefused`."""
    spec, releases = release_spec(values), Releases(catalog)
    for one in spec.rounds:
        Rounds(catalog).get(one)
    if not spec.after:
        made = [one for one in releases.all() if one.made_at is not None and set(one.spec["rounds"]) & set(spec.rounds)]
        newest = max(made, key=lambda one: (one.made_at, one.name), default=None)
        spec = spec.model_copy(update={"after": newest.name if newest else ""})
    elif spec.after == NO_RELEASE:
        spec = spec.model_copy(update={"after": ""})
    elif releases.get(spec.after).content is None:
        raise ReleaseRefused(f"release {spec.after!r} is not made yet, so nothing can come after it")
    releases.define(name, spec.model_dump(mode="json"))
    return spec


def make_release(lake: Lake, catalog: Catalog, name: str, progress: Callable[[int, int], None] | None = None) -> Made:
    """Makes a release, or says what is in it where it is made. The same definition on the same labels and sound gives the same bytes.

    `progress` is told how many clips of how many are written. Killed at any point, the next call makes it whole. Raises `UnknownRelease`,
    `ReleaseRefused`.
    """
    releases = Releases(catalog)
    with lease(catalog, LEASE, wait=_LONGEST_WAIT) as held:
        about = releases.get(name)
        if about.content is not None:
            return Made(about.content, about.facts or {}, is_new=False)
        spec = ReleaseSpec.model_validate(about.spec)
        told = [settled(catalog, one) for one in spec.rounds]
        if early := [one.name for one in told if one.state != "closed"]:
            raise ReleaseRefused(f"round {early[0]!r} is not closed: what people say of it may still change")
        taken_back = {source: Ledger(catalog).withdrawn_spans(source) for source in {one.source for of in told for one in of.sessions}}
        living = [
            replace(of, sessions=tuple(one for one in of.sessions if not lies_in(one.start, one.seconds, taken_back[one.source])))
            for of in told
        ]
        sound = _Sound(lake)
        clips, stretches, signs = _written(lake, sound, _merged(living, sound), progress)
        if not clips:
            raise ReleaseRefused(f"release {name!r} would be empty: no session of {', '.join(spec.rounds)} is settled and has sound")
        before = opened(lake, catalog, spec.after) if spec.after else None
        together = _together(spec, stretches)
        in_splits = _in_splits(_grouped(clips, signs, stretches, together), spec, before.clips if before else ())
        facts = {
            "name": name,
            **spec.model_dump(mode="json", exclude={"rounds"}),
            "together": together,
            "rounds": {of.name: of.facts for of in told},
            "withdrawn_sessions": sum(len(of.sessions) for of in told) - sum(len(of.sessions) for of in living),
            **totals(in_splits),
            "by_split": {split: totals([one for one in in_splits if one.split == split]) for split in spec.splits},
            "by_source": {
                source: totals([one for one in in_splits if one.source == source]) for source in sorted({one.source for one in in_splits})
            },
            "tags": sorted({tag for one in in_splits for tag in one.tags}),
            "after_content": before.release.content if before else None,
        }
        change = difference(before.clips, in_splits) if before else None
        files = {CLIPS: clips_bytes(in_splits), CARD: card_text(facts, change).encode()}
        manifest = manifest_bytes(facts, files)
        for file, data in (*files.items(), (MANIFEST, manifest)):
            lake.write_if_changed(f"{release_folder(name)}/{file}", data)
        held.check()
        content = hashlib.sha256(manifest).hexdigest()
        releases.made(
            name, about.spec, content, facts, [ReleasedClip(name, one.source, one.start, one.end, one.sha256) for one in in_splits]
        )
        return Made(content, facts, is_new=True)


class _Sound:
    """The segments of one day and the day before, which reaches into it; days are asked for in order."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._day: date | None = None

    def of(self, day: date) -> tuple[pa.Table, Timeline]:
        """The table, and its sound by time."""
        if day != self._day:
            table = self._lake.read_days(SEGMENTS, [day - timedelta(days=1), day])
            self._day, self._table, self._timeline = day, table, Timeline(self._lake, table)
        return self._table, self._timeline


def _merged(told: Iterable[Settled], sound: _Sound) -> list[_Stretch]:
    """Stretches by time; one that several rounds had holds the labels of all of them."""
    found: dict[tuple[str, datetime, datetime], _Stretch] = {}
    for of in told:
        for one in of.sessions:
            labels = _labels(one.boxes, one.start, one.end, of.tags)
            place = (one.source, one.start, one.end)
            fresh = _Stretch(*place, (of.name,), of.tags, one.people, labels, ())
            known = found.get(place)
            found[place] = fresh if known is None else _both(known, fresh)
    ordered = sorted(found.values(), key=lambda one: (one.start, one.source, one.end))
    return [replace(one, recordings=_recordings(sound.of(one.start.date())[0], one)) for one in ordered]


def _both(one: _Stretch, other: _Stretch) -> _Stretch:
    return replace(
        one,
        rounds=tuple(sorted({*one.rounds, *other.rounds})),
        tags=tuple(sorted({*one.tags, *other.tags})),
        people=max(one.people, other.people),
        labels=tuple(sorted({*one.labels, *other.labels}, key=_order)),
    )


def _labels(boxes: Sequence[Box], start: datetime, end: datetime, tags: Sequence[str]) -> tuple[Label, ...]:
    found = set()
    for box in boxes:
        first, last = seconds_between(start, max(box.start, start)), seconds_between(start, min(box.end, end))
        if box.state != "rejected" and box.tag in tags and last - first >= _SLIVER:
            found.add(Label(first, round(last - first, 3), box.tag, box.low_hz, box.high_hz, box.origin))
    return tuple(sorted(found, key=_order))


def _order(one: Label) -> tuple[float, float, str, float, float, str]:
    return one.start_s, one.duration_s, one.tag, one.low_hz or -1.0, one.high_hz or -1.0, one.origin


def _recordings(table: pa.Table, one: _Stretch) -> tuple[str, ...]:
    """The recordings that a stretch is of; a microphone's run may last for months, so a day of it counts as one."""
    ends = pc.add(table["started_at"], pc.round(pc.multiply(table["seconds"], 1e6)).cast(pa.int64()).cast(pa.duration("us")))
    inside = pc.and_(pc.equal(table["source"], one.source), pc.and_(pc.less(table["started_at"], one.end), pc.greater(ends, one.start)))
    rows = table.filter(inside).select(["recording", "session"]).to_pylist()
    day = f"{one.source} on {one.start.date()}"
    return tuple(sorted({day if row["session"] is not None else row["recording"] for row in rows}))


def _written(
    lake: Lake, sound: _Sound, stretches: Sequence[_Stretch], progress: Callable[[int, int], None] | None
) -> tuple[list[Clip], list[_Stretch], list[list[Vectors]]]:
    """Clips whose sound is in the lake by now, yet without split and group; their stretches; and fingerprints of their sound and their
    labelled sounds. What has no sound is no clip."""
    clips, kept, signs = list[Clip](), list[_Stretch](), list[list[Vectors]]()
    for number, one in enumerate(stretches, 1):
        try:
            rate, found = sound.of(one.start.date())[1].pieces(one.source, one.start, one.end)
        except NoAudio:
            continue
        pieces = list(found)
        samples = np.concatenate([piece for piece, _ in pieces])
        data = wav_bytes(samples, rate)
        sha256 = hashlib.sha256(data).hexdigest()
        lake.write_if_changed(clip_path(sha256), data)
        about = (one.source, one.start, one.end, "", "", one.rounds, one.tags, one.people, one.labels)
        clips.append(Clip(*about, sha256, rate, len(samples), _gaps(pieces, rate)))
        kept.append(one)
        signs.append([AcousticFingerprint()(part, rate) for part in _parts(samples, rate, one.labels)])
        if progress:
            progress(number, len(stretches))
    return clips, kept, signs


def _parts(samples: Int16, rate: int, labels: Sequence[Label]) -> Iterator[Float32]:
    """All of a clip's sound in pieces that a fingerprint covers, and each sound that is labelled in it."""
    heard = samples.astype(np.float32) / np.float32(32_768)
    for start in range(0, len(heard), _PIECE * rate):
        yield heard[start : start + _PIECE * rate]
    for one in labels:
        yield heard[round(one.start_s * rate) : round((one.start_s + one.duration_s) * rate)]


def _gaps(pieces: Sequence[tuple[Int16, bool]], rate: int) -> tuple[tuple[float, float], ...]:
    gaps, at = list[tuple[float, float]](), 0
    for samples, has_sound in pieces:
        first, at = at, at + len(samples)
        if not has_sound:
            begins = gaps.pop()[0] if gaps and gaps[-1][1] == round(first / rate, 6) else round(first / rate, 6)
            gaps.append((begins, round(at / rate, 6)))
    return tuple(gaps)


def _together(spec: ReleaseSpec, stretches: Sequence[_Stretch]) -> str:
    if spec.together != "auto":
        return spec.together
    return "source" if len({one.source for one in stretches}) >= _ENOUGH_SOURCES else "recording"


def _grouped(clips: Sequence[Clip], signs: Sequence[Sequence[Vectors]], stretches: Sequence[_Stretch], together: str) -> list[Clip]:
    """Clips with their groups: the first recording (day, source) of all that one of them leads to, by what they share or sound alike in."""
    shared = {
        "recording": [set(one.recordings) for one in stretches],
        "day": [{str(one.start.date())} for one in stretches],
        "source": [{one.source} for one in stretches],
    }[together]
    links = [{*names, clip.sha256} for names, clip in zip(shared, clips, strict=True)]
    owner = [number for number, parts in enumerate(signs) for _ in parts]
    sounds = Sounds.of_vectors([part for parts in signs for part in parts])
    of = dict(zip(sounds.keys, owner, strict=True))
    for copy in near_duplicates(sounds, sounds):
        links[of[copy.test]] |= links[of[copy.training]]
    return [replace(clip, group=group) for clip, group in zip(clips, components(links), strict=True)]


def _in_splits(clips: Sequence[Clip], spec: ReleaseSpec, before: Sequence[Clip]) -> list[Clip]:
    """Clips in their splits. A group with clips of the release before stays in the split that most of their seconds were in."""
    was_in = {one.id: one.split for one in before} | {one.sha256: one.split for one in before}
    votes: dict[str, Counter[str]] = {}
    for one in clips:
        if split := was_in.get(one.id) or was_in.get(one.sha256):
            votes.setdefault(one.group, Counter())[split] += one.samples
    kept = {group: max(sorted(found), key=found.__getitem__) for group, found in votes.items()}
    members = [Member(one.group, one.seconds, Counter(label.tag for label in one.labels)) for one in clips]
    splits: Mapping[str, str] = split_of_groups(members, spec.splits, spec.seed, kept)
    return [replace(one, split=splits[one.group]) for one in clips]
