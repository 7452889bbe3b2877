"""What stands against a choice of data before anything is fitted: each refusal met on purpose, in a sentence one can act on."""

from datetime import date, timedelta

import pytest

from soundmill.capture import SEGMENTS
from soundmill.catalog import Annotations
from soundmill.errors import NotEnoughData
from soundmill.options import TrainingOptions
from soundmill.workflows.training import check_choice, days_of_data, suggest_days
from soundmill.workflows.training.planning import Checked
from tests.home import DAYS, Home

OPTIONS = TrainingOptions()
ISO = [day.isoformat() for day in DAYS]


def check(home: Home, copies: bool = False, **values: object) -> Checked:
    return check_choice(home.lake, home.catalog, values, OPTIONS, copies=copies)


def said(found: Checked, level: str) -> list[str]:
    return [one.text for one in found.findings if one.level == level]


def test_days_tell_their_labels_segments_and_coverage(built_home: Home) -> None:
    found = days_of_data(built_home.lake, built_home.catalog, ())
    assert [one.day for one in found] == list(DAYS)
    assert found[0].tags == {"doorbell": 4, "kettle": 4, "knocking": 4}
    assert found[0].segments > 20
    assert found[0].seconds > 60
    assert found[0].coverage == 1.0
    assert days_of_data(built_home.lake, built_home.catalog, ["elsewhere"]) == []
    assert [one.day for one in days_of_data(built_home.lake, built_home.catalog, (), DAYS[1], DAYS[1])] == [DAYS[1]]


def test_a_sound_that_two_people_labelled_counts_once(built_home: Home) -> None:
    (first, *_) = Annotations(built_home.catalog).of_days(DAYS[0], DAYS[0])
    Annotations(built_home.catalog).add([type(first)(first.source, first.start, first.end, first.tag, "somebody else")])
    assert days_of_data(built_home.lake, built_home.catalog, ())[0].tags == {"doorbell": 4, "kettle": 4, "knocking": 4}


def test_a_choice_that_will_do_is_told_with_what_it_would_use(built_home: Home) -> None:
    found = check(built_home, copies=True, train_days=ISO[:2], test_days=ISO[2:])
    assert not found.is_refused
    assert found.train == {"doorbell": 8, "kettle": 8, "knocking": 8}
    assert found.test == {"doorbell": 4, "kettle": 4, "knocking": 4}
    assert found.days is not None
    assert (found.days.train, found.days.test) == (DAYS[:2], DAYS[2:])
    assert [text.split(":")[0] for text in said(found, "warning")] == ["doorbell", "kettle", "knocking"]  # eight are few
    assert "10 or more" in said(found, "warning")[0]


def test_a_day_on_two_sides_is_refused(built_home: Home) -> None:
    found = check(built_home, train_days=ISO[:2], test_days=ISO[1:])
    assert said(found, "refusal") == [f"{ISO[1]} would both train and test the model"]
    found = check(built_home, train_days=ISO[:1], test_days=ISO[2:], background_days=ISO[2:])
    assert said(found, "refusal") == [f"{ISO[2]} would both set thresholds and test the model"]
    found = check(built_home, train_days=ISO[:1], test_days=ISO[2:], test_background_days=ISO[:1])
    assert said(found, "refusal") == [f"background of {ISO[0]} would both train and test the model"]


def test_what_a_specification_cannot_hold_is_refused_in_words(built_home: Home) -> None:
    assert "threshold_offsets.kettle" in said(check(built_home, threshold_offsets={"kettle": "high"}), "refusal")[0]
    assert "train_days" in said(check(built_home, train_days=["someday"]), "refusal")[0]
    assert "extractor" in said(check(built_home, extractor="ears"), "refusal")[0]


def test_too_few_sounds_and_where_there_are_more(built_home: Home) -> None:
    built_home.land_day(DAYS[0], kinds=("doorbell",), each=1, hour=15)
    Annotations(built_home.catalog).withdraw(
        [one for one in Annotations(built_home.catalog).of_days(DAYS[0], DAYS[0]) if one.tag == "kettle"]
    )
    found = check(built_home, train_days=ISO[:1], test_days=ISO[2:])
    (text,) = said(found, "refusal")
    assert text.startswith("kettle: no sound on training days: mark a day that has some for training")
    assert f"{ISO[1]} has 4" in text
    found = check(built_home, tags=["whale"])
    assert said(found, "refusal") == ["no sound of whale is labelled in these sources; labelled are doorbell, kettle, knocking"]
    assert "mark days that have labels" in said(check(built_home, tags=["whale"], train_days=ISO[:1]), "refusal")[0]


def test_tags_missing_on_test_days_and_no_test_days(built_home: Home) -> None:
    Annotations(built_home.catalog).withdraw(
        [one for one in Annotations(built_home.catalog).of_days(DAYS[2], DAYS[2]) if one.tag == "kettle"]
    )
    found = check(built_home, train_days=ISO[:1], test_days=ISO[2:])
    assert any(text.startswith("kettle: no sound on test days, so its recall will not be known") for text in said(found, "warning"))
    (text,) = said(check(built_home, train_days=ISO), "refusal")
    assert text.startswith("no test day")
    (text,) = said(check(built_home, train_days=ISO[:2], test_days=["2025-03-01"]), "refusal")
    assert f"mark others for testing ({ISO[2]} has 8)" in text


def test_a_copy_on_the_other_side_is_refused_with_both_places(built_home: Home) -> None:
    trained, tested = (built_home.lake.read_days(SEGMENTS, [day]).to_pylist() for day in (DAYS[0], DAYS[2]))
    tested[0]["content_hash"] = trained[0]["content_hash"]
    built_home.lake.write_day(SEGMENTS, DAYS[2], SEGMENTS.from_rows(tested), made_from="a copy")
    chosen = {"train_days": ISO[:2], "test_days": ISO[2:]}
    assert not check(built_home, **chosen).is_refused  # it was not looked for
    (text,) = said(check(built_home, copies=True, **chosen), "refusal")
    assert f"mic at {ISO[2]} 09:00:00 UTC is the sound of mic at {ISO[0]} 09:00:00 UTC" in text
    assert "put the days of both on one side" in text
    assert any("copies" in one for one in said(check(built_home, copies=True, allow_duplicates=True, **chosen), "warning"))
    split = suggest_days(built_home.lake, built_home.catalog, (), ())
    assert ({DAYS[0], DAYS[2]} <= set(split.train)) or ({DAYS[0], DAYS[2]} <= set(split.test))  # on one side


def test_a_recording_over_midnight_is_not_torn_apart(built_home: Home) -> None:
    first, second = (built_home.lake.read_days(SEGMENTS, [day]).to_pylist() for day in DAYS[1:])
    second[0]["recording"] = first[-1]["recording"]
    built_home.lake.write_day(SEGMENTS, DAYS[2], SEGMENTS.from_rows(second), made_from="over midnight")
    found = check(built_home, copies=True, train_days=ISO[:2], test_days=ISO[2:])
    assert any(f"one recording reaches over {ISO[1]}, {ISO[2]}" in text for text in said(found, "warning"))
    split = suggest_days(built_home.lake, built_home.catalog, (), ())
    assert {DAYS[1], DAYS[2]} in ({*split.train}, {*split.test})


def test_a_suggested_split_has_nothing_against_it(built_home: Home) -> None:
    split = suggest_days(built_home.lake, built_home.catalog, ["kettle", "doorbell"], ["mic"])
    assert sorted([*split.train, *split.test]) == list(DAYS)
    found = check(built_home, copies=True, tags=["kettle", "doorbell"], train_days=split.train, test_days=split.test)
    assert not found.is_refused
    assert split.note == ""
    with pytest.raises(NotEnoughData, match="no sound of whale is labelled in these sources; labelled are doorbell, kettle, knocking"):
        suggest_days(built_home.lake, built_home.catalog, ["whale"], ())
    built_home.land_day(DAYS[2] + timedelta(days=1))
    assert f"could not be looked for on {DAYS[2] + timedelta(days=1)}" in suggest_days(built_home.lake, built_home.catalog, (), ()).note


def test_what_the_pipeline_has_still_to_make_is_a_note(built_home: Home) -> None:
    late = DAYS[2] + timedelta(days=1)
    built_home.land_day(late)
    found = check(built_home, train_days=ISO[:2], test_days=[late.isoformat()])
    (note,) = [text for text in said(found, "note") if "are not made yet" in text]
    assert f"features of {late}" in note
    assert f"--from {late} --to {late}" in note
    found = check(built_home, train_days=ISO[:2], test_days=ISO[2:], background_days=[(late + timedelta(days=5)).isoformat()])
    assert any("so there is no background" in text for text in said(found, "warning"))


def test_nothing_labelled_anywhere_says_where_to_begin(local_home: Home) -> None:
    assert "label some on the page Annotate" in said(check(local_home), "refusal")[0]
    assert days_of_data(local_home.lake, local_home.catalog, (), date(2025, 1, 1)) == []
