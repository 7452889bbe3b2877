"""Definitions of models: new ones, copies, changes, moved thresholds; and labels made of a group of new sounds."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import Any

from soundmill.catalog import Annotations, Box, Catalog, Labels, ModelRegistry, ModelVersion, Submission
from soundmill.errors import SpecRefused, UnknownModel
from soundmill.lake import Lake
from soundmill.osr.spec import ModelSpec, check_name, with_extractor
from soundmill.workflows.training.reports import SoundPlace, read_report


@dataclass(frozen=True)
class Definition:
    """A model as it is defined, since when, and another one with the same specification, empty where there is none."""

    name: str
    spec: ModelSpec
    defined_at: datetime
    same_as: str = ""


def definition(catalog: Catalog, name: str) -> Definition:
    """A model's definition. Raises `UnknownModel`."""
    registry = ModelRegistry(catalog)
    stored = registry.spec(name)
    defined = registry.defined()
    if name not in defined:
        raise UnknownModel(f"no model is called {name!r}")
    same = next((other for other, (spec, _) in defined.items() if other != name and spec == stored), "")
    return Definition(name, ModelSpec.parse(stored), defined[name][1], same)


def define_model(
    catalog: Catalog,
    name: str,
    values: Mapping[str, Any],
    extractors: Sequence[str],
    since: datetime | None = None,
    *,
    is_new: bool = False,
) -> Definition:
    """Defines a model, or changes its definition; the pipeline fits it.

    `extractors` are those that are run here, of which the first is taken where `values` name none. `is_new` refuses a name that a model
    has; `since` is when the definition that is changed was made, and refuses a change over somebody else's. Raises `SpecRefused`,
    `UnknownModel`, `DefinitionChanged`.
    """
    spec = ModelSpec.parse(with_extractor(values, extractors[0]))
    check_name(name)
    if spec.extractor not in extractors:
        raise SpecRefused(f"{spec.extractor!r} is not among the extractors run here: {', '.join(extractors)} (SOUNDMILL_EXTRACTORS)")
    known = Annotations(catalog).tags()
    if known and (unknown := sorted(set(spec.tags) - set(known))):
        raise SpecRefused(_no_such_tag(unknown, known))
    registry, stored = ModelRegistry(catalog), spec.model_dump(mode="json")
    if is_new:
        registry.define_new(name, stored)
    elif since is not None:
        registry.redefine(name, stored, since)
    else:
        registry.define(name, stored)
    return definition(catalog, name)


def copy_model(catalog: Catalog, name: str, to: str) -> Definition:
    """Defines another model as one is defined. Raises `UnknownModel`, `SpecRefused`."""
    registry = ModelRegistry(catalog)
    registry.define_new(check_name(to), registry.spec(name))
    return definition(catalog, to)


def move_thresholds(catalog: Catalog, version: ModelVersion, by: Mapping[str, float]) -> Definition:
    """Saves thresholds, each moved by so much from where the version has it, as settings of its model: the next fit has them.

    Raises `SpecRefused` where it does not know a tag, or is not what its model's definition gives.
    """
    card = version.card or {}
    if unknown := sorted(set(by) - set(card.get("tags", ()))):
        raise SpecRefused(f"{version.name} {version.version} was not trained on {', '.join(unknown)}")
    known = definition(catalog, version.name)
    if known.spec != ModelSpec.parse(card["spec"]):
        raise SpecRefused(
            f"{version.name} has been defined anew since version {version.version} was fitted: move the thresholds of its newest version"
        )
    offsets = {tag: round(known.spec.threshold_offsets.get(tag, 0.0) + by.get(tag, 0.0), 4) for tag in card["tags"]}
    stored = ModelSpec.parse({**known.spec.model_dump(), "threshold_offsets": {tag: one for tag, one in offsets.items() if one}})
    ModelRegistry(catalog).redefine(version.name, stored.model_dump(mode="json"), known.defined_at)
    return definition(catalog, version.name)


def tag_group(
    lake: Lake, catalog: Catalog, version: ModelVersion, rank: int, tag: str, by: str, keys: Collection[str] | None = None
) -> int:
    """Makes labels of a group of new sounds in a version's report, of all of it or of some keys; returns how many are new.

    Raises `NoReport`, `SpecRefused`.
    """
    group = next((one for one in read_report(lake, version).new_sounds if one.rank == rank), None)
    if group is None:
        raise SpecRefused(f"the report of {version.name} {version.version} has no group {rank} of new sounds")
    chosen = [one for one in group.members if keys is None or one.key in keys]
    return tag_sounds(catalog, chosen, tag, by, f"group {rank} of the new sounds of {version.name} {version.version}")


def tag_sounds(catalog: Catalog, sounds: Sequence[SoundPlace], tag: str, by: str, note: str) -> int:
    """Labels sounds with a tag, as somebody's own; returns how many labels are new. Raises `SpecRefused`."""
    if not sounds:
        raise SpecRefused("no sound is chosen: choose those that are to have the tag")
    by_source: dict[str, list[Box]] = {}
    for one in sounds:
        by_source.setdefault(one.source, []).append(Box(one.start, one.end, tag, note=note))
    labels, changed = Labels(catalog), 0
    try:
        for source, boxes in sorted(by_source.items()):
            span = min(box.start for box in boxes), max(box.end for box in boxes)
            changed += labels.submit(Submission(by, source, *span, tuple(boxes), "add"))[1]
    except ValueError as error:
        raise SpecRefused(str(error)) from None
    return changed


def _no_such_tag(unknown: list[str], known: list[str]) -> str:
    """What is said of tags that no label has: the nearest that one has."""
    close = {tag: get_close_matches(tag, known, 1) for tag in unknown}
    named = ", ".join(f"{tag!r}" + (f" (did you mean {found[0]!r}?)" if found else "") for tag, found in close.items())
    return f"no label has the tag {named}; there are {', '.join(known)}"
