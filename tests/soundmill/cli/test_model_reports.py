"""soundmill model: what is looked at before and after a fit."""

import json
from pathlib import Path

import pytest

from soundmill.catalog import Annotations, ModelRegistry
from soundmill.options import TrainingOptions
from soundmill.workflows.training import read_report, train_model
from tests.command import Command
from tests.home import DAYS, Home

ISO = [day.isoformat() for day in DAYS]


@pytest.fixture
def command(built_home: Home, tmp_path: Path) -> Command:
    return Command(tmp_path / "built")


def test_days_a_split_and_what_stands_against_a_definition(command: Command) -> None:
    assert command("model", "days").splitlines()[0].startswith(f"{ISO[0]}  ")
    assert json.loads(command("model", "days", "--json"))[0]["tags"] == {"doorbell": 4, "kettle": 4, "knocking": 4}
    split = json.loads(command("model", "suggest", "--json"))
    assert sorted([*split["train_days"], *split["test_days"]]) == ISO
    assert command("model", "suggest").startswith("--train-days 2025-01-0")
    assert "no sound of whale is labelled" in command("model", "suggest", "--tags", "whale", code=1)
    assert "warning: doorbell: 8 sounds on training days" in command("model", "check", "house")
    command("model", "define", "late", "--train-days", ",".join(ISO))
    assert json.loads(command("model", "check", "house", "--json"))["refused"] is False
    command("model", "check", "late", code=1)
    assert "no model is called 'nobody'" in command("model", "check", "nobody", code=1)


def test_a_report_a_test_and_a_comparison(command: Command, built_home: Home, tmp_path: Path) -> None:
    assert "| kettle | 4 |" in command("model", "report", "house")
    report = json.loads(command("model", "report", "house", "--version", "1", "--json"))
    assert report == json.loads(command("model", "test", "house", "--days", ISO[2], "--json"))
    assert "was trained on" in command("model", "test", "house", "--days", ISO[0], code=1)
    assert "there is no model version 'house/7'" in command("model", "report", "house", "--version", "7", code=1)
    built_home.define("two", tags=("doorbell", "kettle"), train_days=DAYS[:2], test_days=DAYS[2:])
    train_model(built_home.lake, built_home.catalog, "two", TrainingOptions())
    assert "| F1 knocking |" in command("model", "compare", "two", "house/1")
    found = json.loads(command("model", "compare", "two/1", "house", "--days", ISO[2], "--json"))
    assert found["rows"] == ["doorbell", "kettle", "knocking", "other"]
    command("model", "compare", "two/x", "house", code=2)
    assert "has not been evaluated" in command("model", "report", "two", code=1)
    listed = {(row["model"], row["version"]): row["headline"] for row in json.loads(command("model", "list", "--json"))}
    assert listed[("two", 1)] is None
    assert listed[("house", 1)]["accw"] == report["headline"]["accw"]
    command("model", "export", "house", "--to", str(tmp_path / "kept"))
    assert {path.name for path in (tmp_path / "kept").iterdir()} >= {"card.md", "model.skops", "report.html", "predictions.csv"}


def test_thresholds_are_moved_a_model_is_copied_and_its_state_told(command: Command, built_home: Home) -> None:
    assert "kettle +0.4" in command("model", "thresholds", "house", "kettle=0.4")
    assert ModelRegistry(built_home.catalog).spec("house")["threshold_offsets"] == {"kettle": 0.4}
    assert "has been defined anew" in command("model", "thresholds", "house", "kettle=0.4", code=1)
    command("model", "thresholds", "house", "kettle", code=2)
    assert "was not trained on whale" in command("model", "thresholds", "house", "whale=1", code=1)
    assert "attic is defined as house is" in command("model", "copy", "house", "attic")
    assert "another model is called 'attic'" in command("model", "copy", "house", "attic", code=1)
    away = {"SOUNDMILL_DAGSTER_URL": "http://127.0.0.1:9"}
    states = {row["model"]: row["state"] for row in json.loads(command("model", "status", "--json", **away))}
    assert states == {"attic": "waiting", "house": "waiting"}
    assert "attic\twaiting\twaits to be fitted" in command("model", "status", **away)


def test_new_sounds_are_listed_and_named(command: Command, built_home: Home) -> None:
    version = ModelRegistry(built_home.catalog).current("house")
    sounds = [one for one in read_report(built_home.lake, version).sounds() if one.true == one.predicted == "other"][:4]
    members = [{"key": one.key, "source": one.source, "start": one.start.isoformat(), "end": one.end.isoformat()} for one in sounds]
    group = {"rank": 1, "sounds": 4, "novelty": 1.0, "nearest": "kettle", "compactness": 0.5, "members": members}
    built_home.lake.write_bytes("reports/house/1/new_sounds.json", json.dumps([group]).encode())
    assert command("model", "new-sounds", "house").startswith("1: 4 sounds, nearest to kettle, novelty 1.0, such as mic at 2025-01-03")
    assert "4 new labels" in command("model", "new-sounds", "house", "--group", "1", "--tag", "drip", "--author", "anna")
    assert {one.author for one in Annotations(built_home.catalog).of_days(DAYS[2], DAYS[2]) if one.tag == "drip"} == {"anna"}
    assert len(json.loads(command("model", "new-sounds", "house", "--json"))) == 1
    command("model", "new-sounds", "house", "--tag", "drip", code=2)
    assert "no group 3" in command("model", "new-sounds", "house", "--group", "3", "--tag", "drip", code=1)
