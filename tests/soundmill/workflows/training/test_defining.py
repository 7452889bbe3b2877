"""Definitions: new, copied, changed by one at a time; moved thresholds; tags made of groups of new sounds."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from soundmill.catalog import Annotations, ModelRegistry
from soundmill.errors import DefinitionChanged, NoReport, SpecRefused, UnknownModel
from soundmill.options import TrainingOptions
from soundmill.workflows.training import (
    copy_model,
    define_model,
    definition,
    evaluate_model,
    move_thresholds,
    read_report,
    tag_group,
    train_model,
)
from soundmill.workflows.training.reports import NewGroup, SoundPlace, write_report
from tests.home import DAYS, Home

EXTRACTORS = ("pooled_spectral",)
OPTIONS = TrainingOptions()


def test_a_new_name_is_taken_once_and_a_change_wants_what_it_was_made_from(built_home: Home) -> None:
    catalog = built_home.catalog
    first = define_model(catalog, "night", {"tags": ["kettle"]}, EXTRACTORS, is_new=True)
    with pytest.raises(SpecRefused, match="another model is called 'night'"):
        define_model(catalog, "night", {}, EXTRACTORS, is_new=True)
    second = define_model(catalog, "night", {"tags": ["kettle", "doorbell"]}, EXTRACTORS, first.defined_at)
    assert second.spec.tags == ("kettle", "doorbell")
    with pytest.raises(DefinitionChanged, match="was changed meanwhile"):
        define_model(catalog, "night", {"tags": ["knocking"]}, EXTRACTORS, first.defined_at)
    assert definition(catalog, "night").spec == second.spec
    copy = copy_model(catalog, "night", "day")
    assert (copy.spec, copy.same_as) == (second.spec, "night")
    with pytest.raises(UnknownModel):
        define_model(catalog, "nobody", {}, EXTRACTORS, datetime.now(UTC))


@pytest.mark.parametrize(
    ("name", "values", "why"),
    [
        ("a/b", {}, "cannot name a model"),
        ("fine", {"extractor": "yamnet"}, "not among the extractors run here"),
        ("fine", {"tags": ["ketle"]}, "did you mean 'kettle'"),
        ("fine", {"least_recall": 2}, "least_recall"),
        ("fine", {"threshold_offsets": {"kettle": float("nan")}}, "threshold_offsets"),
    ],
)
def test_what_cannot_be_defined_is_a_sentence_and_leaves_nothing(built_home: Home, name: str, values: dict[str, object], why: str) -> None:
    with pytest.raises(SpecRefused, match=why):
        define_model(built_home.catalog, name, values, EXTRACTORS, is_new=True)
    assert set(ModelRegistry(built_home.catalog).specs()) == {"house"}


def test_a_moved_threshold_is_a_version_of_its_own_that_does_what_the_curve_said(built_home: Home) -> None:
    lake, catalog = built_home.lake, built_home.catalog
    house = ModelRegistry(catalog).current("house")
    points = read_report(lake, house).operating_points()["kettle"]
    at = next(at for at, recall in enumerate(points.recall) if recall is not None and 0 < recall < 1)
    moved = move_thresholds(catalog, house, {"kettle": points.offset[at], "doorbell": 0.0})
    assert moved.spec.threshold_offsets == {"kettle": points.offset[at]}
    fitted = train_model(lake, catalog, "house", OPTIONS)
    assert (fitted.version.version, fitted.fresh) == (2, True)
    evaluate_model(lake, catalog, "house", OPTIONS)
    result = read_report(lake, fitted.version).evaluation.tags["kettle"]
    assert (result.recall, result.precision) == (pytest.approx(points.recall[at]), pytest.approx(points.precision[at]))
    # moved once more from there, and back to where it was: the same version as at first
    with pytest.raises(SpecRefused, match="has been defined anew since version 1"):
        move_thresholds(catalog, house, {"kettle": 1.0})
    assert move_thresholds(catalog, fitted.version, {"kettle": -points.offset[at]}).spec.threshold_offsets == {}
    back = train_model(lake, catalog, "house", OPTIONS)
    assert (back.version.version, back.fresh) == (1, False)
    with pytest.raises(SpecRefused, match="was not trained on whale"):
        move_thresholds(catalog, fitted.version, {"whale": 1.0})


def test_a_group_of_new_sounds_becomes_labels_of_ones_own(built_home: Home) -> None:
    lake, catalog = built_home.lake, built_home.catalog
    house = ModelRegistry(catalog).current("house")
    report = read_report(lake, house)
    rejected = [one for one in report.sounds() if one.predicted == "other" and one.true == "other"][:5]
    group = NewGroup(1, 5, 2.0, "kettle", 0.5, [SoundPlace(one.key, one.source, one.start, one.end) for one in rejected])
    write_report(lake, house, replace(report, new_sounds=[group]))
    keys = [one.key for one in rejected[:3]]
    assert tag_group(lake, catalog, house, 1, "dripping", "anna", keys) == 3
    assert tag_group(lake, catalog, house, 1, "dripping", "anna", keys) == 0  # they are there
    mine = [one for one in Annotations(catalog).of_days(DAYS[2], DAYS[2]) if one.tag == "dripping"]
    assert sorted((one.start, one.end, one.author) for one in mine) == sorted((one.start, one.end, "anna") for one in rejected[:3])
    assert tag_group(lake, catalog, house, 1, "dripping", "anna") == 2
    for rank, tag, chosen, why in (
        (2, "x", None, "no group 2"),
        (1, "other", None, "recogniser's own word"),
        (1, "x", [], "no sound is chosen"),
    ):
        with pytest.raises(SpecRefused, match=why):
            tag_group(lake, catalog, house, rank, tag, "anna", chosen)
    with pytest.raises(NoReport):
        tag_group(lake, catalog, replace(house, version=9), 1, "x", "anna")


def test_a_model_that_names_no_extractor_gets_the_first_of_those_that_are_run_here(built_home: Home) -> None:
    catalog, here = built_home.catalog, ("mn04", "pooled_spectral", "loudest_frames")
    assert define_model(catalog, "first", {}, here).spec.extractor == "mn04"
    assert define_model(catalog, "second", {"extractor": "pooled_spectral"}, here).spec.extractor == "pooled_spectral"
    assert define_model(catalog, "third", {"recogniser": "gaussian_votes"}, here).spec.extractor == "loudest_frames"  # its own
