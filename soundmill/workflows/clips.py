"""Folders of clips, one folder a class: which clips belong together, and how they become days that a model learns from."""

import csv
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt

from soundmill.audio import open_audio, read_samples
from soundmill.errors import ClipsRefused, UndecodableAudio
from soundmill.features.acoustic_fingerprint import AcousticFingerprint
from soundmill.formats.annotation import check_tag, clean_tag
from soundmill.osr.sounds import Sounds
from soundmill.osr.splits import groups_with_copies
from soundmill.times import midnight

Float32 = npt.NDArray[np.float32]
TRAINING_DAYS = 5  # so many that cross-validation holds out whole days
SOURCE_NAME = re.compile(r"(?P<fold>\d)-(?P<source>[^-]+)-[^-]{1,3}(-\d+)?")  # fold-SOURCE-take, and with ESC-50's target
_RATE = 44_100
TEST_DAYS = 10  # so many that intervals come from whole days
_GAP = timedelta(seconds=10)  # more than what joins neighbouring sounds to one event
_LONGEST_DAY = timedelta(hours=23)


@dataclass(frozen=True)
class PlannedClip:
    """A clip with the moment at which the collection is to have recorded it, in UTC."""

    path: Path
    tag: str
    start: datetime
    end: datetime


@dataclass(frozen=True)
class ClipPlan:
    """Clips in order of time, the days that train and those that test, the known tags, and how many groups kept clips together.

    `unreadable` says of each class, in a sentence, how many of its files could not be read.
    """

    clips: tuple[PlannedClip, ...]
    train_days: tuple[date, ...]
    test_days: tuple[date, ...]
    tags: tuple[str, ...]
    groups: int
    unreadable: tuple[str, ...] = ()

    @property
    def training_clips(self) -> int:
        """How many clips train."""
        return sum(clip.start.date() in self.train_days for clip in self.clips)


def plan_clips(
    folder: Path,
    first: date,
    groups: Path | None = None,
    test_share: float = 0.3,
    seed: int = 0,
    unknown: Sequence[str] = (),
    progress: Callable[[int, int], None] | None = None,
) -> ClipPlan:
    """Spreads the clips of a folder of class folders over days from `first` on: five or more that train, and the rest that test.
    Classes that are to stay `unknown`, by their folders or tags, test only.

    Clips that share a source are on one day: by `groups`, a CSV of file (its path below the folder, or its name) and group; else by names
    such as `fold-SOURCE-take`. Copies are found by their sound. Files that are no audio are passed over,
    and counted in the plan. Raises `ClipsRefused`, also for a folder whose name can be no tag.
    """
    classes = class_folders(folder)
    if len(classes) < 2:
        raise ClipsRefused(f"{folder} needs at least two folders of audio files, one for each class; it has {len(classes)}")
    files = [(file, tag_of(kind.name)) for kind in classes for file in sorted(kind.rglob("*")) if file.is_file() and file.name[0] != "."]
    for tag in {tag for _, tag in files}:
        try:
            check_tag(tag)
        except ValueError as error:
            raise ClipsRefused(f"{folder}: {error}; rename the folder") from None
    given = given_groups(groups)
    bad: Counter[str] = Counter()
    paths, tags, sources, seconds, signs = [], [], [], [], []
    for number, (file, tag) in enumerate(files, 1):
        try:
            samples, rate = read_samples(file)
        except UndecodableAudio:
            samples, rate = np.empty(0, np.float32), 1
            bad[tag] += 1
        if len(samples):
            paths.append(file)
            tags.append(tag)
            sources.append(group_of(file, folder, given))
            seconds.append(len(samples) / rate)
            signs.append(AcousticFingerprint()(samples, rate))
        if progress:
            progress(number, len(files))
    if len(set(tags)) < 2:
        raise ClipsRefused(f"{folder} holds sound that can be read in {len(set(tags))} of its folders; two at least are needed")
    test_only = {tag_of(name) for name in unknown}
    if missing := test_only - set(tags):
        raise ClipsRefused(f"{folder} has no class {', '.join(sorted(missing))}; it has {', '.join(sorted(set(tags)))}")
    if len(set(tags) - test_only) < 2:
        raise ClipsRefused(f"fewer than two classes of {folder} are left to train on")
    together = groups_with_copies(Sounds.of_vectors(signs), sources)
    rng = np.random.default_rng(seed)
    on_day = _spread(tags, together, test_share, test_only, rng)
    planned: list[PlannedClip] = []
    tested: list[PlannedClip] = []
    day = first
    for number in range(TRAINING_DAYS + TEST_DAYS):
        of_day, moment = (planned if number < TRAINING_DAYS else tested), midnight(day)
        for place in rng.permutation(np.flatnonzero(on_day == number)):
            if moment > midnight(day) and moment + timedelta(seconds=seconds[place]) - midnight(day) > _LONGEST_DAY:
                day += timedelta(days=1)
                moment = midnight(day)
            end = moment + timedelta(seconds=seconds[place])
            of_day.append(PlannedClip(paths[place], tags[place], moment, end))
            moment = end + _GAP
        if moment > midnight(day):
            day += timedelta(days=1)
    if not planned or not tested:
        raise ClipsRefused(f"{folder} holds too few sources of sound to train on some and test on others")
    train_days, test_days = (tuple(sorted({clip.start.date() for clip in part})) for part in (planned, tested))
    known = tuple(sorted(set(tags) - test_only))
    return ClipPlan((*planned, *tested), train_days, test_days, known, len(set(together)), _in_words(bad, set(tags)))


def _in_words(bad: Mapping[str, int], read: Collection[str]) -> tuple[str, ...]:
    return tuple(
        f"{number} files of {tag} could not be read" + ("" if tag in read else f": {tag} is not trained on")
        for tag, number in sorted(bad.items())
    )


def class_folders(folder: Path) -> list[Path]:
    """The folders in a folder that hold files, in order of name."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] != "." and any(path.iterdir()))


def clip_files(folder: Path) -> Iterator[Path]:
    """Files of a folder that hold sound, in order of name."""
    for path in sorted(folder.iterdir()):
        if path.is_file() and not path.name.startswith("."):
            try:
                with open_audio(path) as reader:
                    if sum(len(block) for block in reader.blocks()):
                        yield path
            except UndecodableAudio:
                continue  # not a clip, or a broken one


def by_source(files: Sequence[Path]) -> list[list[Path]]:
    """Files that came from one source together, by their names or because one is a copy of the other."""
    marks = fingerprints([trimmed(file, _RATE) for file in files], _RATE)
    groups: dict[str, list[Path]] = {}
    for file, source in zip(files, groups_with_copies(marks, [source_of(file) for file in files]), strict=True):
        groups.setdefault(source, []).append(file)
    return list(groups.values())


def group_of(file: Path, folder: Path, given: dict[str, str]) -> str:
    """The group that a file below a folder was given, by its path or its name; else the source that its name states."""
    return given.get(str(file.relative_to(folder))) or given.get(file.name) or source_of(file)


def source_of(file: Path) -> str:
    """The source that a name such as `fold-SOURCE-take` states, with or without a number of the class behind; else a source of its own."""
    named = SOURCE_NAME.fullmatch(file.stem)
    return named["source"] if named else str(file)


def trimmed(file: Path, sample_rate: int) -> Float32:
    """A clip without the digital silence around it: clips are often padded. A second at most of one that is all silent."""
    samples, _ = read_samples(file, sample_rate)
    loud = np.flatnonzero(np.abs(samples) > 1e-4)
    return samples[loud[0] : loud[-1] + 1] if len(loud) else samples[:sample_rate]


def tag_of(folder_name: str) -> str:
    """A class folder's name as a tag: without a leading number, with characters that a tag may have."""
    bare = re.sub(r"^\d+\s*[-_.]\s*", "", folder_name)
    return clean_tag(bare) or folder_name


def _spread(
    tags: Sequence[str], groups: Sequence[str], test_share: float, test_only: Collection[str], rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """The number of each clip's day, those from `TRAINING_DAYS` on for testing: whole groups, and every tag in the share that is asked
    for."""
    members: dict[str, list[int]] = {}
    for place, group in enumerate(groups):
        members.setdefault(group, []).append(place)
    wanted = {tag: (1.0 if tag in test_only else test_share) * tags.count(tag) for tag in set(tags)}
    on_day = np.full(len(tags), -1)
    tested, turn, test_turn = dict.fromkeys(wanted, 0), dict.fromkeys(wanted, 0), 0
    names = list(members)
    for name in (names[i] for i in rng.permutation(len(names))):
        tag = tags[members[name][0]]
        size = len(members[name])
        if tag in test_only or tested[tag] + size / 2 <= wanted[tag]:
            tested[tag] += size
            on_day[members[name]] = TRAINING_DAYS + test_turn % TEST_DAYS
            test_turn += 1
        else:
            on_day[members[name]] = turn[tag] % TRAINING_DAYS
            turn[tag] += 1
    return on_day


def given_groups(groups: Path | None) -> dict[str, str]:
    """Groups by file, from a CSV of file and group; none without one."""
    if groups is None:
        return {}
    with groups.open(newline="") as file:
        return {row[0]: row[1] for row in csv.reader(file) if len(row) >= 2}


def fingerprints(samples: Sequence[Float32], sample_rate: int) -> Sounds:
    """Acoustic fingerprints of sounds at one rate, for `groups_with_copies`."""
    return Sounds.of_vectors([AcousticFingerprint()(sound, sample_rate) for sound in samples])
