"""Evaluation: a version on its test days, as figures, pictures and an HTML page that stands alone."""

import logging
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from soundmill.catalog import AudioCollection, Catalog, ModelRegistry, ModelVersion
from soundmill.errors import DataLeakage, NotEnoughData
from soundmill.lake import Lake
from soundmill.options import TrainingOptions
from soundmill.osr.spec import ModelSpec
from soundmill.osr.splits import Leak
from soundmill.workflows.training.data import TrainingData
from soundmill.workflows.training.models import days_of, load_version, report_folder
from soundmill.workflows.training.promotion import consider_promotion
from soundmill.workflows.training.reports import report_of, write_report

if TYPE_CHECKING:
    from soundmill.osr.evaluation import Evaluation, HeldOut, Predictions, Stream
    from soundmill.osr.novelty import NewSound
    from soundmill.osr.recogniser import Recogniser
    from soundmill.osr.sounds import Sounds

log = logging.getLogger("soundmill.training")
NEW_SHOWN = 12  # groups of new sounds in a report


@dataclass(frozen=True)
class Evaluated:
    """What an evaluation found. `pictures`: PNGs by name; `report`: the page's path in the lake; `promotion`: what became of the version's
    candidacy, in words; `below_expectation`: recall and expected recall of the tags whose recall stays 0.05 under it."""

    version: ModelVersion
    test_days: tuple[date, ...]
    result: "Evaluation"
    pictures: dict[str, bytes]
    report: str
    promotion: str
    below_expectation: dict[str, str]


def evaluate_model(lake: Lake, catalog: Catalog, name: str, options: TrainingOptions) -> Evaluated:
    """Evaluates the version of the model's newest fit on its test days, stores the report, and promotes it where it is better.

    Raises `UnknownModel`, `NotEnoughData`, `DataLeakage`, `MissingFeatures`, `NotInLake`, `UntrustedModel`.
    """
    from soundmill.osr.report import playable, report_html, report_pictures

    version = ModelRegistry(catalog).current(name)
    card = version.card or {}
    apart = AudioCollection(catalog).sources_apart()
    data = TrainingData(lake, ModelSpec.parse(card["spec"]), options.zone, days_of(card), apart)
    if not data.days.test:
        raise NotEnoughData(f"the model {name!r} has no test days: annotate another day, or define it with --test-days")
    has_leaks = refuse_leaks(data)
    model, test, predictions, result, fresh = run_on_test_days(lake, version, data)
    promotion = consider_promotion(lake, catalog, version, (model, test), data, options, has_leaks=has_leaks)
    log.info("drawing the report")
    pictures = report_pictures(model, result)
    wanted = [example.key for example in result.worst] + [key for one in fresh[:NEW_SHOWN] for key in one.examples]
    tested_days = tuple(sorted({*data.days.test, *data.test_background_days}))
    sounds = {key: playable(*found) for key, found in data.audio(wanted, tested_days).items()}
    folder = report_folder(version)
    write_report(lake, version, report_of(data, model, predictions, result, fresh, promotion))
    for picture_name, png in pictures.items():
        lake.write_if_changed(f"{folder}/{picture_name}.png", png)
    report = f"{folder}/report.html"
    lake.write_if_changed(report, report_html(result, card, pictures, sounds, fresh[:NEW_SHOWN], promotion).encode())
    below = {
        tag: f"{row.recall:.2f} of {row.expected_recall:.2f}"
        for tag, row in result.tags.items()
        if row.recall is not None and row.expected_recall is not None and row.recall < row.expected_recall - 0.05
    }
    return Evaluated(version, data.days.test, result, pictures, report, promotion, below)


def describe_leaks(leaks: list[Leak]) -> str:
    """Which test sounds are copies of training sounds, and what to do about it, in a sentence."""
    shown = "; ".join(f"{leak.test} is {leak.training} ({leak.likeness:.2f})" for leak in leaks[:3])
    return f"{len(leaks)} test sounds are copies of training sounds: {shown}. Name other days, or define the model with --allow-duplicates"


def refuse_leaks(data: TrainingData, learned: TrainingData | None = None) -> bool:
    """Whether test sounds are copies of training sounds, as `TrainingData.leaks` finds them, where the specification allows copies.

    Raises `DataLeakage` where it does not.
    """
    leaks = data.leaks(learned)
    if leaks and not data.spec.allow_duplicates:
        raise DataLeakage(describe_leaks(leaks))
    return bool(leaks)


class Tested(NamedTuple):
    """A version on test days; `fresh`: groups among what it called "other" that are unlike its background."""

    model: "Recogniser"
    test: "HeldOut"
    predictions: "Predictions"
    result: "Evaluation"
    fresh: "list[NewSound]"


def run_on_test_days(lake: Lake, version: ModelVersion, data: TrainingData) -> Tested:
    """What the version makes of the test days' labelled sounds, of their background, and of all of their audio.

    Raises `MissingFeatures`, `NotInLake`, `UntrustedModel`.
    """
    from soundmill.osr.evaluation import HeldOut, Predictions, evaluate

    model = load_version(lake, version)
    streams, fresh = listen(model, data, data.background_for((version.card or {})["data"]["support"]))
    test = HeldOut(data.tagged(), *data.test_background(), streams)
    predictions = Predictions.of(model, test)
    return Tested(model, test, predictions, evaluate(model, test, predictions), fresh)


def listen(model: "Recogniser", data: TrainingData, background: "Sounds") -> "tuple[list[Stream], list[NewSound]]":
    """The test days as detections would have them, a source and day at a time, and groups among what was called "other" that are unlike
    the background that the model was trained on."""
    from soundmill.osr.evaluation import Stream
    from soundmill.osr.novelty import MOST_SOUNDS, Rejected, group_new_sounds

    streams, rejected = [], []
    for starts, seconds, sounds, events in data.streams():
        verdicts = model.verdicts(sounds)
        streams.append(Stream(starts, seconds, verdicts.names, events))
        known = [event for event in events if event.tag in model.tags_]
        spans = zip(starts, seconds, strict=True)
        missed = [any(event.onset < start + length and event.offset > start for event in known) for start, length in spans]
        rejected.append(Rejected.among(sounds, verdicts, missed))
        kept = sum(len(part.keys) for part in rejected)
        if kept > MOST_SOUNDS:  # thinned evenly, so that a month takes no more memory than a day
            rejected = [part.thinned(MOST_SOUNDS / kept / 2) for part in rejected]
    return streams, group_new_sounds(Rejected.joined(rejected), background.pooled()) if rejected else []
