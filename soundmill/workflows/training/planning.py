"""Before a fit: which days hold what, what stands against a choice of days and tags, and a choice that would do."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from soundmill.capture import SEGMENTS
from soundmill.capture.coverage import COVERAGE
from soundmill.catalog import Annotations, AudioCollection, Catalog, SoundIndex
from soundmill.errors import ExtractorUnavailable, MissingFeatures, NotEnoughData, SpecRefused, UnknownExtractor
from soundmill.features.registry import FINGERPRINT
from soundmill.labelling.snapshot import ANNOTATIONS
from soundmill.lake import Lake
from soundmill.options import TrainingOptions
from soundmill.osr.selection import DataChoice, choose_days
from soundmill.osr.spec import ModelSpec, with_extractor
from soundmill.osr.splits import suggest_test_days
from soundmill.workflows.training.data import TrainingData, feature_table
from soundmill.workflows.training.reports import SoundPlace

FEW_SOUNDS = 10  # of a tag: with fewer, thresholds and expected recall rest on chance
_FEWEST = 2  # of a tag, to learn it at all
_YEAR = timedelta(days=365)
_NAMED = 5  # days in a sentence
_SHOWN_COPIES = 3
_SPLITS = 4  # that are tried: each puts the copies of the one before on one side
Level = Literal["refusal", "warning", "note"]


@dataclass(frozen=True)
class DayOfData:
    """What a day holds of some sources: labelled sounds by tag, stored segments and their seconds, and the share of what ought to have been
    recorded that was, None where nobody knows."""

    day: date
    tags: dict[str, int]
    segments: int
    seconds: float
    coverage: float | None


@dataclass(frozen=True)
class Finding:
    """Something about a choice of data, in a sentence that says how to mend it. A `refusal` means that there would be no fit, or no report;
    a `warning` that figures would be worse, or not be known."""

    level: Level
    about: str
    text: str


@dataclass(frozen=True)
class Checked:
    """What a fit would use, and what is to be said of it. Sounds by tag on training and on test days; `days` None where there are none."""

    findings: list[Finding]
    train: dict[str, int]
    test: dict[str, int]
    days: DataChoice | None

    @property
    def is_refused(self) -> bool:
        """Whether there would be no fit, or no report."""
        return any(one.level == "refusal" for one in self.findings)


def days_of_data(
    lake: Lake, catalog: Catalog, sources: Collection[str], first: date | None = None, last: date | None = None
) -> list[DayOfData]:
    """Every day from first to last that holds a label or a segment of these sources, of all that are not set apart where none is named.

    Without a last day up to the newest that holds any, without a first one a year of them.
    """
    index, apart = SoundIndex(catalog), AudioCollection(catalog).sources_apart()
    last = last or date.max
    labels = Annotations(catalog).sound_counts(first or date.min, last, sources, apart)
    segments: Counter[date] = Counter()
    seconds: Counter[date] = Counter()
    for source in sources or [one.source for one in index.sources() if one.source not in apart]:
        for day in index.days(source, first or date.min, last):
            segments[day.day] += day.segments
            seconds[day.day] += day.seconds  # type: ignore[assignment]  # a Counter adds floats as well
    there = sorted({*labels, *segments})
    if first is None and there:
        there = [day for day in there if day >= there[-1] - _YEAR]
    covered = _coverage(lake, [day for day in there if day in segments], sources, apart)
    return [DayOfData(day, labels.get(day, {}), segments[day], round(float(seconds[day]), 3), covered.get(day)) for day in there]


def check_choice(lake: Lake, catalog: Catalog, values: Mapping[str, Any], options: TrainingOptions, *, copies: bool = False) -> Checked:
    """What stands against a specification, before anything is fitted; also recordings and near copies that are on both sides, which takes
    a while, where `copies` is set."""
    try:
        spec = ModelSpec.parse(with_extractor(values, options.extractor))
    except SpecRefused as error:
        return Checked([Finding("refusal", "definition", f"{error}")], {}, {}, None)
    apart = AudioCollection(catalog).sources_apart()
    labelled = Annotations(catalog).sound_counts(date.min, date.max, spec.sources, apart)
    mine = {day: {tag: number for tag, number in of.items() if not spec.tags or tag in spec.tags} for day, of in labelled.items()}
    mine = {day: of for day, of in mine.items() if of}
    try:
        days = choose_days(spec, mine)
    except NotEnoughData:
        return Checked([_nothing_labelled(spec, catalog)], {}, {}, None)
    train, test = (sum((Counter(mine.get(day, {})) for day in of), Counter()) for of in (days.train, days.test))
    tags = spec.tags or tuple(sorted({*train, *test}))
    findings = [*_of_training(tags, train, mine, days), *_of_test(tags, train, test, mine, labelled, days)]
    findings += _of_tables(lake, catalog, spec, days, labelled)
    if not any(one.level == "refusal" for one in findings):
        data = TrainingData(lake, spec, options.zone, days, apart)
        findings += [*_of_recordings(data), *_of_copies(data)] if copies else []
    return Checked(sorted(findings, key=lambda one: _ORDER.index(one.level)), dict(train), dict(test), days)


@dataclass(frozen=True)
class Suggested:
    """A split of days. `note` says what could not be looked at yet, empty where all was."""

    train: tuple[date, ...]
    test: tuple[date, ...]
    note: str


def suggest_days(lake: Lake, catalog: Catalog, tags: Collection[str], sources: Collection[str]) -> Suggested:
    """A split of the labelled days in which every tag is on both sides where it can be, about three sounds in ten are tested, and neither
    parts of one recording nor copies are on both sides. Raises `NotEnoughData`."""
    apart = AudioCollection(catalog).sources_apart()
    counts = Annotations(catalog).sound_counts(date.min, date.max, sources, apart)
    counts = {day: {tag: number for tag, number in of.items() if not tags or tag in tags} for day, of in counts.items()}
    days = sorted(day for day, of in counts.items() if of)
    if not days:
        raise NotEnoughData(f"no sound of {', '.join(tags) or 'any tag'} is labelled in these sources; labelled are {_labelled(catalog)}")
    if len(days) < 2:
        raise NotEnoughData("a split needs labelled sounds on two days at least: label another day")
    spec, zone = ModelSpec(sources=tuple(sources)), TrainingOptions().zone  # copies are found by fingerprints, whatever the extractor
    together = TrainingData(lake, spec, zone, DataChoice(tuple(days), (), ()), apart).recordings_over_days(days)
    for _ in range(_SPLITS):
        test = suggest_test_days({day: counts[day] for day in days}, together)
        if not test:
            raise NotEnoughData("all labelled days hold parts of one recording, or copies, which belong on one side: label another day")
        train = tuple(day for day in days if day not in test)
        choice = DataChoice(train, tuple(sorted(test)), train)
        copies = _copies(TrainingData(lake, spec, zone, choice, apart))
        if not copies:
            break
        together += [(one.start.date(), other.start.date()) for one, other in copies]
    ready = set(lake.days(feature_table("annotation", FINGERPRINT)))
    late = [day for day in days if day not in ready]
    note = f"copies could not be looked for on {_named(late)}, whose features are not made yet: suggest again later" if late else ""
    return Suggested(choice.train, choice.test, note)


_ORDER: tuple[Level, ...] = ("refusal", "warning", "note")


def _nothing_labelled(spec: ModelSpec, catalog: Catalog) -> Finding:
    tags = ", ".join(spec.tags) or "any tag"
    if spec.train_days or spec.test_days:
        return Finding("refusal", "training", f"no sound of {tags} is labelled on days that could train: mark days that have labels")
    there = Annotations(catalog).tags()
    mend = f"; labelled are {_labelled(catalog)}" if there else ": label some on the page Annotate, or with `soundmill labels import`"
    return Finding("refusal", "tags", f"no sound of {tags} is labelled in these sources{mend}")


def _labelled(catalog: Catalog) -> str:
    return ", ".join(Annotations(catalog).tags()[:12]) or "none"


def _of_training(tags: Sequence[str], train: Counter[str], mine: Mapping[date, Mapping[str, int]], days: DataChoice) -> list[Finding]:
    found = []
    for tag in tags:
        others = {day: of[tag] for day, of in mine.items() if of.get(tag) and day not in days.train}
        if train[tag] < _FEWEST:
            less = "no sound" if not train[tag] else "one sound alone"
            where = f": mark a day that has some for training ({_counted(others)})" if others else ": label some more"
            found.append(Finding("refusal", "training", f"{tag}: {less} on training days{where}, or leave the tag out"))
        elif train[tag] < FEW_SOUNDS:
            more = f": mark more of its days ({_counted(others)})" if others else ": label some more"
            text = f"{tag}: {train[tag]} sounds on training days, where {FEW_SOUNDS} or more make its threshold reliable{more}"
            found.append(Finding("warning", "training", text))
    if len(tags) == 1:
        found.append(Finding("note", "tags", f"{tags[0]} is the only tag: everything else can only be told apart by background"))
    return found


def _of_test(
    tags: Sequence[str],
    train: Counter[str],
    test: Counter[str],
    mine: Mapping[date, Mapping[str, int]],
    labelled: Mapping[date, Mapping[str, int]],
    days: DataChoice,
) -> list[Finding]:
    if not days.test:
        more = "mark another labelled day for testing" if len(mine) > 1 else "label another day, and mark it for testing"
        return [Finding("refusal", "test", f"no test day: the model would be fitted, and nobody would know how good it is; {more}")]
    found = []
    if not sum(test.values()):
        where = {day: sum(of.values()) for day, of in mine.items() if day not in days.train and day not in days.test}
        mend = f"mark others for testing ({_counted(where)})" if where else "label some there"
        text = f"no sound of these tags is labelled on the test days {_named(days.test)}: {mend}"
        return [Finding("refusal", "test", text)]
    for tag in tags:
        if train[tag] and not test[tag]:
            others = {day: of[tag] for day, of in mine.items() if of.get(tag) and day not in days.test}
            text = f"{tag}: no sound on test days, so its recall will not be known: mark one of its days for testing ({_counted(others)})"
            found.append(Finding("warning", "test", text))
    if not any(number for day in days.test for tag, number in labelled.get(day, {}).items() if tag not in tags):
        text = "no test sound is of a kind that the model is not trained on, so only cross-validation tells how well it rejects those"
        found.append(Finding("note", "test", f"{text}: to test it, leave a labelled tag out of training"))
    return found


def _of_tables(
    lake: Lake, catalog: Catalog, spec: ModelSpec, days: DataChoice, labelled: Mapping[date, Mapping[str, int]]
) -> list[Finding]:
    """What the pipeline has still to make."""
    found = []
    try:
        tables = {of: set(lake.days(feature_table(of, spec.extractor))) for of in ("annotation", "segment")}
    except (UnknownExtractor, ExtractorUnavailable) as error:
        return [Finding("refusal", "extractor", str(error))]
    used = sorted({*days.train, *days.test, *days.background, *(days.test_background or ())})
    segmented = set(lake.days(SEGMENTS))
    if silent := [day for day in spec.background_days or () if day not in segmented]:
        found.append(Finding("warning", "background", f"no segment of sound on {_named(silent)}, so there is no background: unmark them"))
    snapshot = set(lake.days(ANNOTATIONS))
    late = [day for day in used if day in labelled and (day not in snapshot or day not in tables["annotation"])]
    missing = [day for day in used if day in segmented and day not in tables["segment"]]
    if late or missing:
        waits = sorted({*late, *missing})
        text = f"labels or {spec.extractor} features of {_named(waits)} are not made yet: the pipeline makes them first, if it runs"
        by_hand = f"soundmill materialize annotations annotation_features segment_features --from {waits[0]} --to {waits[-1]}"
        found.append(Finding("note", "features", f"{text} (by hand: {by_hand})"))
    if spec.background_days == () and spec.recogniser == "open_set":
        found.append(
            Finding("note", "background", "no background: thresholds come from the known sounds alone, and more is taken for them")
        )
    return found


def _of_recordings(data: TrainingData) -> list[Finding]:
    learned, tested = {*data.days.train, *data.days.background}, {*data.days.test, *data.test_background_days}
    torn = [days for days in data.recordings_over_days(sorted(learned | tested)) if set(days) & learned and set(days) & tested]
    if not torn:
        return []
    pairs = "; ".join(_named(days) for days in torn[:_NAMED])
    return [Finding("warning", "leakage", f"one recording reaches over {pairs}: put these days on the same side, or it is met in training")]


def _of_copies(data: TrainingData) -> list[Finding]:
    found = _copies(data)
    if not found:
        return []
    level: Level = "warning" if data.spec.allow_duplicates else "refusal"
    shown = "; ".join(f"{_where(one)} is the sound of {_where(other)}" for one, other in found[:_SHOWN_COPIES])
    more = f" and {len(found) - _SHOWN_COPIES} more" if len(found) > _SHOWN_COPIES else ""
    mend = "put the days of both on one side, withdraw one of the labels, or allow copies among the advanced options"
    return [Finding(level, "leakage", f"test sounds are copies of training sounds: {shown}{more}; {mend}")]


def _copies(data: TrainingData) -> list[tuple[SoundPlace, SoundPlace]]:
    """Test sounds that are training sounds, and which one each is; none where features are still to be made."""
    try:
        leaks = data.leaks()
    except MissingFeatures:
        return []
    if not leaks:
        return []
    keys = {key for leak in leaks for key in (leak.training, leak.test)}
    places = data.places(sorted({*data.days.train, *data.days.background, *data.days.test, *data.test_background_days}), keys=keys)
    both = [leak for leak in leaks if leak.test in places and leak.training in places]
    return [(SoundPlace(one.test, *places[one.test]), SoundPlace(one.training, *places[one.training])) for one in both]


def _where(sound: SoundPlace) -> str:
    return f"{sound.source} at {sound.start:%Y-%m-%d %H:%M:%S} UTC"


def _coverage(lake: Lake, days: Sequence[date], sources: Collection[str], apart: Collection[str]) -> dict[date, float]:
    """The share of what ought to have been recorded that was, silence included."""
    names = pc.field("source").isin(pa.array(sorted(sources or apart), pa.string()))
    found = {}
    for day in sorted(set(days) & set(lake.days(COVERAGE))):
        rows = lake.read_days(COVERAGE, [day], columns=["expected", "captured", "silent"], where=names if sources else ~names)
        expected, captured, silent = (sum(rows[name].to_pylist()) for name in ("expected", "captured", "silent"))
        if expected:
            found[day] = round(min(1.0, (captured + silent) / expected), 4)
    return found


def _counted(numbers: Mapping[date, int]) -> str:
    most = sorted(numbers.items(), key=lambda one: (-one[1], one[0]))[:_NAMED]
    return ", ".join(f"{day} has {number}" for day, number in most)


def _named(days: Collection[date]) -> str:
    ordered = sorted(days)
    more = f" and {len(ordered) - _NAMED} more" if len(ordered) > _NAMED else ""
    return ", ".join(str(day) for day in ordered[:_NAMED]) + more
