"""Models from days by use; the routes over HTTP have their tests with the API."""

import pytest

from soundmill.catalog import ModelRegistry
from soundmill.errors import NotEnoughData, SpecRefused
from soundmill.options import TrainingOptions
from soundmill.workflows.training.by_days import by_id, confusion_by_days, fit_by_days, model_id
from tests.home import DAYS, Home

OPTIONS = TrainingOptions()


def test_a_name_that_another_model_has_is_refused_and_a_failed_fit_leaves_none(built_home: Home) -> None:
    lake, catalog = built_home.lake, built_home.catalog
    (known,) = ModelRegistry(catalog).specs()
    with pytest.raises(SpecRefused, match="another model"):
        fit_by_days(lake, catalog, {DAYS[0]: "R"}, ["kettle", "doorbell"], known, OPTIONS)
    with pytest.raises(NotEnoughData):
        fit_by_days(lake, catalog, {DAYS[0]: "R"}, ["whale"], "whales", OPTIONS)
    assert set(ModelRegistry(catalog).specs()) == {known}


def test_background_alone_can_test_a_model(built_home: Home) -> None:
    (version,) = ModelRegistry(built_home.catalog).versions()
    assert by_id(built_home.catalog, model_id(version)) == version
    found = confusion_by_days(built_home.lake, built_home.catalog, version, {DAYS[2]: "Be"}, OPTIONS)
    assert found.columns == ["other"]
    assert found.rows[-1] == "other"
    assert found.counts[-1][0] > 0.8 * sum(row[0] for row in found.counts)
