"""A version on other days, and two versions side by side; nothing is tested on what it learned from."""

from dataclasses import replace
from datetime import timedelta

import pytest

from soundmill.capture import SEGMENTS
from soundmill.catalog import ModelRegistry, ModelVersion
from soundmill.errors import DataLeakage, NotEnoughData
from soundmill.options import TrainingOptions
from soundmill.osr.spec import ModelSpec
from soundmill.workflows.training import compare_versions, evaluate_on_days, read_report, train_model
from tests.home import BEFORE_MODEL, DAYS, Home

OPTIONS = TrainingOptions()
LATER = DAYS[2] + timedelta(days=1)


def version(home: Home, number: int = 1, name: str = "house") -> ModelVersion:
    return next(one for one in ModelRegistry(home.catalog).versions(name) if one.version == number)


def test_its_own_test_days_give_its_own_report(built_home: Home) -> None:
    stored = {entry.path for entry in built_home.lake.files("reports")}
    found = evaluate_on_days(built_home.lake, built_home.catalog, version(built_home), DAYS[2:], None, OPTIONS)
    report = read_report(built_home.lake, version(built_home))
    assert found.evaluation.confusion == report.evaluation.confusion
    assert found.sounds() == report.sounds()
    assert {entry.path for entry in built_home.lake.files("reports")} == stored  # nothing of it is kept


def test_days_that_it_was_trained_on_are_refused(built_home: Home) -> None:
    for days, background in (([DAYS[0]], None), ([DAYS[2]], [DAYS[1]])):
        with pytest.raises(DataLeakage, match=f"house 1 was trained on {days[0] if background is None else background[0]}"):
            evaluate_on_days(built_home.lake, built_home.catalog, version(built_home), days, background, OPTIONS)
    with pytest.raises(NotEnoughData, match="no day to test on"):
        evaluate_on_days(built_home.lake, built_home.catalog, version(built_home), [], None, OPTIONS)
    with pytest.raises(NotEnoughData, match="hold no annotated sound"):
        evaluate_on_days(built_home.lake, built_home.catalog, version(built_home), [LATER], None, OPTIONS)


def test_another_day_tests_it_without_another_fit(built_home: Home) -> None:
    built_home.land_day(LATER, each=2)
    built_home.run(*BEFORE_MODEL, days=(LATER,))
    found = evaluate_on_days(built_home.lake, built_home.catalog, version(built_home), [LATER], None, OPTIONS)
    assert {row.support for row in found.evaluation.tags.values()} == {2}
    assert found.background_days == [LATER]
    assert len(ModelRegistry(built_home.catalog).versions()) == 1


def test_a_day_that_is_named_twice_counts_once(built_home: Home) -> None:
    once, often = (
        evaluate_on_days(built_home.lake, built_home.catalog, version(built_home), days, None, OPTIONS) for days in (DAYS[2:], DAYS[2:] * 3)
    )
    assert once.evaluation.as_json() == often.evaluation.as_json()


def test_where_vectors_vote_there_is_no_curve(built_home: Home) -> None:
    built_home.define(
        "votes", recogniser="gaussian_votes", extractor="pooled_spectral", train_days=DAYS[:2], test_days=DAYS[2:], least_dbfs=-90.0
    )
    other = train_model(built_home.lake, built_home.catalog, "votes", OPTIONS).version
    found = evaluate_on_days(built_home.lake, built_home.catalog, other, DAYS[2:], None, OPTIONS)
    assert found.sounds()
    assert found.operating_points() == {}


def test_a_copy_of_a_sound_of_another_source_is_found_when_versions_of_two_sources_are_compared(built_home: Home) -> None:
    built_home.define("elsewhere", sources=("mic",), train_days=DAYS[:2], test_days=DAYS[2:])
    first = train_model(built_home.lake, built_home.catalog, "elsewhere", OPTIONS).version
    trained, tested = (built_home.lake.read_days(SEGMENTS, [day]).to_pylist() for day in (DAYS[0], DAYS[2]))
    tested[0] |= {"source": "shed", "key": "shed/copy", "content_hash": trained[0]["content_hash"]}
    built_home.lake.write_day(SEGMENTS, DAYS[2], SEGMENTS.from_rows(tested), made_from="a copy in the shed")
    shed = replace(
        version(built_home), card={**(version(built_home).card or {}), "spec": ModelSpec(sources=("shed",)).model_dump(mode="json")}
    )
    with pytest.raises(DataLeakage, match="shed/copy is"):
        compare_versions(built_home.lake, built_home.catalog, first, shed, DAYS[2:], None, OPTIONS)


def test_two_versions_are_compared_on_the_days_that_test_both(built_home: Home) -> None:
    built_home.define("two", tags=("doorbell", "kettle"), train_days=DAYS[:2], test_days=DAYS[2:])
    other = train_model(built_home.lake, built_home.catalog, "two", OPTIONS).version
    found = compare_versions(built_home.lake, built_home.catalog, other, version(built_home), None, None, OPTIONS)
    assert found.test_days == [DAYS[2]]
    (knocking,) = (one for one in found.result.tags if one.name == "knocking")
    assert knocking.first == 0.0
    assert knocking.second is not None
    assert knocking.second > 0.5
    differing = [one for one in found.differ if one.true == "knocking"]
    assert len(differing) >= 3
    assert all(one.first != one.second and one.source == "mic" and one.start.date() == DAYS[2] for one in differing)


def test_versions_that_share_no_test_day_need_days_that_neither_met(built_home: Home) -> None:
    built_home.define("late", train_days=(DAYS[0], DAYS[2]), test_days=(DAYS[1],))
    other = train_model(built_home.lake, built_home.catalog, "late", OPTIONS).version
    with pytest.raises(NotEnoughData, match="no day tests both late 1 and house 1"):
        compare_versions(built_home.lake, built_home.catalog, other, version(built_home), None, None, OPTIONS)
    with pytest.raises(DataLeakage, match=f"late 1 was trained on {DAYS[2]}"):
        compare_versions(built_home.lake, built_home.catalog, other, version(built_home), DAYS[2:], None, OPTIONS)
