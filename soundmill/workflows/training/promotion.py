"""Promotion: a version against the champion, on test days new to both."""

import json
import logging
from typing import TYPE_CHECKING

from soundmill.catalog import Catalog, ModelRegistry, ModelVersion, lease
from soundmill.errors import ExtractorUnavailable, MissingFeatures, NotInLake, SpecRefused, UnknownExtractor, UntrustedModel
from soundmill.lake import Lake
from soundmill.options import TrainingOptions
from soundmill.osr.spec import ModelSpec
from soundmill.workflows.training.data import TrainingData
from soundmill.workflows.training.models import is_demo, load_version, report_folder

if TYPE_CHECKING:
    from soundmill.osr.evaluation import HeldOut
    from soundmill.osr.promotion import Comparison
    from soundmill.osr.recogniser import Recogniser

log = logging.getLogger("soundmill.training")
_LONGEST_COMPARISON = 3600  # seconds: for another model's comparison to end


def consider_promotion(
    lake: Lake,
    catalog: Catalog,
    challenger: ModelVersion,
    tested: "tuple[Recogniser, HeldOut]",
    data: TrainingData,
    options: TrainingOptions,
    *,
    has_leaks: bool,
) -> str:
    """Promotes a challenger that is better beyond chance; says in words what became of it. One comparison at a time."""
    registry = ModelRegistry(catalog)
    with lease(catalog, "promotion", wait=_LONGEST_COMPARISON):
        champion = registry.champion()
        if champion is None or champion.card is None or challenger.card is None:
            return "there is no champion"
        if (champion.name, champion.version) == (challenger.name, challenger.version):
            return f"is the champion: {champion.promoted_because}"
        against = f"against {champion.name} {champion.version}"
        if reason := _why_not(champion, challenger, has_leaks):
            return f"not compared {against}: {reason}"
        try:
            result = _compare(lake, champion, tested, data, options)
        except (MissingFeatures, NotInLake, UntrustedModel, ExtractorUnavailable, UnknownExtractor, SpecRefused) as error:
            return f"not compared {against}: {error}"
        if result is None:
            return f"not compared {against}: the test days hold too little to tell"
        path = f"{report_folder(challenger)}/against_{champion.name}_{champion.version}.json"
        lake.write_if_changed(path, json.dumps(result.as_json(), indent=1).encode())
        if not result.promote:
            return f"stays a challenger {against}: {result.because}"
        if not options.promote_automatically:
            return f"would be promoted {against}: {result.because}; SOUNDMILL_PROMOTE_AUTOMATICALLY is off"
        registry.promote(challenger.name, challenger.version, f"better than {champion.name} {champion.version}: {result.because}")
        log.info("%s %d is the champion now: %s", challenger.name, challenger.version, result.because)
        return f"promoted {against}: {result.because}"


def _why_not(champion: ModelVersion, challenger: ModelVersion, has_leaks: bool) -> str | None:
    """Why two versions are not compared; None where they are."""
    from soundmill.osr.promotion import may_compete

    if is_demo(challenger.name):
        return "the demo's models promote themselves"
    if has_leaks:
        return "it was trained on copies of test sounds"
    return may_compete(champion.card or {}, challenger.card or {})


def _compare(
    lake: Lake, champion: ModelVersion, tested: "tuple[Recogniser, HeldOut]", data: TrainingData, options: TrainingOptions
) -> "Comparison | None":
    """Both on the same test days, each with its own features."""
    from soundmill.osr.evaluation import HeldOut
    from soundmill.osr.promotion import compare

    same_ground = {**(champion.card or {})["spec"], "sources": data.spec.sources, "seed": data.spec.seed}
    rival = TrainingData(lake, ModelSpec.parse(same_ground), options.zone, data.days, data.apart)
    theirs = load_version(lake, champion), HeldOut(rival.tagged(), *rival.test_background())
    return compare(theirs, tested, options.promotion_margin)
