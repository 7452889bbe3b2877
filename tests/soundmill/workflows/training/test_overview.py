"""All models at a glance, and the files of a version."""

import io

import pandas as pd
import pytest

from soundmill.catalog import ModelRegistry
from soundmill.errors import NoReport
from soundmill.workflows.training import files_of, models_now, predictions_csv, promote_model, read_report
from tests.home import DAYS, Home


def test_models_are_told_with_their_versions_and_figures(built_home: Home) -> None:
    built_home.define("attic", tags=("kettle",))
    first, second = models_now(built_home.lake, built_home.catalog)
    assert (first.name, second.name) == ("house", "attic")  # the champion's first
    assert second.versions == []
    (version,) = first.versions
    assert version.champion
    assert version.because == "the first model"
    assert version.headline is not None
    assert version.headline.accw is not None
    assert version.intervals == {}  # one recording alone can be drawn in one way
    assert version.spec["train_days"] == [day.isoformat() for day in DAYS[:2]]
    assert version.support == {"doorbell": 8, "kettle": 8, "knocking": 8}


def test_a_version_without_a_report_is_told_without_figures(built_home: Home) -> None:
    built_home.lake.delete("reports/house/1/summary.json")
    built_home.lake.delete("reports/house/1/evaluation.json")
    promote_model(built_home.catalog, "house", "by hand")
    ((version,),) = (one.versions for one in models_now(built_home.lake, built_home.catalog))
    assert (version.headline, version.because) == (None, "by hand")


def test_a_versions_files_can_be_kept_and_its_predictions_are_a_table(built_home: Home) -> None:
    version = ModelRegistry(built_home.catalog).current("house")
    files = files_of(built_home.lake, version)
    assert set(files) == {"card.md", "card.json", "model.skops", "report.html", "evaluation.json"}
    frame = pd.read_csv(io.BytesIO(predictions_csv(built_home.lake, version)))
    result = read_report(built_home.lake, version).evaluation
    assert len(frame) == sum(map(sum, result.confusion))
    assert list(frame.columns) == ["key", "source", "start", "end", "true", "predicted", "nearest", "background", "probability", "margin"]
    counts = pd.crosstab(frame.predicted, frame.true)
    assert counts.loc["kettle", "kettle"] == result.confusion[result.rows.index("kettle")][result.columns.index("kettle")]


def test_a_report_or_a_definition_that_cannot_be_read_hides_no_model(built_home: Home) -> None:
    figures = built_home.lake.read_bytes("reports/house/1/evaluation.json").replace(b"expected_recall", b"promised")
    built_home.lake.write_bytes("reports/house/1/evaluation.json", figures)
    built_home.lake.delete("reports/house/1/summary.json")
    ModelRegistry(built_home.catalog).define("odd", {"wings": 2})
    found = {one.name: one for one in models_now(built_home.lake, built_home.catalog)}
    assert set(found) == {"house", "odd"}
    assert found["house"].versions[0].headline is None
    with pytest.raises(NoReport, match="earlier version of Soundmill"):
        read_report(built_home.lake, ModelRegistry(built_home.catalog).current("house"))


def test_an_old_champion_is_always_among_the_versions(built_home: Home) -> None:
    registry = ModelRegistry(built_home.catalog)
    card = registry.current("house").card
    assert card is not None
    for number in range(31):
        registry.finish("house", registry.begin("house", f"fit {number}").version, card)
    ((one),) = models_now(built_home.lake, built_home.catalog)
    assert len(one.versions) == 31
    assert [version.version for version in one.versions if version.champion] == [1]
