"""Which days and which background a model gets, decided from its specification and what is there."""

import math
from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import numpy as np

from soundmill.errors import NotEnoughData
from soundmill.osr.spec import ModelSpec
from soundmill.osr.splits import components

TRAIN_SHARE = 0.7
TEST_BACKGROUND_PER_DAY = 500
_MOST_BACKGROUND = 3000
_DAYS_TO_GROUP_BY = 5
_TOUCH = timedelta(milliseconds=10)  # less than this is no touch: starts are rounded to the millisecond


@dataclass(frozen=True)
class DataChoice:
    """Days a fit really uses: those of the specification, or the automatic split. `test_background` None: the test days."""

    train: tuple[date, ...]
    test: tuple[date, ...]
    background: tuple[date, ...]
    test_background: tuple[date, ...] | None = field(default=None, repr=False)  # fingerprints have it from the specification


def choose_days(spec: ModelSpec, annotated: Collection[date], rejecting: Collection[date] = ()) -> DataChoice:
    """The days for training, testing and background; `annotated` are days that hold annotations of the model's tags, `rejecting` those on
    which predictions were rejected.

    Without days in the specification the first 70 % of the annotated days train and the rest test; background is drawn from training days
    and from those with rejected predictions. Raises `NotEnoughData`.
    """
    days = sorted(annotated)
    if not days:
        raise NotEnoughData("no day holds an annotation of these tags; add some with: soundmill labels import")
    train, test = spec.train_days, spec.test_days
    if not train:
        free = [day for day in days if day not in test and day not in (spec.test_background_days or ())]
        if not free:
            raise NotEnoughData("every annotated day is a test day; name other --test-days, or annotate more days")
        train = tuple(free) if test else tuple(free[: max(1, math.floor(TRAIN_SHARE * len(free)))])
    if not test:
        test = tuple(day for day in days if day not in train and day not in (spec.background_days or ()))
    background = (*train, *sorted(set(rejecting) - set(train))) if spec.background_days is None else spec.background_days
    apart = {*test, *(spec.test_background_days or ())}
    return DataChoice(tuple(train), tuple(test), tuple(day for day in background if day not in apart), spec.test_background_days)


def background_share(sounds_per_tag: Mapping[str, int]) -> int:
    """How many background segments a fit takes: fifteen for each sound that a tag has on average, and 3,000 at most."""
    mean = sum(sounds_per_tag.values()) / max(1, len(sounds_per_tag))
    return min(_MOST_BACKGROUND, 15 * math.ceil(mean))


@dataclass(frozen=True)
class LabelledSegment:
    """A segment in which an annotated sound occurs: the segment's key, and key and tag of the annotation."""

    segment: str
    annotation: str
    tag: str


def label_segments(
    segments: Sequence[tuple[str, str, datetime, float]], annotations: Sequence[tuple[str, str, datetime, datetime, str]]
) -> list[LabelledSegment]:
    """Segments (key, source, start, seconds) that hold half a second of an annotation (key, source, start, end, tag), or half of a
    shorter one, and sounds of no other tag: what an annotated sound is like within a segment."""
    by_source: dict[str, list[tuple[str, str, datetime, datetime, str]]] = {}
    for annotation in sorted(annotations, key=lambda one: one[2]):
        by_source.setdefault(annotation[1], []).append(annotation)
    longest = {source: max(one[3] - one[2] for one in mine) for source, mine in by_source.items()}
    found = []
    for key, source, start, seconds in segments:
        mine = by_source.get(source, [])
        if not mine:
            continue
        end = start + timedelta(seconds=seconds)
        first, last = (bisect_left(mine, moment, key=lambda one: one[2]) for moment in (start - longest[source], end))
        touching = [one for one in mine[first:last] if one[3] > start]
        if len({one[4] for one in touching}) != 1:
            continue
        overlap, best = max(((min(end, one[3]) - max(start, one[2])).total_seconds(), one) for one in touching)
        if overlap >= min(0.5, (best[3] - best[2]).total_seconds() / 2):
            found.append(LabelledSegment(key, best[0], best[4]))
    return found


def split_groups(days: Sequence[date], recordings: Sequence[frozenset[str]]) -> tuple[list[str], str]:
    """A group for each training sound, and what groups are: whole days where there are five or more, else recordings; sounds that share
    a recording share a group either way. `recordings` are the landed files each sound was cut from."""
    if len(set(days)) >= _DAYS_TO_GROUP_BY:
        links = [{day.isoformat(), *recording} for day, recording in zip(days, recordings, strict=True)]
        return components(links), "days"
    return components([set(recording) or {f"sound {place}"} for place, recording in enumerate(recordings)]), "recordings"


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
