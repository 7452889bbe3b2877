"""Evaluating a version: a report that stands alone, and refusals that say what is missing."""

import json

import pytest

from soundmill.capture import SEGMENTS
from soundmill.errors import DataLeakage, UnknownModel
from soundmill.options import TrainingOptions
from soundmill.osr.splits import Leak
from soundmill.workflows.training.evaluation import describe_leaks, evaluate_model
from tests.home import DAYS, Home

OPTIONS = TrainingOptions()


def test_an_evaluation_writes_its_figures_pictures_and_page(built_home: Home) -> None:
    lake = built_home.lake
    for entry in list(lake.files("reports/house")):
        lake.delete(entry.path)
    found = evaluate_model(lake, built_home.catalog, "house", OPTIONS)
    assert found.test_days == DAYS[2:]
    figures = json.loads(lake.read_bytes("reports/house/1/evaluation.json"))
    assert set(figures["tags"]) >= {"doorbell", "kettle", "knocking"}
    assert {name: lake.read_bytes(f"reports/house/1/{name}.png") for name in found.pictures} == found.pictures
    assert lake.read_bytes(found.report).decode().count("<audio") >= len(found.result.worst)
    assert found.promotion.startswith("is the champion")


def test_a_copy_of_a_training_sound_refuses_the_report(built_home: Home) -> None:
    lake = built_home.lake
    trained, tested = (lake.read_days(SEGMENTS, [day]).to_pylist() for day in (DAYS[0], DAYS[2]))
    tested[0]["content_hash"] = trained[0]["content_hash"]
    lake.write_day(SEGMENTS, DAYS[2], SEGMENTS.from_rows(tested), made_from="a copy")
    with pytest.raises(DataLeakage, match="1 test sounds are copies of training sounds"):
        evaluate_model(lake, built_home.catalog, "house", OPTIONS)
    with pytest.raises(UnknownModel):
        evaluate_model(lake, built_home.catalog, "nobody", OPTIONS)


def test_copies_are_described_by_three_of_them_and_what_to_do() -> None:
    text = describe_leaks([Leak(f"a{n}", f"b{n}", 0.9) for n in range(5)])
    assert text.startswith("5 test sounds are copies")
    assert ("b2 is a2 (0.90)" in text, "b3" in text) == (True, False)
    assert "--allow-duplicates" in text
