"""Making a release: the settled sessions of its rounds with their sound, and the takes of its prompt sets, split so that no recording, no
speaker and no copy is in two splits."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from soundmill.audio import wav_bytes
from soundmill.audio.reader import Float32
from soundmill.catalog import Catalog, Ledger, Prompts, Release, ReleasedClip, Releases, Rounds, clip_path, lease, lies_in
from soundmill.errors import NoAudio, NotInLake, ReleaseRefused, SpecRefused
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
    clips_bytes,
    difference,
    is_of_take,
    manifest_bytes,
    release_folder,
    totals,
)
from soundmill.releases.spec import NAME, ReleaseSpec, release_spec
from soundmill.releases.splits import Member, split_of_groups
from soundmill.workflows.releases.reading import opened
from soundmill.workflows.releases.readings import readings_of
from soundmill.workflows.releases.stretches import Cut, Sound, Stretch, stretches_of
from soundmill.workflows.releases.withdrawal import LEASE, LONGEST_WAIT, sweep
from soundmill.workflows.rounds.outcome import Settled, settled

NO_RELEASE = "none"  # for `after`
_ENOUGH_SOURCES = 5  # to part sound by source
# Seconds of sound in a fingerprint, and between the beginnings of two: of whatever 12.5 s two clips share, one of the one clip's lies in it
# whole, and one of the other's covers three quarters of that.
_PIECE, _STEP = 10, 5
_MOST_COPIES = 100  # pairs that a manifest names


@dataclass(frozen=True)
class Made:
    """A release as it is: its sha256, what its manifest says, and whether it was made just now."""

    content: str
    facts: dict[str, Any]
    is_new: bool


def define_release(catalog: Catalog, name: str, values: Mapping[str, Any]) -> ReleaseSpec:
    """Defines a release, or anew one that is not made yet. The release before it (`after`) is that with most of its rounds, the newest of
    these, unless `values` name another or `NO_RELEASE`. Raises `SpecRefused`, `UnknownRound`, `UnknownPrompts`, `UnknownRelease`,
    `ReleaseRefused`."""
    if not NAME.fullmatch(name):
        raise SpecRefused("a release's name has letters, digits, dots, dashes and underscores, 56 of them at most")
    spec, releases = release_spec(values), Releases(catalog)
    for one in spec.rounds:
        Rounds(catalog).get(one)
    for one in spec.prompts:
        Prompts(catalog).get(one)
    if not spec.after:

        def shared(one: Release) -> int:
            return len(set(one.spec["rounds"]) & set(spec.rounds)) + len(set(one.spec.get("prompts", ())) & set(spec.prompts))

        made = [one for one in releases.all() if one.made_at is not None and shared(one)]
        newest = max(made, key=lambda one: (shared(one), one.made_at, one.name), default=None)
        spec = spec.model_copy(update={"after": newest.name if newest else ""})
    elif spec.after == NO_RELEASE:
        spec = spec.model_copy(update={"after": ""})
    elif releases.get(spec.after).content is None:
        raise ReleaseRefused(f"release {spec.after!r} is not made yet, so nothing can come after it")
    releases.define(name, spec.model_dump(mode="json"))
    return spec


def make_release(lake: Lake, catalog: Catalog, name: str, progress: Callable[[int, int], None] | None = None) -> Made:
    """Makes a release, or says what is in it where it is made. The same definition on the same labels and sound gives the same bytes.

    `progress` is told how many clips of how many are written. Killed at any point, the next call makes it whole, and leaves nothing of the
    one that was killed. Raises `UnknownRelease`, `ReleaseRefused`, `DamagedRelease` for the release before.
    """
    releases = Releases(catalog)
    with lease(catalog, LEASE, wait=LONGEST_WAIT) as held:
        about = releases.get(name)
        if about.content is not None:
            return Made(about.content, about.facts or {}, is_new=False)
        spec = ReleaseSpec.model_validate(about.spec)
        rounds = [settled(catalog, one) for one in spec.rounds]
        if early := [one.name for one in rounds if one.state != "closed"]:
            raise ReleaseRefused(f"round {early[0]!r} is not closed: what people say of it may still change")
        living = _not_withdrawn(catalog, rounds)
        stretches = stretches_of(living)
        clips, signs = _written(lake, stretches, progress)
        silent = len(stretches) - len(clips)
        read, signs_read, facts_read = readings_of(lake, catalog, spec)
        clips, signs = [*clips, *read], [*signs, *signs_read]
        if not clips:
            made_of = ", ".join((*spec.rounds, *spec.prompts))
            raise ReleaseRefused(f"release {name!r} would be empty: no session, and no take, of {made_of} is settled and has sound")
        before = opened(lake, catalog, spec.after) if spec.after else None
        earlier = before.clips if before else ()
        together = _together(spec, clips)
        grouped, copies = _grouped(clips, signs, earlier, together)
        clips = _in_splits(grouped, spec, earlier)
        facts = {
            "name": name,
            **spec.model_dump(mode="json", exclude={"rounds", "prompts"}),
            "together": together,
            "rounds": {one.name: one.facts for one in rounds},
            "prompts": facts_read,
            "withdrawn_sessions": sum(len(one.sessions) for one in rounds) - sum(len(one.sessions) for one in living),
            "silent_sessions": silent,
            **totals(clips),
            "by_split": {split: totals([one for one in clips if one.split == split]) for split in spec.splits},
            "by_source": {
                source: totals([one for one in clips if one.collection == source]) for source in sorted({one.collection for one in clips})
            },
            "tags": sorted({tag for one in clips for tag in one.tags}),
            "copies_found": len(copies),
            "copies": [pair for pair in copies if not any(map(is_of_take, pair))][:_MOST_COPIES],
            "after_content": before.release.content if before else None,
        }
        change = difference(earlier, clips, [one.id for one in before.withdrawn]) if before else None
        files = {CLIPS: clips_bytes(clips), CARD: card_text(facts, change).encode()}
        files[MANIFEST] = manifest_bytes(facts, files)
        content = hashlib.sha256(files[MANIFEST]).hexdigest()
        for file, data in files.items():
            lake.write_if_changed(f"{release_folder(name, content)}/{file}", data)
        held.check()
        released = [ReleasedClip(name, one.source, one.start, one.end, one.sha256) for one in clips]
        releases.made(name, about.spec, content, facts, released)
        sweep(lake, catalog)
        return Made(content, facts, is_new=True)


def _not_withdrawn(catalog: Catalog, rounds: Sequence[Settled]) -> list[Settled]:
    """Rounds without the sessions whose sound was withdrawn, be it only a part of it."""
    spans = {source: Ledger(catalog).withdrawn_spans(source) for source in {one.source for of in rounds for one in of.sessions}}
    return [
        replace(of, sessions=tuple(one for one in of.sessions if not lies_in(one.start, one.seconds, spans[one.source]))) for of in rounds
    ]


def _written(
    lake: Lake, stretches: Sequence[Stretch], progress: Callable[[int, int], None] | None
) -> tuple[list[Clip], list[list[Vectors]]]:
    """Clips whose sound is in the lake by now, yet without split and group, and fingerprints of their sound. What has no sound (any more)
    is no clip."""
    sound, clips, signs = Sound(lake), list[Clip](), list[list[Vectors]]()
    for number, one in enumerate(stretches, 1):
        try:
            cut = sound.cut(one)
        except (NoAudio, NotInLake):
            continue
        data = wav_bytes(cut.samples, cut.sample_rate)
        sha256 = hashlib.sha256(data).hexdigest()
        lake.write_if_changed(clip_path(sha256), data)
        about = (one.source, one.start, one.end, "", "", cut.recordings, one.rounds, one.tags, one.people, one.labels)
        clips.append(Clip(*about, sha256, cut.sample_rate, len(cut.samples), cut.gaps))
        signs.append([AcousticFingerprint()(part, cut.sample_rate) for part in _parts(cut, one)])
        if progress:
            progress(number, len(stretches))
    return clips, signs


def _parts(cut: Cut, stretch: Stretch) -> Iterator[Float32]:
    """All of a clip's sound in pieces that lie over one another, and each sound that is labelled in it."""
    heard, rate = cut.samples.astype(np.float32) / np.float32(32_768), cut.sample_rate
    for start in range(0, max(1, len(heard) - (_PIECE - _STEP) * rate), _STEP * rate):
        yield heard[start : start + _PIECE * rate]
    for one in stretch.labels:
        yield heard[round(one.start_s * rate) : round((one.start_s + one.duration_s) * rate)]


def _together(spec: ReleaseSpec, clips: Sequence[Clip]) -> str:
    if spec.together != "auto":
        return spec.together
    return "source" if len({one.source for one in clips if one.reading is None}) >= _ENOUGH_SOURCES else "recording"


def _grouped(
    clips: Sequence[Clip], signs: Sequence[Sequence[Vectors]], before: Sequence[Clip], together: str
) -> tuple[list[Clip], list[list[str]]]:
    """Clips with their groups, made by what they share, sound alike in, or shared with clips of the release before; and the pairs of ids
    between which there is a copy."""

    def links(one: Clip) -> set[str]:
        also = {"recording": [], "day": [str(one.start.date())], "source": [one.source]}["recording" if one.reading else together]
        return {*one.recordings, *also, f"~{one.sha256}"}  # which sorts last: a group has the name of a recording where there is one

    linked = [links(one) for one in clips]
    owner = [number for number, parts in enumerate(signs) for _ in parts]
    sounds = Sounds.of_vectors([part for parts in signs for part in parts])
    of = dict(zip(sounds.keys, owner, strict=True))
    pairs = {tuple(sorted((of[copy.test], of[copy.training]))) for copy in near_duplicates(sounds, sounds)}
    pairs = {(first, second) for first, second in pairs if first != second}
    for first, second in pairs:
        linked[first] |= linked[second]
    groups = components([*linked, *map(links, before)])[: len(clips)]
    copies = sorted([clips[first].id, clips[second].id] for first, second in pairs)
    return [replace(clip, group=group) for clip, group in zip(clips, groups, strict=True)], copies


def _in_splits(clips: Sequence[Clip], spec: ReleaseSpec, before: Sequence[Clip]) -> list[Clip]:
    """Clips in their splits. A group with recordings of the release before stays in the split that most of their seconds were in."""
    votes: dict[str, Counter[str]] = {}
    group_of = {mark: one.group for one in clips for mark in one.marks}
    for one in before:
        for group in {group_of[mark] for mark in one.marks if mark in group_of}:
            votes.setdefault(group, Counter())[one.split] += one.samples
    kept = {group: max(sorted(found), key=found.__getitem__) for group, found in votes.items()}
    members = [Member(one.group, one.seconds, Counter(label.tag for label in one.labels)) for one in clips]
    splits = split_of_groups(members, spec.splits, spec.seed, kept)
    return [replace(one, split=splits[one.group]) for one in clips]
