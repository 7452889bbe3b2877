"""Which days and which background a model gets, decided from its specification and what is there."""

import math
from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np

from soundmill.osr.spec import ModelSpec, NothingToLearnFrom

TRAIN_SHARE = 0.7
TEST_BACKGROUND_PER_DAY = 500
_FRAMES = 21
_TOUCH = timedelta(milliseconds=10)  # less than this is no touch: starts are rounded to the millisecond


@dataclass(frozen=True)
class DataChoice:
    """Days a fit really uses: those of the specification, or the automatic split."""

    train: tuple[date, ...]
    test: tuple[date, ...]
    background: tuple[date, ...]


def choose_days(spec: ModelSpec, annotated: Collection[date]) -> DataChoice:
    """The days for training, testing and background; `annotated` are days that hold annotations of the model's tags.

    Without days in the specification the first 70 % of the annotated days train and the rest test. Raises `NothingToLearnFrom`.
    """
    days = sorted(annotated)
    if not days:
        raise NothingToLearnFrom("no day holds an annotation of these tags; add some with: soundmill labels import")
    train, test = spec.train_days, spec.test_days
    if not train:
        free = [day for day in days if day not in test]
        if not free:
            raise NothingToLearnFrom("every annotated day is a test day; name other --test-days, or annotate more days")
        train = tuple(free) if test else tuple(free[: max(1, math.floor(TRAIN_SHARE * len(free)))])
    if not test:
        test = tuple(day for day in days if day not in train and day not in (spec.background_days or ()))
    background = train if spec.background_days is None else spec.background_days
    return DataChoice(tuple(train), tuple(test), tuple(day for day in background if day not in test))


def background_share(vectors_per_tag: Mapping[str, int]) -> int:
    """How many background segments a fit takes: 15 ceil(N / 21), N the mean number of vectors per tag."""
    mean = sum(vectors_per_tag.values()) / max(1, len(vectors_per_tag))
    return 15 * math.ceil(mean / _FRAMES)


def free_of(segments: Sequence[tuple[str, str, datetime, float]], annotations: Sequence[tuple[str, datetime, datetime]]) -> list[str]:
    """Keys of the segments (key, source, start, seconds) that no annotation (source, start, end) touches, in their order."""
    by_source: dict[str, tuple[list[datetime], list[datetime]]] = {}
    for source, start, end in sorted(annotations):
        starts, ends = by_source.setdefault(source, ([], []))
        starts.append(start)
        ends.append(max(end, ends[-1]) if ends else end)  # the furthest end so far
    free = []
    for key, source, start, seconds in segments:
        starts, ends = by_source.get(source, ([], []))
        begun = bisect_left(starts, start + timedelta(seconds=seconds) - _TOUCH)
        if begun == 0 or ends[begun - 1] <= start + _TOUCH:
            free.append(key)
    return free


def sample(keys: Sequence[str], count: int, seed: int) -> list[str]:
    """At most `count` of the keys, drawn without regard to their order, the same for the same keys and seed."""
    ordered = sorted(keys)
    if len(ordered) <= count:
        return ordered
    chosen = np.random.default_rng(seed).choice(len(ordered), count, replace=False)
    return [ordered[i] for i in sorted(chosen)]
