"""A day's detections and new sounds: the champion on every segment of the day, and groups among what it called "other"."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from soundmill.capture import SEGMENTS
from soundmill.catalog import Ledger, ModelVersion
from soundmill.errors import MissingFeatures
from soundmill.lake import Lake
from soundmill.osr.detections import DETECTIONS, detection_rows
from soundmill.osr.spec import OTHER, ModelSpec
from soundmill.osr.versions import VersionRows
from soundmill.workflows.training.data import TrainingData, feature_table, segment_sounds
from soundmill.workflows.training.models import days_of, load_version

if TYPE_CHECKING:
    from soundmill.osr.recogniser import Recogniser

_CODE = 2  # of new sounds: goes up when the same detections would give others
_EXAMPLES = 12  # groups in the picture


class Champion:
    """A model version with its specification; the recogniser, and the background it was trained on, are loaded when first needed."""

    def __init__(self, lake: Lake, version: ModelVersion, zone: ZoneInfo, apart: Collection[str] = ()) -> None:
        self._lake, self.version, self._zone, self._apart = lake, version, zone, apart
        self.spec = ModelSpec.parse((version.card or {})["spec"])
        self._recogniser: Recogniser | None = None

    @property
    def recogniser(self) -> "Recogniser":
        """The fitted recogniser. Raises `NotInLake`, `UntrustedModel`."""
        if self._recogniser is None:
            self._recogniser = load_version(self._lake, self.version)
        return self._recogniser

    @cached_property
    def background(self) -> npt.NDArray[np.float32] | None:
        """Vectors of the background that the model was trained on; None where there was none, or its features are gone."""
        card = self.version.card or {}
        data = TrainingData(self._lake, self.spec, self._zone, days_of(card), self._apart)
        try:
            return data.background_for(card["data"]["support"]).pooled().astype(np.float32)
        except MissingFeatures:
            return None


@dataclass(frozen=True)
class DayOfDetections:
    """One version's rows of a day, whether any of them is new, and how many segments the day has."""

    rows: pa.Table
    changed: bool
    segments: int


def update_detections(lake: Lake, ledger: Ledger, champion: Champion, day: date, zone: ZoneInfo) -> DayOfDetections:
    """The champion's verdict on each segment of the day; nothing is computed where segments, vectors and model are as before.

    Raises `MissingFeatures`.
    """
    version = champion.version
    segments = lake.read_days(SEGMENTS, [day])
    table = feature_table("segment", champion.spec.extractor)
    made_from = f"{version.fingerprint} {lake.made_from(SEGMENTS, day)} {lake.made_from(table, day)}"
    mine = VersionRows(lake, DETECTIONS, version.name, version.version)
    previous = ledger.processed(DETECTIONS.name).get(day)
    changed = mine.made_from(day) != made_from
    if changed:
        sounds = segment_sounds(lake, [day], segments, champion.spec.extractor, zone)
        rows = detection_rows(champion.recogniser, version.name, version.version, segments, sounds)
        mine.write(day, rows, made_from)
    else:
        rows = mine.read(day)
    if previous != mine.label:
        ledger.mark_processed(DETECTIONS.name, day, mine.label, previous)
    return DayOfDetections(rows, changed, len(segments))


def update_new_sounds(lake: Lake, champion: Champion, day: date, zone: ZoneInfo) -> tuple[pa.Table, bool]:
    """Groups of like sounds among the day's detections that the champion called "other", and whether they are new."""
    from soundmill.osr.novelty import NEW_SOUNDS, Rejected, group_new_sounds, new_sound_rows

    name, version = champion.version.name, champion.version.version
    detections, mine = (VersionRows(lake, table, name, version) for table in (DETECTIONS, NEW_SOUNDS))
    made_from = f"{detections.made_from(day) or ''} {_CODE}"
    if mine.made_from(day) == made_from:
        return mine.read(day), False
    rejected = detections.read(day, where=pc.field("tag") == OTHER)
    segments = lake.read_days(SEGMENTS, [day]).filter(pc.field("key").isin(rejected["key"].combine_chunks()))
    sounds = segment_sounds(lake, [day], segments, champion.spec.extractor, zone)
    groups = group_new_sounds(Rejected.among(sounds, champion.recogniser.verdicts(sounds)), champion.background)
    rows = new_sound_rows(name, version, groups)
    mine.write(day, rows, made_from)
    return rows, True


def new_sounds_picture(lake: Lake, day: date, rows: pa.Table) -> bytes:
    """A PNG with the spectrogram of each group's middle."""
    from soundmill.capture.pictures import spectrograms_picture

    first = [(row["examples"].split("\n")[0], f"{row['rank']}: {row['sounds']} sounds") for row in rows.slice(0, _EXAMPLES).to_pylist()]
    paths = lake.read_days(SEGMENTS, [day], columns=["key", "path"])
    by_key = dict(zip(paths["key"].to_pylist(), paths["path"].to_pylist(), strict=True))
    return spectrograms_picture(lake, [(by_key[key], title) for key, title in first if key in by_key])
