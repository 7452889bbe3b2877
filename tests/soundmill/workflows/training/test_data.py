"""The data of a model: which sounds it is trained and tested on, and when that counts as changed."""

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from soundmill.capture import SEGMENTS
from soundmill.catalog import Annotations, Box
from soundmill.errors import MissingFeatures, NotEnoughData
from soundmill.labelling.snapshot import write_snapshot
from soundmill.osr.spec import ModelSpec
from soundmill.workflows.training.data import TrainingData, feature_table
from tests.home import DAYS, Home

UTC = ZoneInfo("UTC")
SECOND = timedelta(seconds=1)
SPEC = ModelSpec(train_days=DAYS[:2], test_days=DAYS[2:])


def test_sounds_of_the_training_days_train_and_those_of_the_test_days_test(built_home: Home) -> None:
    data = TrainingData(built_home.lake, SPEC, UTC)
    training, support, _ = data.training_sounds()
    assert support == {"doorbell": 8, "kettle": 8, "knocking": 8}
    tested = data.tagged()
    assert sorted(set(tested.tags)) == sorted(support)
    assert not set(training.keys) & set(tested.keys)
    assert all(f"/{DAYS[2]}/" not in key for key in training.keys)
    assert len(data.background_for(support)) > 0
    assert data.test_background()[1] > 0
    assert data.leaks() == []


def test_the_fingerprint_follows_labels_and_specification_and_nothing_else(built_home: Home) -> None:
    lake = built_home.lake
    first = TrainingData(lake, SPEC, UTC).fingerprint("code")
    assert TrainingData(lake, SPEC, UTC).fingerprint("code") == first
    assert TrainingData(lake, SPEC, UTC).fingerprint("other code") != first
    assert TrainingData(lake, SPEC.model_copy(update={"seed": 1}), UTC).fingerprint("code") != first
    labels = Annotations(built_home.catalog).of_days(DAYS[0], DAYS[0])
    again = [replace(one, author="somebody else") for one in labels]
    write_snapshot(lake, DAYS[0], [*labels, *again])
    assert TrainingData(lake, SPEC, UTC).fingerprint("code") == first  # the same sounds, labelled by two
    write_snapshot(lake, DAYS[0], labels[1:])
    assert TrainingData(lake, SPEC, UTC).fingerprint("code") != first


def test_what_people_rejected_is_background_to_learn_from_and_none_to_test_on(built_home: Home) -> None:
    lake = built_home.lake
    data = TrainingData(lake, SPEC, UTC)
    one_sound = {"owl": 1}  # fifteen segments of background
    before, fingerprint = set(data.background_for(one_sound).keys), data.fingerprint("code")
    every = set(data.background_for({"owl": 1000}).keys)
    segments = {row["key"]: row for row in lake.read_days(SEGMENTS, DAYS).to_pylist()}
    wanted = sorted(every - before)[:3]
    for day in DAYS:
        mine = [segments[key] for key in wanted if segments[key]["started_at"].date() == day]
        rejected = [(row["source"], "ann", Box(row["started_at"], row["started_at"] + SECOND, "owl", state="rejected")) for row in mine]
        write_snapshot(lake, day, Annotations(built_home.catalog).of_days(day, day), rejected)
    again = TrainingData(lake, SPEC, UTC)
    assert set(wanted) <= set(again.background_for(one_sound).keys)
    assert len(again.background_for(one_sound)) == 15
    assert again.fingerprint("code") != fingerprint
    assert list(again.test_background()[0].keys) == list(data.test_background()[0].keys)


def test_a_day_with_rejections_alone_is_a_day_of_background(built_home: Home) -> None:
    lake = built_home.lake
    for day in DAYS[1:]:
        write_snapshot(lake, day, [])
    segment = lake.read_days(SEGMENTS, DAYS[2:]).to_pylist()[0]
    start = segment["started_at"]
    write_snapshot(lake, DAYS[2], [], [(segment["source"], "ann", Box(start, start + SECOND, "owl", state="rejected"))])
    data = TrainingData(lake, ModelSpec(train_days=DAYS[:1]), UTC)
    assert data.days.background == (DAYS[0], DAYS[2])
    assert segment["key"] in data.background_for({"owl": 1}).keys


def test_a_test_segment_that_is_a_training_segment_is_a_leak(built_home: Home) -> None:
    lake = built_home.lake
    trained, tested = (lake.read_days(SEGMENTS, [day]).to_pylist() for day in (DAYS[0], DAYS[2]))
    tested[0]["content_hash"] = trained[0]["content_hash"]
    lake.write_day(SEGMENTS, DAYS[2], SEGMENTS.from_rows(tested), made_from="a copy")
    (leak,) = TrainingData(lake, SPEC, UTC).leaks()
    assert (leak.training, leak.test, leak.likeness) == (trained[0]["key"], tested[0]["key"], 1.0)


def test_days_without_labels_or_vectors_are_refused_by_name(built_home: Home) -> None:
    with pytest.raises(NotEnoughData):
        TrainingData(built_home.lake, ModelSpec(tags=("whale",)), UTC).training_sounds()
    built_home.lake.delete(built_home.lake.table_path(feature_table("annotation", "pooled_spectral"), DAYS[0]))
    with pytest.raises(MissingFeatures, match=str(DAYS[0])):
        TrainingData(built_home.lake, SPEC, UTC).training_sounds()


def test_a_model_without_sources_leaves_out_what_is_apart_and_one_that_names_it_does_not(built_home: Home) -> None:
    lake, (source,) = built_home.lake, {row.source for row in Annotations(built_home.catalog).of_days(DAYS[0], DAYS[0])}
    with pytest.raises(NotEnoughData, match=rf"only in {source}, .* --sources"):
        TrainingData(lake, ModelSpec(), UTC, apart={source})
    named = TrainingData(lake, SPEC.model_copy(update={"sources": (source,)}), UTC, apart={source})
    assert len(named.training_sounds()[0]) == len(TrainingData(lake, SPEC, UTC).training_sounds()[0])
