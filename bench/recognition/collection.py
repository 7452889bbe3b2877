"""Collections of labelled clips: a folder of class folders, with the groups that may not be torn apart."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from soundmill.audio import Resampler, read_samples
from soundmill.errors import UndecodableAudio
from soundmill.osr.splits import groups_with_copies
from soundmill.scene import LABELLED, RATE, UNLABELLED, babble, rain
from soundmill.workflows.clips import SOURCE_NAME, class_folders, fingerprints, given_groups, group_of

_ROOT = Path(__file__).resolve().parent.parent.parent
_HIGHEST_RATE = 44_100
_FOLDS = 5
_OWN_EACH = 15
Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Clips:
    """n clips: samples at `sample_rate`, class names (n,), groups (n,) that stay together, and folds (n,) made of whole groups."""

    name: str
    samples: list[Float32]
    sample_rate: int
    classes: npt.NDArray[np.str_]
    groups: npt.NDArray[np.str_]
    folds: npt.NDArray[np.int64]


def esc10() -> Clips:
    """ESC-10 with its official folds; clips of one recording share a fold."""
    data = Path(os.environ.get("SOUNDMILL_TEST_DATA", _ROOT.parent / "shared" / "data"))
    if not (data / "esc10").is_dir():
        raise SystemExit(f"no ESC-10 in {data}; set SOUNDMILL_TEST_DATA")
    found = folder(data / "esc10", None)
    return Clips("ESC-10", found.samples, found.sample_rate, found.classes, found.groups, found.folds)


def folder(root: Path, groups: Path | None) -> Clips:
    """A folder of class folders. `groups` is a CSV of file (its path below the folder, or its name) and group.

    Without it, clips named `fold-SOURCE-take` belong to the group SOURCE and to that fold, as in ESC-50; every other clip is a group of
    its own. Copies share a group. Folds are otherwise five, made of whole groups with every class in even shares.
    """
    files = [path for kind in class_folders(root) for path in sorted(kind.rglob("*"))]
    files = [path for path in files if path.is_file() and not path.name.startswith(".")]
    readable = [(path, sound) for path in files if (sound := _read(path)) is not None]
    if len({path.relative_to(root).parts[0] for path, _ in readable}) < 3:
        raise SystemExit(f"{root} needs at least three class folders with audio in them")
    rate = min(_HIGHEST_RATE, Counter(rate for _, (_, rate) in readable).most_common(1)[0][0])
    samples = [_at(rate, sound, own) for _, (sound, own) in readable]
    classes = np.array([path.relative_to(root).parts[0] for path, _ in readable])
    named = [SOURCE_NAME.fullmatch(path.stem) for path, _ in readable]
    given = given_groups(groups)
    of_clip = [group_of(path, root, given) for path, _ in readable]
    if groups is None:
        of_clip = groups_with_copies(fingerprints(samples, rate), of_clip)
    if groups is None and all(named):
        folds = np.array([int(match["fold"]) for match in named if match])
    else:
        folds = _folds(classes, np.array(of_clip))
    return Clips(root.name, samples, rate, classes, np.array(of_clip), folds)


def own_background(rate: int) -> list[Float32]:
    """Background of our own making, for every collection the same: rain, babble, pink noise, hum, and synthesised household sounds."""
    rng = np.random.default_rng(2026)
    kinds = [*LABELLED.values(), *UNLABELLED.values(), rain, babble]
    sounds = [make(rng) for make in kinds for _ in range(_OWN_EACH)]
    for tilt in (0.0, 0.5, 1.0):
        for _ in range(_OWN_EACH):
            spectrum = np.fft.rfft(rng.standard_normal(3 * RATE))
            spectrum /= np.maximum(1, np.arange(len(spectrum))) ** tilt
            noise = np.fft.irfft(spectrum)
            sounds.append((noise * (10 ** (rng.uniform(-40, -10) / 20) / np.abs(noise).max())).astype(np.float32))
    return [_at(rate, sound, RATE) for sound in sounds]


def _at(rate: int, sound: Float32, own: int) -> Float32:
    return sound if own == rate else np.concatenate([block.copy() for block in Resampler(own, rate)([sound])])


def _read(path: Path) -> tuple[Float32, int] | None:
    try:
        sound, rate = read_samples(path)
    except UndecodableAudio:
        return None
    return (sound, rate) if len(sound) else None


def _folds(classes: npt.NDArray[np.str_], groups: npt.NDArray[np.str_]) -> npt.NDArray[np.int64]:
    from sklearn.model_selection import StratifiedGroupKFold

    folds = np.zeros(len(classes), np.int64)
    for number, (_, held) in enumerate(StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=0).split(classes, classes, groups), 1):
        folds[held] = number
    return folds


def describe(clips: Clips) -> Sequence[str]:
    """What the collection is, in one line."""
    seconds = sum(len(sound) for sound in clips.samples) / clips.sample_rate
    return [
        f"{clips.name}: {len(clips.samples)} clips of {len(set(clips.classes))} classes, {len(set(clips.groups))} groups, "
        f"{seconds / 60:.1f} minutes at {clips.sample_rate} Hz"
    ]
