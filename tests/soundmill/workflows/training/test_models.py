"""Model versions in the registry and in the lake at once."""

from dataclasses import replace

import pytest

from soundmill.catalog import ModelRegistry, lease
from soundmill.errors import LeaseLost, NotInLake, UnknownModel, UntrustedModel
from soundmill.workflows.training.models import (
    days_of,
    delete_model,
    is_demo,
    load_version,
    model_path,
    promote_model,
    report_folder,
)
from tests.home import DAYS, Home


def test_a_version_is_loaded_from_where_it_lies(built_home: Home) -> None:
    version = ModelRegistry(built_home.catalog).current("house")
    assert (model_path(version), report_folder(version)) == ("models/house/1/model.skops", "reports/house/1")
    assert load_version(built_home.lake, version).tags_ == ["doorbell", "kettle", "knocking"]
    assert days_of(version.card or {}).test == DAYS[2:]
    with pytest.raises(NotInLake):
        load_version(built_home.lake, replace(version, version=9))
    built_home.lake.write_bytes(model_path(version), b"not a model")
    with pytest.raises(UntrustedModel):
        load_version(built_home.lake, version)


def test_deleting_a_model_takes_its_files_and_leaves_reports_and_namesakes(built_home: Home) -> None:
    lake = built_home.lake
    lake.write_bytes("models/house-2/1/model.skops", b"another's")
    (gone,) = delete_model(lake, built_home.catalog, "house")
    assert [entry.path for entry in lake.files("models")] == ["models/house-2/1/model.skops"]
    assert lake.exists(f"{report_folder(gone)}/report.html")
    assert ModelRegistry(built_home.catalog).champion() is None
    with pytest.raises(UnknownModel):
        delete_model(lake, built_home.catalog, "house")


def test_promoting_takes_the_newest_fit_unless_told_otherwise(built_home: Home) -> None:
    promoted = promote_model(built_home.catalog, "house", "it is the only one")
    assert (promoted.version, promoted.promoted_because) == (1, "it is the only one")
    with pytest.raises(UnknownModel):
        promote_model(built_home.catalog, "house", "no", version=7)


def test_the_demo_s_models_are_known_by_their_name() -> None:
    assert (is_demo("demo"), is_demo("demo-clips"), is_demo("mydemo")) == (True, True, False)


def test_a_model_is_not_deleted_under_its_fit(built_home: Home) -> None:
    with lease(built_home.catalog, "osr_model/house"), pytest.raises(LeaseLost, match="is being fitted: delete it when its run has ended"):
        delete_model(built_home.lake, built_home.catalog, "house")
    assert set(ModelRegistry(built_home.catalog).specs()) == {"house"}
    delete_model(built_home.lake, built_home.catalog, "house")
