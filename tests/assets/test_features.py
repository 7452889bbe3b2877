"""Features as assets."""

import pytest

from pipeline.run import RunFailed
from resources import CollectionResource
from soundmill.catalog import ModelRegistry
from tests.home import DAYS, Home, build


def test_a_model_of_another_extractor_is_fitted_on_its_vectors(local_home: Home) -> None:
    local_home.resources["collection"] = CollectionResource(extractors=["pooled_spectral", "loudest_frames"])
    local_home.rebuild()
    build(local_home)
    local_home.define("original", extractor="loudest_frames", train_days=DAYS[:2], test_days=DAYS[2:])
    facts = local_home.run("osr_model", "evaluation_report", model="original")["evaluation_report", "original"]
    assert facts["closed_accuracy"] > 0.8
    card = ModelRegistry(local_home.catalog).current("original").card
    assert card is not None
    assert (card["spec"]["recogniser"], card["spec"]["least_recall"], card["spec"]["time_of_day"]) == ("gaussian_votes", 0.6, True)
    assert len(set(card["thresholds"].values())) == 3  # one for each tag


def test_missing_features_are_named_with_their_day(local_home: Home) -> None:
    local_home.land_day(DAYS[0])
    local_home.run("annotations", days=DAYS[:1])
    local_home.define(train_days=DAYS[:1], test_days=DAYS[1:])
    with pytest.raises(RunFailed, match=r"annotation_features of pooled_spectral is missing for 2025-01-01: materialise"):
        local_home.run("osr_model", model="house")
