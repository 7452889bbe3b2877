"""Splits without leakage: the same recording must not be on both sides, at whatever level, codec or speed it comes again."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from soundmill.osr.sounds import Sounds

# Repeats of one machine agree in the bands where it sounds, and not in the others: copies agree nearly everywhere. So the tenth percentile
# of the bands decides. On ESC-10, nineteen of twenty copies through MP3 at 64 kbit/s reach 0.48 and the worst 0.28, all that are 2 % faster
# 0.34, all that are 12 dB softer 0.91; strikes of one synthesised doorbell stay under 0.26, other recordings far below.
ALIKE = 0.3
_CANDIDATE = 0.15  # mean over all bands, at the same speed
_SIGNS = np.float32(32)  # in a frame
_PERCENTILE = 10
_SPEEDS = (1.0, 0.98, 0.99, 1.01, 1.02)
_FEWEST_FRAMES = 20  # 1.3 s: of shorter sounds too many are alike by chance
_MOST_PRODUCTS = 20_000_000_000  # of frames with frames: about a minute
_BANK_FRAMES = 20_000
_LEAST_OVERLAP = 0.6  # of the shorter sound
# Where comparing all with all would take too long, most are compared only with those that share the signs of whole frames, but for one
# sign, at one distance in time: on ESC-10, of copies softer by 12 dB or through Vorbis or MP3 all do, of 200 that are 1 % faster 199, 2 %
# faster 116.
_SHARED_FRAMES = 3
_DISTANCE = 8  # frames that count as one distance
_FLIPS = np.concatenate([np.zeros(1, np.uint32), np.uint32(1) << np.arange(32, dtype=np.uint32)])  # of one of a frame's signs, or none
_COMMON = 64  # frames with the same signs: more say nothing


@dataclass(frozen=True)
class Leak:
    """A test sound that is, or is nearly, one that the model was trained on; `likeness` is 1 for the same samples."""

    training: str
    test: str
    likeness: float


def suggest_test_days(counts: Mapping[date, Mapping[str, int]], together: Sequence[Collection[date]] = (), share: float = 0.3) -> set[date]:
    """Test days such that every tag has sounds on both sides where it can, and about a `share` of each is tested; of equal choices the
    latest days.

    `counts` are labelled sounds by day and tag; days that stand `together`, because a recording reaches over both, stay on one side.
    """
    days = sorted(day for day, of in counts.items() if sum(of.values()))
    linked = {str(day): {str(day)} for day in days}
    for some in together:
        for day in some:
            if str(day) in linked:
                linked[str(day)] |= {str(one) for one in some}
    names = components([linked[str(day)] for day in days])
    groups = sorted({name: [day for day, of in zip(days, names, strict=True) if of == name] for name in names}.values())
    tags = sorted({tag for of in counts.values() for tag in of})
    if len(groups) < 2:
        return set()
    table = np.array([[sum(counts[day].get(tag, 0) for day in group) for tag in tags] for group in groups], float)
    chosen = np.zeros(len(groups), bool)
    chosen[-1] = True
    while True:
        here, away = np.flatnonzero(chosen), np.flatnonzero(~chosen)
        one_by_one = np.eye(len(groups), dtype=bool)
        swaps = one_by_one[np.repeat(here, len(away))] | one_by_one[np.tile(away, len(here))]
        tried = chosen ^ np.concatenate([np.zeros((1, len(groups)), bool), one_by_one, swaps])
        best = int(np.lexsort(_costs(table, tried, share)[::-1])[0])
        if best == 0:  # nothing is better than what there is
            break
        chosen = tried[best]
    return {day for group, tests in zip(groups, chosen, strict=True) if tests for day in group}


def _costs(table: npt.NDArray[np.float64], tried: npt.NDArray[np.bool_], share: float) -> tuple[npt.NDArray[np.float64], ...]:
    """Of m choices of test days, shape (m, groups): tags that nothing can be learned of, tags that cannot be tested, how far the shares are
    from what is wanted, and how early the test days are; each of shape (m,). `table` has shape (groups, tags)."""
    total, tested = table.sum(axis=0), tried @ table
    off = np.abs(tested / np.maximum(1, total) - share).sum(axis=1).round(9)
    early = -(tried @ np.arange(len(table), dtype=float))
    return (tested == total).sum(axis=1).astype(float), (tested == 0).sum(axis=1).astype(float), off, early


def near_duplicates(training: Sounds, test: Sounds, least: float = ALIKE) -> list[Leak]:
    """Pairs of sounds that are one recording, from their acoustic fingerprints (a vector of signs a frame, each sound's in order of time).

    Two sounds are laid on one another where most signs agree, at least 60 % of the shorter one long. Likeness is the tenth percentile
    over the bands of the mean product of signs there: 1 for the same samples, about 0 for others. A sound is no duplicate of itself:
    pairs with the same key are left out, and where both are the same sounds each pair is told once. Sounds of less than 1.3 s cannot be
    compared. Where there is more than a minute's work, evenly chosen ones of the test sounds are compared with all, the others with those
    that share some frames' signs.
    """
    from soundmill.osr.overlaps import best_overlaps

    ours, theirs = _by_sound(training), _by_sound(test)
    if not ours or not theirs:
        return []
    banks = list(_banks(ours))
    work = sum(len(signs) for _, signs in ours) * sum(len(signs) for _, signs in theirs)
    step = -(-work // _MOST_PRODUCTS)
    sharing = _sharing_frames(ours, theirs) if step > 1 else [[]] * len(theirs)
    found = []
    for number, ((key, signs), near) in enumerate(zip(theirs, sharing, strict=True)):
        with_all = number % step == 0
        places = range(len(ours)) if with_all else near
        for start, bank, ends in banks if with_all else _banks([ours[place] for place in near]):
            means, _ = best_overlaps(signs @ bank.T / _SIGNS, ends, _FEWEST_FRAMES, _LEAST_OVERLAP)
            for at in np.flatnonzero(means >= _CANDIDATE):
                place = places[start + at]
                if training is test and place > number:
                    continue  # each pair once
                training_key, training_signs = ours[place]
                if (
                    training_key != key
                    and (likeness := max(_likeness(_at_speed(signs, speed), training_signs) for speed in _SPEEDS)) >= least
                ):
                    found.append(Leak(training_key, key, likeness))
    return found


def components(links: Sequence[set[str]]) -> list[str]:
    """The first name of the component that each set of names lies in, where sets that share a name are connected."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent.setdefault(name, name) != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for names in links:
        first, *others = sorted(names)
        for other in others:
            a, b = sorted((root(first), root(other)))
            parent[b] = a
    return [root(min(names)) for names in links]


def groups_with_copies(fingerprints: Sounds, groups: Sequence[str]) -> list[str]:
    """Groups, one for each sound, with those made one between which there is a copy."""
    links: dict[str, set[str]] = {key: {group} for key, group in zip(fingerprints.keys, groups, strict=True)}
    for copy in near_duplicates(fingerprints, fingerprints):
        links[copy.test] |= links[copy.training]
    return components([links[key] for key in fingerprints.keys])


def same_content(training: Sequence[tuple[str, str]], test: Sequence[tuple[str, str]]) -> list[Leak]:
    """Pairs of segments (key, content hash) with the same samples."""
    first = {content: key for key, content in training}
    return [Leak(first[content], key, 1.0) for key, content in test if content in first]


def _by_sound(sounds: Sounds) -> list[tuple[str, npt.NDArray[np.float32]]]:
    def each() -> Iterator[tuple[str, npt.NDArray[np.float32]]]:
        order = np.argsort(sounds.owner, kind="stable")
        starts = np.searchsorted(sounds.owner[order], np.arange(len(sounds) + 1))
        for place, key in enumerate(sounds.keys):
            yield key, sounds.vectors[order[starts[place] : starts[place + 1]]]

    return [(key, signs) for key, signs in each() if len(signs) >= _FEWEST_FRAMES]


def _sharing_frames(
    ours: Sequence[tuple[str, npt.NDArray[np.float32]]], theirs: Sequence[tuple[str, npt.NDArray[np.float32]]]
) -> Iterator[list[int]]:
    """For each of theirs, the places of those of ours that have frames with the same signs, at about one distance in time."""
    owner = np.repeat(np.arange(len(ours)), [len(signs) for _, signs in ours])
    frame = np.concatenate([np.arange(len(signs)) for _, signs in ours])
    words = np.concatenate([_words(signs) for _, signs in ours])
    order = np.argsort(words, kind="stable")
    words, owner, frame = words[order], owner[order], frame[order]
    span = 2 * int(frame.max() + max(len(signs) for _, signs in theirs)) // _DISTANCE + 2
    for _, signs in theirs:
        mine = (_words(signs)[:, None] ^ _FLIPS).ravel()
        first, last = np.searchsorted(words, mine, "left"), np.searchsorted(words, mine, "right")
        numbers = np.where(last - first <= _COMMON, last - first, 0)
        at = np.repeat(first - np.cumsum(numbers) + numbers, numbers) + np.arange(numbers.sum())
        apart = frame[at] - np.repeat(np.arange(len(mine)) // len(_FLIPS), numbers)
        # twice, so that an edge between two distances parts nothing
        votes = [owner[at] * span + (apart + shift) // _DISTANCE + span // 2 for shift in (0, _DISTANCE // 2)]
        places, counts = np.unique(np.concatenate([votes[0] * 2, votes[1] * 2 + 1]), return_counts=True)
        yield sorted(set((places[counts >= _SHARED_FRAMES] // 2 // span).tolist()))


def _words(signs: npt.NDArray[np.float32]) -> npt.NDArray[np.uint32]:
    """The signs of each frame as one number."""
    return np.ascontiguousarray(np.packbits(signs > 0, axis=1)).view(np.uint32)[:, 0]


def _banks(
    sounds: Sequence[tuple[str, npt.NDArray[np.float32]]],
) -> Iterator[tuple[int, npt.NDArray[np.float32], npt.NDArray[np.int64]]]:
    """Sounds in parts that stay small in memory: place of the first, their frames together, and where each ends."""
    start, frames = 0, 0
    for place, (_, signs) in enumerate(sounds, 1):
        frames += len(signs)
        if frames >= _BANK_FRAMES or place == len(sounds):
            part = [signs for _, signs in sounds[start:place]]
            yield start, np.concatenate(part), np.cumsum([len(signs) for signs in part])
            start, frames = place, 0


def _at_speed(signs: npt.NDArray[np.float32], speed: float) -> npt.NDArray[np.float32]:
    places = np.round(np.arange(0, len(signs) - 0.5, speed)).astype(int)
    at_speed: npt.NDArray[np.float32] = signs[places]
    return at_speed


def _likeness(signs: npt.NDArray[np.float32], others: npt.NDArray[np.float32]) -> float:
    from soundmill.osr.overlaps import best_overlaps

    _, (lag,) = best_overlaps(signs @ others.T / _SIGNS, np.array([len(others)]), _FEWEST_FRAMES, _LEAST_OVERLAP)
    low, high = max(0, -lag), min(len(signs), len(others) - lag)
    of_bands = (signs[low:high] * others[low + lag : high + lag]).mean(axis=0)
    return float(np.percentile(of_bands, _PERCENTILE))
