"""From a folder of clips to a model and its report, through the whole graph."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from assets.operations import BEFORE_THE_MODEL
from pipeline.definitions import build_definitions
from pipeline.demo import progress_bars
from pipeline.run import RunFailed, instance_of, materialize
from soundmill.capture import land
from soundmill.capture.landing import LANDING
from soundmill.catalog import TRAINING_CLIPS, Annotations, AudioCollection, ModelRegistry, open_catalog
from soundmill.errors import ClipsRefused, SpecRefused
from soundmill.formats.annotation import Annotation
from soundmill.lake import open_lake
from soundmill.osr.spec import ModelSpec, check_name
from soundmill.settings import Settings
from soundmill.workflows.clips import plan_clips


class TrainingRefused(RuntimeError):
    """Clips that no model can be trained on; why, in one line."""


@dataclass(frozen=True)
class Trained:
    """What came of it: the model's version, facts of its evaluation as the asset gave them, and the page to read."""

    name: str
    version: int
    training_clips: int
    clips: int
    groups: int
    facts: dict[str, Any]
    report: str


def train_on_clips(
    settings: Settings, name: str, folder: Path, groups: Path | None, test_share: float, unknown: Sequence[str], spec: dict[str, Any]
) -> Trained:
    """Lands the clips as the source `name`, labels them by their folders, fits the model and evaluates it on clips of other sources, and
    on classes that stay unknown to it.

    Running it again with the same folder changes nothing. Raises `TrainingRefused`.
    """
    lake, catalog = open_lake(settings.lake_url, settings.s3_endpoint), open_catalog(settings.catalog_url)
    registry, defs = ModelRegistry(catalog), build_definitions(settings)
    with instance_of(settings) as instance, progress_bars() as bars:
        reading = bars.add_task("reading the clips", total=None)
        try:
            check_name(name)
            plan = plan_clips(
                folder,
                settings.start_date,
                groups,
                test_share,
                unknown=unknown,
                progress=lambda done, total: bars.update(reading, completed=done, total=total),
            )
            wanted = ModelSpec.parse(
                {
                    **spec,
                    "tags": plan.tags,
                    "train_days": plan.train_days,
                    "test_days": plan.test_days,
                    "background_days": (),
                    "sources": (name,),
                }
            )
        except (ClipsRefused, SpecRefused) as error:
            raise TrainingRefused(str(error)) from None
        planned = {(clip.start, clip.end, clip.tag) for clip in plan.clips}
        known = {(row.start, row.end, row.tag) for row in Annotations(catalog).of_days(settings.start_date, date.max) if row.source == name}
        if known and known != planned:
            raise TrainingRefused(f"{name!r} was trained on other clips, or clips split in another way: take another name for these")
        for line in plan.unreadable:
            bars.console.print(line, highlight=False, markup=False)
        AudioCollection(catalog).set_apart(f"{LANDING}/{name}/", TRAINING_CLIPS)
        landing = bars.add_task("landing the clips", total=len(plan.clips))
        for clip in plan.clips:
            land(lake, clip.path, name, clip.start)
            bars.advance(landing)
        Annotations(catalog).add(Annotation(name, clip.start, clip.end, clip.tag, "folder") for clip in plan.clips)
        registry.define(name, wanted.model_dump(mode="json"))
        steps = bars.add_task("segments and features", total=2)
        try:
            materialize(defs, instance, BEFORE_THE_MODEL, days=[*plan.train_days, *plan.test_days], log_level="ERROR")
            bars.update(steps, advance=1, description="the recogniser and its evaluation")
            done = materialize(defs, instance, ["osr_model", "evaluation_report"], name=name, log_level="ERROR")
        except RunFailed as error:
            raise TrainingRefused(str(error)) from None
        bars.update(steps, advance=1, description="fitted and evaluated")
    facts = next(one.metadata for one in done if one.asset == "evaluation_report")
    return Trained(name, int(facts["version"]), plan.training_clips, len(plan.clips), plan.groups, facts, str(facts["report"]))
