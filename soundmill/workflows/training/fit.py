"""Fitting: the same specification on the same data is the same version, and nothing is fitted twice."""

import hashlib
import json
import logging
from dataclasses import dataclass
from typing import Any

from soundmill.catalog import Annotations, AudioCollection, Catalog, ModelRegistry, ModelVersion, lease
from soundmill.labelling.spec import AUTHOR
from soundmill.lake import Lake
from soundmill.options import TrainingOptions
from soundmill.osr.spec import CODE, ModelSpec
from soundmill.osr.splits import Leak
from soundmill.workflows.training.data import TrainingData
from soundmill.workflows.training.models import is_demo, model_folder, model_path

log = logging.getLogger("soundmill.training")


@dataclass(frozen=True)
class Fitted:
    """What a training did. `fresh`: it was fitted now, and not before; `leaks`: test sounds that are copies of training sounds."""

    version: ModelVersion
    spec: ModelSpec
    card: dict[str, Any]
    fresh: bool
    leaks: list[Leak]
    is_champion: bool


def train_model(lake: Lake, catalog: Catalog, name: str, options: TrainingOptions) -> Fitted:
    """Fits the model `name` as it is defined in the registry, and stores it with its card; the first of one's own is the champion.

    Raises `UnknownModel`, `SpecRefused`, `NotEnoughData`, `MissingFeatures`.
    """
    registry = ModelRegistry(catalog)
    with lease(catalog, f"osr_model/{name}"):
        spec = ModelSpec.parse(registry.spec(name))
        rounds = Annotations(catalog).marks_by_author(AUTHOR)
        data = TrainingData(lake, spec, options.zone, apart=AudioCollection(catalog).sources_apart())
        version = registry.begin(name, data.fingerprint(f"{spec.recogniser} {CODE[spec.recogniser]}"))
        fresh = version.card is None or not lake.exists(model_path(version))
        earlier = [one for one in registry.versions(name) if one.card and one.version < version.version]
        card = _fit(lake, version, data, rounds, earlier[-1] if earlier else None) if fresh else version.card or {}
        if fresh:
            registry.finish(name, version.version, card)
        leaks = data.leaks()
        registry.set_current(name, version.version)
        before = registry.champion()
        if before is not None and is_demo(before.name) and not is_demo(name):
            registry.promote(name, version.version, "the first model of one's own, in place of the demo's")
    version, champion = registry.current(name), registry.champion()
    is_champion = champion is not None and (champion.name, champion.version) == (name, version.version)
    return Fitted(version, spec, card, fresh, leaks, is_champion)


def _fit(lake: Lake, version: ModelVersion, data: TrainingData, rounds: dict[str, str], earlier: ModelVersion | None) -> dict[str, Any]:
    """Fits, stores the model and its card, and returns the card, which also tells what the version before learned from."""
    from soundmill.features.registry import extractor
    from soundmill.osr.card import card_markdown, model_card
    from soundmill.osr.recogniser import dump_model, recogniser

    training, support, groups = data.training_sounds()
    background = data.background_for(support)
    log.info(
        "fitting %s version %d to %d pieces of %d labelled sounds (%d tags), and %d of background",
        version.name,
        version.version,
        len(training),
        sum(support.values()),
        len(support),
        len(background),
    )
    blocks = [size for _, size in extractor(data.spec.extractor).groups]
    model = recogniser(data.spec, blocks).fit(training, background if len(background) else None)
    facts = {
        "train_days": [day.isoformat() for day in data.days.train],
        "test_days": [day.isoformat() for day in data.days.test],
        "background_days": [day.isoformat() for day in data.days.background],
        "support": {tag: support.get(tag, 0) for tag in model.tags_},
        "from_rounds": data.from_rounds(),
        "rounds": rounds,  # as they were: when one of them changes, the model is fitted again
        "earlier": {"version": earlier.version, "support": (earlier.card or {})["data"]["support"]} if earlier else None,
        "sounds": len(training),
        "groups": len(set(training.groups)),
        "groups_are": groups,
        "background_segments": len(background),
        "timezone": data.zone.key,
    }
    card = model_card(version.name, version.version, version.fingerprint, data.spec, model, facts)
    with lake.writer(model_path(version)) as file:
        dump_model(model, file)
    card["sha256"] = hashlib.sha256(lake.read_bytes(model_path(version))).hexdigest()
    lake.write_bytes(f"{model_folder(version)}/card.json", json.dumps(card, indent=1).encode())
    lake.write_bytes(f"{model_folder(version)}/card.md", card_markdown(card).encode())
    return card
