"""Training and test data of a model: sounds brought together from the segments, labels and features of its days."""

import re
from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from importlib.metadata import version as installed
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from soundmill.capture import SEGMENTS, Timeline
from soundmill.errors import MissingFeatures, NoAudio, NotEnoughData
from soundmill.fingerprint import digest
from soundmill.labelling.snapshot import ANNOTATIONS, REJECTIONS
from soundmill.labelling.spec import AUTHOR
from soundmill.lake import DayTable, Lake
from soundmill.osr.metrics import Span
from soundmill.osr.selection import (
    TEST_BACKGROUND_PER_DAY,
    DataChoice,
    background_share,
    choose_days,
    free_of,
    label_segments,
    sample,
    split_groups,
)
from soundmill.osr.sounds import Sounds
from soundmill.osr.spec import ModelSpec
from soundmill.osr.splits import Leak, near_duplicates, same_content
from soundmill.times import midnight

_DAY = timedelta(days=1)
_TOUCH = timedelta(milliseconds=10)
SpanOfSource = tuple[str, datetime, datetime]  # source, start, end


class TrainingData:
    """The sounds of one specification, from the tables of its days. Without sources in the specification, those of all sources but
    the ones that are set `apart`."""

    def __init__(self, lake: Lake, spec: ModelSpec, zone: ZoneInfo, choice: DataChoice | None = None, apart: Collection[str] = ()) -> None:
        self._lake, self.spec, self.zone, self.apart = lake, spec, zone, apart
        self.days = choice or self._choose()

    def fingerprint(self, code: str) -> str:
        """Covers the specification, the chosen days, every label, vector and segment that the fit may use, and its code."""
        parts = [code, self.spec.model_dump_json(), repr(self.days), self.zone.key, installed("scikit-learn")]
        parts += [row["key"] for row in self._labels(self.days.train)]
        segment_days = sorted({*self.days.background, *(self.days.train if self._learns_from_segments else ())})
        for table, of_days in (
            (feature_table("annotation", self.spec.extractor), self.days.train),
            (feature_table("segment", self.spec.extractor), segment_days),
        ):
            first = pc.field("number") == 0  # of each sound's vectors
            rows = self._lake.read_days(table, of_days, columns=["key", "content", "extractor"], where=first & self._of_sources)
            parts += [" ".join(row.values()) for row in rows.to_pylist()]
        columns = ["source", "start", "end", "key"]
        labels = self._lake.read_days(ANNOTATIONS, segment_days, columns=columns, where=self._of_sources)
        spans = {row.pop("key"): row for row in labels.to_pylist()}  # one sound is one, however many people labelled it
        parts += [str(sorted(row.items())) for row in spans.values()]
        parts += sorted(map(repr, self._rejections(self.days.background)))
        return digest(parts)

    def training_sounds(self) -> tuple[Sounds, dict[str, int], str]:
        """What the model is trained on: annotated sounds of the training days, cut out and as the segments that detections see.

        Also how many annotated sounds each tag has, and what the groups of the sounds are.
        """
        labels = self._labels(self.days.train)
        cut = self._annotated(labels, self.days.train)
        recordings = self._recordings(labels, self.days.train)
        support = {tag: cut.with_vectors().tags.count(tag) for tag in sorted(set(cut.tags))}
        parts, days, of_sound = [cut], [row["start"].date() for row in labels], [recordings[row["key"]] for row in labels]
        if self._learns_from_segments:
            segments = self._lake.read_days(SEGMENTS, self.days.train, where=self._of_sources)
            every = self._labels(self.days.train, of_any_tag=True)
            mine = {row["key"] for row in labels}
            labelled = [one for one in label_segments(_spans(segments), _marks(every)) if one.annotation in mine]
            segments = segments.filter(_is_in("key", [one.segment for one in labelled]))
            tags = {one.segment: one.tag for one in labelled}
            named = [tags[key] for key in segments["key"].to_pylist()]
            parts.append(segment_sounds(self._lake, self.days.train, segments, self.spec.extractor, self.zone, named))
            days += [moment.date() for moment in segments["started_at"].to_pylist()]
            by_segment = {one.segment: one.annotation for one in labelled}
            of_sound += [
                frozenset({_part_of_recording(recording, start), *recordings[by_segment[key]]})
                for key, recording, start in zip(*(segments[name].to_pylist() for name in ("key", "recording", "started_at")), strict=True)
            ]
        of_sound = self._with_copies(labels, of_sound)
        groups, kind = split_groups(days, of_sound)
        sounds = _grouped(Sounds.joined(parts), groups)
        return sounds.with_vectors(), support, kind

    def from_rounds(self) -> dict[str, dict[str, int]]:
        """How many labels of each tag, on the training days, are the consensus of each labelling round."""
        rows = self._lake.read_days(ANNOTATIONS, self.days.train, columns=["author", "tag"], where=self._of_sources).to_pylist()
        found: dict[str, dict[str, int]] = {}
        for row in rows:
            if row["author"].startswith(AUTHOR) and (not self.spec.tags or row["tag"] in self.spec.tags):
                of = found.setdefault(row["author"].removeprefix(AUTHOR), {})
                of[row["tag"]] = of.get(row["tag"], 0) + 1
        return {name: dict(sorted(of.items())) for name, of in sorted(found.items())}

    def tagged(self) -> Sounds:
        """Annotated sounds of the test days, of any tag: those that the model was not trained on ought to be "other"."""
        labels = self._labels(self.days.test, of_any_tag=True)
        recordings = self._recordings(labels, self.days.test)
        groups, _ = split_groups([row["start"].date() for row in labels], [recordings[row["key"]] for row in labels])
        return _grouped(self._annotated(labels, self.days.test), groups)

    def leaks(self, learned: "TrainingData | None" = None) -> list[Leak]:
        """Test sounds that are copies of what the model may learn from: annotated sounds that are one recording, and the same segments.
        `learned` is what it learns from, where that is of other sources than these."""
        from_what = learned or self
        before, tested = from_what.days, sorted({*self.days.test, *self.test_background_days})
        columns = ["key", "content_hash"]
        segments_trained, segments_tested = (
            [tuple(row.values()) for row in self._lake.read_days(SEGMENTS, days, columns=columns, where=of._of_sources).to_pylist()]
            for of, days in ((from_what, sorted({*before.train, *before.background})), (self, tested))
        )
        train, test = (of._labels(days, of_any_tag=True) for of, days in ((from_what, before.train), (self, self.days.test)))
        copies = near_duplicates(from_what._fingerprints(train, before.train), self._fingerprints(test, self.days.test))
        return [*copies, *same_content(segments_trained, segments_tested)]

    def background_for(self, support: dict[str, int]) -> Sounds:
        """Background to learn from: what was taken for a sound and is none, as far as people said so, and more at random."""
        return self._background(self.days.background, background_share(support), self._rejections(self.days.background))[0]

    def test_background(self) -> tuple[Sounds, float]:
        """Background to test on, and its seconds."""
        return self._background(self.test_background_days, TEST_BACKGROUND_PER_DAY * len(self.test_background_days))

    @property
    def test_background_days(self) -> tuple[date, ...]:
        """Days whose background the model is tested on."""
        return self.days.test if self.days.test_background is None else self.days.test_background

    def streams(self) -> Iterator[tuple[list[float], list[float], Sounds, list[Span]]]:
        """Every source's whole test day, one at a time: starts and lengths of segments in seconds of the day, sounds, annotated events."""
        for day in self.days.test:
            segments = self._lake.read_days(SEGMENTS, [day], where=self._of_sources)
            labels = self._labels((day,), of_any_tag=True)
            for source in sorted({*segments["source"].to_pylist(), *(row["source"] for row in labels)}):
                mine = segments.filter(pc.field("source") == source)
                starts = [_second(moment, day) for moment in mine["started_at"].to_pylist()]
                marked = [row for row in labels if row["source"] == source]
                events = [Span(row["tag"], _second(row["start"], day), _second(row["end"], day)) for row in marked]
                sounds = segment_sounds(self._lake, [day], mine, self.spec.extractor, self.zone)
                yield starts, mine["seconds"].to_pylist(), sounds, events

    def recordings_over_days(self, of_days: Sequence[date]) -> list[tuple[date, ...]]:
        """Pairs of days, one after another among these, that hold parts of one landed recording, such as one over midnight."""
        found: list[tuple[date, ...]] = []
        before: tuple[date, set[str]] | None = None
        for day in sorted(of_days):
            rows = self._lake.read_days(SEGMENTS, [day], columns=["recording"], where=self._of_sources)
            recordings = set(rows["recording"].unique().to_pylist())
            if before and before[1] & recordings:
                found.append((before[0], day))
            before = (day, recordings)
        return found

    def places(
        self, of_days: Sequence[date], background_days: Sequence[date] = (), keys: Collection[str] | None = None
    ) -> dict[str, SpanOfSource]:
        """Source, start and end of every annotated sound of some days, and of every segment of these and others, by key; of segments, only
        those with these keys, where any are given."""
        wanted = self._of_sources if keys is None else self._of_sources & _is_in("key", sorted(keys))
        segments = self._lake.read_days(SEGMENTS, sorted({*of_days, *background_days}), where=wanted)
        columns = (segments[name].to_pylist() for name in ("key", "source", "started_at", "seconds"))
        found = {key: (source, start, start + timedelta(seconds=seconds)) for key, source, start, seconds in zip(*columns, strict=True)}
        labels = self._labels(tuple(of_days), of_any_tag=True)
        return found | {row["key"]: (row["source"], row["start"], row["end"]) for row in labels}

    def audio(self, keys: Sequence[str], of_days: tuple[date, ...]) -> dict[str, tuple[Any, int, str]]:
        """Samples (int16), rate, and place and time in words of annotated sounds and segments by key; those without audio are left out."""
        around = sorted({near for day in of_days for near in (day - _DAY, day, day + _DAY)})
        segments = self._lake.read_days(SEGMENTS, around, where=self._of_sources)
        timeline = Timeline(self._lake, segments)
        spans = {row["key"]: (row["source"], row["start"], row["end"]) for row in self._labels(of_days, of_any_tag=True)}
        wanted = segments.filter(_is_in("key", list(keys)))
        for row in wanted.to_pylist():
            spans[row["key"]] = (row["source"], row["started_at"], row["started_at"] + timedelta(seconds=row["seconds"]))
        found = {}
        places = segments.select(["source", "started_at", "recording"]).sort_by("started_at").to_pylist()
        for key in keys:
            if key in spans:
                source, start, end = spans[key]
                try:
                    samples, rate, _ = timeline.read(source, start, end)
                except NoAudio:
                    continue
                files = [row["recording"] for row in places if row["source"] == source and row["started_at"] <= start + _TOUCH]
                file = re.sub(r"^\d{13}_", "", files[-1].rpartition("/")[2]) + ", " if files else ""
                found[key] = (samples, rate, f"{file}{source}, {start:%Y-%m-%d %H:%M:%S} UTC, {(end - start).total_seconds():.1f} s")
        return found

    @property
    def _learns_from_segments(self) -> bool:
        return self.spec.recogniser == "open_set"  # the original learns from annotated sounds alone

    def _with_copies(self, labels: list[dict[str, Any]], of_sound: list[frozenset[str]]) -> list[frozenset[str]]:
        """Annotated sounds that are one recording share its name."""
        place = {row["key"]: at for at, row in enumerate(labels)}
        linked = list(of_sound)
        marks = self._fingerprints(labels, self.days.train)
        for copy in near_duplicates(marks, marks):
            name = "copies " + min(copy.training, copy.test)
            for key in (copy.training, copy.test):
                linked[place[key]] = linked[place[key]] | {name}
        return linked

    def _fingerprints(self, labels: list[dict[str, Any]], of_days: tuple[date, ...]) -> Sounds:
        from soundmill.features.registry import FINGERPRINT

        return self._sounds_of(labels, of_days, FINGERPRINT)

    def _annotated(self, labels: list[dict[str, Any]], of_days: tuple[date, ...]) -> Sounds:
        """Sounds of the labels, in their order, as the model's extractor has them."""
        return self._sounds_of(labels, of_days, self.spec.extractor)

    def _sounds_of(self, labels: list[dict[str, Any]], of_days: tuple[date, ...], extractor: str) -> Sounds:
        """As an extractor has them. Raises `MissingFeatures` where their features have not been made."""
        from soundmill.features.store import vectors

        table = feature_table("annotation", extractor)
        if missing := sorted({row["start"].date() for row in labels} - set(self._lake.days(table))):
            names = ", ".join(day.isoformat() for day in missing)
            raise MissingFeatures(f"annotation_features of {extractor} is missing for {names}: materialise those days")
        rows = self._lake.read_days(table, of_days, columns=["key", "vector"])
        return Sounds.build(
            [row["key"] for row in labels],
            [row["start"] for row in labels],
            self.zone,
            rows["key"].to_pylist(),
            vectors(rows),
            tags=[row["tag"] for row in labels],
        )

    def _background(self, of_days: tuple[date, ...], count: int, rejections: Sequence[SpanOfSource] = ()) -> tuple[Sounds, float]:
        """At most `count` segments that no annotation touches, and their seconds: drawn at random, but up to half of them from those that
        rejected predictions touch."""
        segments = self._lake.read_days(SEGMENTS, of_days, where=self._of_sources)
        with_eves = sorted({near for day in of_days for near in (day - _DAY, day)})  # an annotation may last beyond midnight
        labels = [(row["source"], row["start"], row["end"]) for row in self._lake.read_days(ANNOTATIONS, with_eves).to_pylist()]
        free, far = free_of(_spans(segments), labels), set(free_of(_spans(segments), rejections))
        hard = set(sample([key for key in free if key not in far], count // 2, self.spec.seed))
        chosen = [*hard, *sample([key for key in free if key not in hard], count - len(hard), self.spec.seed)]
        segments = segments.filter(_is_in("key", chosen))
        sounds = segment_sounds(self._lake, list(of_days), segments, self.spec.extractor, self.zone)
        days = [moment.date() for moment in segments["started_at"].to_pylist()]
        places = zip(segments["recording"].to_pylist(), segments["started_at"].to_pylist(), strict=True)
        groups, _ = split_groups(days, [frozenset({_part_of_recording(recording, start)}) for recording, start in places])
        return _grouped(sounds, groups), sum(segments["seconds"].to_pylist())

    def _recordings(self, labels: list[dict[str, Any]], of_days: tuple[date, ...]) -> dict[str, frozenset[str]]:
        """The parts of landed files that each label's sound was cut from."""
        columns = ["source", "started_at", "seconds", "recording"]
        segments = self._lake.read_days(SEGMENTS, of_days, columns=columns, where=self._of_sources)
        by_source: dict[str, list[tuple[datetime, datetime, str]]] = {}
        for row in segments.sort_by("started_at").to_pylist():
            end = row["started_at"] + timedelta(seconds=row["seconds"])
            by_source.setdefault(row["source"], []).append(
                (row["started_at"], end, _part_of_recording(row["recording"], row["started_at"]))
            )
        longest = timedelta(seconds=max(segments["seconds"].to_pylist(), default=0.0))
        found = {}
        for label in labels:
            mine = by_source.get(label["source"], [])
            first = bisect_left(mine, label["start"] - longest, key=itemgetter(0))
            last = bisect_left(mine, label["end"], key=itemgetter(0))
            found[label["key"]] = frozenset(name for _, end, name in mine[first:last] if end > label["start"]) or frozenset({label["key"]})
        return found

    def _choose(self) -> DataChoice:
        labelled = tuple(self._lake.days(ANNOTATIONS))
        annotated = {row["start"].date() for row in self._labels(labelled)}
        if not annotated and not self.spec.sources:
            wanted = _is_in("tag", self.spec.tags) if self.spec.tags else pc.scalar(True)
            there = set(self._lake.read_days(ANNOTATIONS, labelled, columns=["source"], where=wanted)["source"].to_pylist())
            if there:
                raise NotEnoughData(
                    f"these tags are labelled only in {', '.join(sorted(there))}, which is apart from the collection; "
                    "to train on it, name it: --sources"
                )
        with_vectors = set(self._lake.days(feature_table("segment", self.spec.extractor)))
        rejecting = [day for day in self._lake.days(REJECTIONS) if day in with_vectors and self._rejections((day,))]
        return choose_days(self.spec, annotated, rejecting)

    def _labels(self, of_days: tuple[date, ...], *, of_any_tag: bool = False) -> list[dict[str, Any]]:
        """Labelled sounds, each once, however many people labelled it alike."""
        by_key = {row["key"]: row for row in self._lake.read_days(ANNOTATIONS, of_days, where=self._of_sources).to_pylist()}
        return [row for row in by_key.values() if of_any_tag or not self.spec.tags or row["tag"] in self.spec.tags]

    def _rejections(self, of_days: tuple[date, ...]) -> list[SpanOfSource]:
        """Predictions that people rejected on these days."""
        rows = self._lake.read_days(REJECTIONS, of_days, columns=["source", "start", "end"], where=self._of_sources)
        return [(row["source"], row["start"], row["end"]) for row in rows.to_pylist()]

    @property
    def _of_sources(self) -> pc.Expression:
        return _is_in("source", self.spec.sources) if self.spec.sources else ~_is_in("source", sorted(self.apart))


def feature_table(of: str, extractor_name: str) -> DayTable:
    """The table of an extractor's vectors of segments or annotations."""
    from soundmill.features.registry import extractor
    from soundmill.features.store import feature_table as table

    return table(of, extractor(extractor_name))


def segment_sounds(
    lake: Lake,
    of_days: Sequence[date],
    segments: pa.Table,
    extractor_name: str,
    zone: ZoneInfo,
    tags: Sequence[str] = (),
) -> Sounds:
    """Sounds of the given segments, in their order, from the feature tables of their days. Raises `MissingFeatures`."""
    from soundmill.features.store import vectors

    keys = segments["key"].to_pylist()
    rows = lake.read_days(feature_table("segment", extractor_name), of_days, columns=["key", "vector"], where=_is_in("key", keys))
    sounds = Sounds.build(
        keys,
        segments["started_at"].to_pylist(),
        zone,
        rows["key"].to_pylist(),
        vectors(rows),
        max_amp=segments["max_amp"].to_pylist(),
        tags=tags,
    )
    without_vectors = np.flatnonzero(~sounds.has_vectors())
    if len(without_vectors):
        names = ", ".join(sorted({segments["started_at"][int(at)].as_py().date().isoformat() for at in without_vectors}))
        raise MissingFeatures(
            f"{len(without_vectors)} of {len(segments)} segments have no {extractor_name} vectors: materialise segment_features for {names}"
        )
    return sounds


def _grouped(sounds: Sounds, groups: list[str]) -> Sounds:
    return replace(sounds, groups=tuple(groups))


def _spans(segments: pa.Table) -> list[tuple[str, str, Any, float]]:
    columns = [segments[name].to_pylist() for name in ("key", "source", "started_at", "seconds")]
    return list(zip(*columns, strict=True))


def _marks(labels: list[dict[str, Any]]) -> list[tuple[str, str, Any, Any, str]]:
    return [(row["key"], row["source"], row["start"], row["end"], row["tag"]) for row in labels]


def _part_of_recording(recording: str, start: datetime) -> str:
    """A recording, or ten minutes of a longer one: what stays on one side of a split."""
    return f"{recording} {start:%dT%H}:{start.minute // 10}"


def _second(moment: Any, day: date) -> float:
    return float((moment - midnight(day)).total_seconds())


def _is_in(column: str, values: Sequence[str]) -> pc.Expression:
    return pc.field(column).isin(pa.array(values, pa.string()))  # typed: an empty list has no type of its own
