"""What an evaluation leaves for people to look through: its figures, every test sound with its verdict, and groups of new sounds."""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import TypeAdapter, ValidationError

from soundmill.catalog import ModelVersion
from soundmill.errors import NoReport, NotInLake
from soundmill.lake import Lake
from soundmill.osr.evaluation import Evaluation, Headline, Predictions
from soundmill.osr.predictions import OperatingPoints, operating_points, prediction_table
from soundmill.workflows.training.data import TrainingData
from soundmill.workflows.training.models import report_folder

if TYPE_CHECKING:
    from soundmill.osr.novelty import NewSound
    from soundmill.osr.recogniser import Recogniser

_MOST_IN_A_CELL = 200
_PREDICTIONS, _NEW_SOUNDS, _FIGURES, _SUMMARY = "predictions.parquet", "new_sounds.json", "evaluation.json", "summary.json"


@dataclass(frozen=True)
class SoundPlace:
    """A sound by its key, source, and start and end in UTC."""

    key: str
    source: str
    start: datetime
    end: datetime


@dataclass(frozen=True)
class PredictedSound(SoundPlace):
    """A test sound: what it is, what was predicted, how probable that is, and the margin of the tag that is nearest."""

    true: str
    predicted: str
    probability: float | None
    margin: float


@dataclass(frozen=True)
class NewGroup:
    """A group of alike sounds that were called "other"; `members` the most typical first, fewer than `sounds` where these were sampled."""

    rank: int
    sounds: int
    novelty: float
    nearest: str
    compactness: float
    members: list[SoundPlace]


@dataclass(frozen=True)
class Summary:
    """The figures of an evaluation by which models are compared, with 95 % intervals, and what became of the model's candidacy."""

    headline: Headline
    intervals: dict[str, tuple[float, float]]
    promotion: str


@dataclass(frozen=True)
class Report:
    """An evaluation. `table` has a row for each test sound, None where the evaluation is of a version of Soundmill that kept none;
    `promotion` says what became of the model's candidacy. `votes`: vectors vote for a name, so that no single threshold decides."""

    test_days: list[date]
    background_days: list[date]
    promotion: str
    evaluation: Evaluation
    new_sounds: list[NewGroup] = field(default_factory=list)
    table: pa.Table | None = None
    votes: bool = False

    def sounds(self, most: int = _MOST_IN_A_CELL) -> list[PredictedSound]:
        """Test sounds, of each cell of the confusion matrix at most so many, those with the most probable verdicts first."""
        if self.table is None:
            return []
        counts: dict[tuple[str, str], int] = {}
        found = []
        for sound in sorted(map(_predicted_sound, self.table.to_pylist()), key=_by_certainty):
            cell = sound.predicted, sound.true
            counts[cell] = counts.get(cell, 0) + 1
            if counts[cell] <= most:
                found.append(sound)
        return found

    def operating_points(self) -> dict[str, OperatingPoints]:
        """By tag what its threshold would give, wherever it is put; nothing where vectors vote."""
        if self.table is None or self.votes:
            return {}
        return {tag: operating_points(self.table, tag, self.evaluation.background_hours) for tag in self.evaluation.tags}


def report_of(
    data: TrainingData,
    model: "Recogniser",
    predictions: Predictions,
    result: Evaluation,
    new_sounds: "Sequence[NewSound]" = (),
    promotion: str = "",
) -> Report:
    """The report of an evaluation on the test days of some data."""
    keys = {*map(str, predictions.keys), *(key for one in new_sounds for key in one.members)}
    places = data.places(data.days.test, data.test_background_days, keys)
    groups = [
        NewGroup(
            rank,
            one.sounds,
            one.novelty,
            one.nearest,
            one.compactness,
            [SoundPlace(key, *places[key]) for key in one.members if key in places],
        )
        for rank, one in enumerate(new_sounds, 1)
    ]
    table = prediction_table(predictions, model.tags_, places)
    days = list(data.days.test), list(data.test_background_days)
    return Report(*days, promotion, result, groups, table, _votes(data.spec.recogniser))


def write_report(lake: Lake, version: ModelVersion, report: Report) -> None:
    """Stores a version's report."""
    assert report.table is not None
    folder, file = report_folder(version), io.BytesIO()
    pq.write_table(report.table, file, compression="zstd")
    lake.write_if_changed(f"{folder}/{_PREDICTIONS}", file.getvalue())
    groups = TypeAdapter(list[NewGroup]).dump_python(report.new_sounds, mode="json")
    lake.write_if_changed(f"{folder}/{_NEW_SOUNDS}", json.dumps(groups, indent=1).encode())
    days = {"test_days": report.test_days, "background_days": report.background_days}
    figures = {**report.evaluation.as_json(), "promotion": report.promotion, **{name: list(map(str, of)) for name, of in days.items()}}
    lake.write_if_changed(f"{folder}/{_FIGURES}", json.dumps(figures, indent=1).encode())
    short = TypeAdapter(Summary).dump_json(Summary(report.evaluation.headline, report.evaluation.intervals, report.promotion), indent=1)
    lake.write_if_changed(f"{folder}/{_SUMMARY}", short)


def read_summary(lake: Lake, version: ModelVersion) -> Summary:
    """The figures of a version's report by which it is compared. Raises `NoReport`."""
    try:
        return TypeAdapter(Summary).validate_json(lake.read_bytes(f"{report_folder(version)}/{_SUMMARY}"))
    except (NotInLake, ValidationError):  # evaluated before there were any
        report = read_report(lake, version)
        return Summary(report.evaluation.headline, report.evaluation.intervals, report.promotion)


def read_report(lake: Lake, version: ModelVersion) -> Report:
    """A version's report. Raises `NoReport` where it has not been evaluated, or by an earlier version of Soundmill."""
    folder = report_folder(version)
    try:
        figures: dict[str, Any] = json.loads(lake.read_bytes(f"{folder}/{_FIGURES}"))
    except NotInLake:
        raise NoReport(
            f"{version.name} {version.version} has not been evaluated (yet): the pipeline does it after each fit, or by hand "
            f"`soundmill materialize evaluation_report --model {version.name}`"
        ) from None
    table, groups = None, []
    try:
        table = pq.read_table(pa.BufferReader(lake.read_bytes(f"{folder}/{_PREDICTIONS}")))
        groups = TypeAdapter(list[NewGroup]).validate_json(lake.read_bytes(f"{folder}/{_NEW_SOUNDS}"))
    except NotInLake:
        pass  # evaluated before these were kept
    days = [[date.fromisoformat(day) for day in figures.get(name, [])] for name in ("test_days", "background_days")]
    try:
        evaluation = TypeAdapter(Evaluation).validate_python(figures)
    except ValidationError:
        name = f"{version.name} {version.version}"
        raise NoReport(f"{name} was evaluated by an earlier version of Soundmill: materialise evaluation_report again") from None
    votes = _votes((version.card or {}).get("spec", {}).get("recogniser", ""))
    return Report(days[0], days[1], figures.get("promotion", ""), evaluation, groups, table, votes)


def _votes(recogniser: str) -> bool:
    return recogniser == "gaussian_votes"


def _predicted_sound(row: dict[str, Any]) -> PredictedSound:
    margin = max(row["margins"], default=0.0)
    return PredictedSound(
        row["key"],
        row["source"],
        row["start"],
        row["end"],
        row["true"],
        row["predicted"],
        row["probability"],
        float(np.clip(margin, -99, 99)),
    )


def _by_certainty(sound: PredictedSound) -> tuple[float, str]:
    return -(sound.margin if sound.probability is None else sound.probability), sound.key
