"""What an evaluation leaves: figures, every test sound with its verdict, groups of new sounds."""

import json

import pytest

from soundmill.catalog import ModelRegistry
from soundmill.errors import NoReport
from soundmill.options import TrainingOptions
from soundmill.workflows.training import evaluate_model, read_report
from tests.home import DAYS, Home


def test_each_test_sound_has_its_place_and_its_verdict(built_home: Home) -> None:
    version = ModelRegistry(built_home.catalog).current("house")
    report = read_report(built_home.lake, version)
    assert report.test_days == report.background_days == [DAYS[2]]
    assert report.promotion.startswith("is the champion")
    result, sounds = report.evaluation, report.sounds()
    assert len(sounds) == sum(map(sum, result.confusion))
    for down, row in enumerate(result.rows):
        for across, column in enumerate(result.columns):
            there = [one for one in sounds if (one.predicted, one.true) == (row, column)]
            assert len(there) == result.confusion[down][across]
    assert all(one.start.date() == DAYS[2] and one.source == "mic" and one.end > one.start for one in sounds)
    assert len(report.sounds(most=1)) == sum(number > 0 for row in result.confusion for number in row)
    figures = report.operating_points()
    assert set(figures) == set(result.tags)


def test_a_report_of_an_earlier_version_of_soundmill_opens_without_its_sounds(built_home: Home) -> None:
    version = ModelRegistry(built_home.catalog).current("house")
    folder = "reports/house/1"
    built_home.lake.delete(f"{folder}/predictions.parquet")
    built_home.lake.delete(f"{folder}/new_sounds.json")
    figures = json.loads(built_home.lake.read_bytes(f"{folder}/evaluation.json"))
    for name in ("hours", "promotion", "test_days", "background_days"):
        del figures[name]
    built_home.lake.write_bytes(f"{folder}/evaluation.json", json.dumps(figures).encode())
    report = read_report(built_home.lake, version)
    assert (report.table, report.sounds(), report.operating_points(), report.new_sounds) == (None, [], {}, [])
    assert report.evaluation.tags["kettle"].support == 4
    evaluate_model(built_home.lake, built_home.catalog, "house", TrainingOptions())
    assert read_report(built_home.lake, version).sounds()


def test_a_version_that_was_not_evaluated_says_what_to_do(built_home: Home) -> None:
    for entry in list(built_home.lake.files("reports/house")):
        built_home.lake.delete(entry.path)
    with pytest.raises(NoReport, match="soundmill materialize evaluation_report --model house"):
        read_report(built_home.lake, ModelRegistry(built_home.catalog).current("house"))
