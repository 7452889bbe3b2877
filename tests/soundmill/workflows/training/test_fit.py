"""Fitting: the same specification on the same data is the same version."""

import hashlib
import json

import numpy as np
import pytest

from soundmill.catalog import ModelRegistry
from soundmill.errors import NotEnoughData, UnknownModel
from soundmill.options import TrainingOptions
from soundmill.workflows.training.data import TrainingData
from soundmill.workflows.training.fit import train_model
from soundmill.workflows.training.models import load_version, model_folder, model_path
from tests.home import DAYS, Home

OPTIONS = TrainingOptions()


def test_nothing_is_fitted_twice_and_a_file_that_is_gone_is_made_again(built_home: Home) -> None:
    lake, catalog = built_home.lake, built_home.catalog
    same = train_model(lake, catalog, "house", OPTIONS)
    assert (same.fresh, same.version.version, same.is_champion) == (False, 1, True)
    tested = TrainingData(lake, same.spec, OPTIONS.zone).tagged()
    before = load_version(lake, same.version).verdicts(tested)
    lake.delete(model_path(same.version))
    again = train_model(lake, catalog, "house", OPTIONS)
    assert (again.fresh, again.version.version) == (True, 1)
    np.testing.assert_array_equal(load_version(lake, again.version).verdicts(tested).margins, before.margins)


def test_another_specification_is_another_version_with_a_card_of_its_own(built_home: Home) -> None:
    built_home.define("house", train_days=DAYS[:2], test_days=DAYS[2:], tags=("doorbell", "kettle"))
    fitted = train_model(built_home.lake, built_home.catalog, "house", OPTIONS)
    assert (fitted.fresh, fitted.version.version, fitted.is_champion) == (True, 2, False)
    assert fitted.card["tags"] == ["doorbell", "kettle"]
    assert fitted.version.card == fitted.card
    card = json.loads(built_home.lake.read_bytes(f"{model_folder(fitted.version)}/card.json"))
    assert card == json.loads(json.dumps(fitted.card))
    assert card["sha256"] == hashlib.sha256(built_home.lake.read_bytes(model_path(fitted.version))).hexdigest()
    assert ModelRegistry(built_home.catalog).current("house").version == 2


def test_what_cannot_be_fitted_leaves_no_version(built_home: Home) -> None:
    with pytest.raises(UnknownModel):
        train_model(built_home.lake, built_home.catalog, "nobody", OPTIONS)
    built_home.define("whales", tags=("whale",))
    with pytest.raises(NotEnoughData):
        train_model(built_home.lake, built_home.catalog, "whales", OPTIONS)
    champion = ModelRegistry(built_home.catalog).champion()
    assert champion is not None
    assert champion.name == "house"
