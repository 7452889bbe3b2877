"""All models at a glance, and the files of a version."""

import io

import pandas as pd

from soundmill.catalog import ModelRegistry
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
    assert version.spec.train_days == DAYS[:2]
    assert version.support == {"doorbell": 8, "kettle": 8, "knocking": 8}


def test_a_version_without_a_report_is_told_without_figures(built_home: Home) -> None:
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
