"""Models, reports and detections as assets."""

import io
import itertools
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pyarrow.compute as pc
import pytest
import soundfile as sf

from pipeline.run import RunFailed
from resources import CollectionResource
from soundmill.audio import read_samples
from soundmill.capture import SEGMENTS
from soundmill.catalog import Annotations, ModelRegistry
from soundmill.formats.annotation import Annotation
from soundmill.osr.detections import DETECTIONS
from soundmill.osr.novelty import NEW_SOUNDS
from soundmill.osr.spec import ModelSpec
from soundmill.workflows.training.data import TrainingData
from tests.assets.graph import checks
from tests.home import BEFORE_MODEL, DAYS, Home


def test_detections_of_two_versions_stand_side_by_side(built_home: Home) -> None:
    built_home.define("house", train_days=DAYS[:1], test_days=DAYS[2:])
    built_home.run("osr_model", model="house")
    assert built_home.run("detections", days=DAYS[:1])["detections", "2025-01-01"]["version"] == 1
    ModelRegistry(built_home.catalog).promote("house", 2, "to see")
    assert built_home.run("detections", days=DAYS[:1])["detections", "2025-01-01"]["version"] == 2
    said = built_home.lake.read_days(DETECTIONS, DAYS[:1])
    assert sorted(said["version"].to_pylist()) == [1] * 24 + [2] * 24
    assert built_home.run("detections", days=DAYS[:1])["detections", "2025-01-01"]["status"] == "unchanged"


def test_a_model_restricted_to_tags_and_sources_uses_no_others(built_home: Home) -> None:
    built_home.define("bells", tags=("doorbell",), sources=("mic",), train_days=DAYS[:2], test_days=DAYS[2:])
    built_home.run("osr_model", "evaluation_report", model="bells")
    card = ModelRegistry(built_home.catalog).current("bells").card
    assert card is not None
    assert card["tags"] == ["doorbell"]


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"tags": ("unheard of",)}, "no day holds an annotation"),
        ({"train_days": (date(2025, 1, 9),), "test_days": DAYS[2:]}, "no tagged sound"),
        ({"train_days": DAYS}, "no test days"),
    ],
)
def test_a_model_that_cannot_be_is_refused_in_one_line(built_home: Home, spec: dict[str, object], says: str) -> None:
    built_home.define("odd", **spec)
    with pytest.raises(RunFailed, match=says):
        built_home.run("osr_model", "evaluation_report", model="odd")


def test_detections_without_features_are_refused_not_guessed(built_home: Home) -> None:
    built_home.define("house", train_days=DAYS[:1], test_days=DAYS[2:])
    built_home.run("osr_model", model="house")
    ModelRegistry(built_home.catalog).promote("house", 2, "to see")
    built_home.lake.delete("tables/segment_features/pooled_spectral/2025-01-03.parquet")
    with pytest.raises(RunFailed, match="24 of 24 segments have no pooled_spectral vectors: materialise segment_features"):
        built_home.run("detections", days=DAYS[2:])


def test_the_report_is_about_the_version_that_the_newest_fit_gave(built_home: Home) -> None:
    for train_days, version in ((DAYS[:1], 2), (DAYS[:2], 1)):  # the second one is that of the first version
        built_home.define("house", train_days=train_days, test_days=DAYS[2:])
        done = built_home.run("osr_model", "evaluation_report", model="house")
        assert {facts["version"] for facts in done.values()} == {version}


def test_labelled_sounds_that_were_not_trained_on_count_as_unknown(built_home: Home) -> None:
    built_home.define("bells", tags=("doorbell", "kettle"), train_days=DAYS[:2], test_days=DAYS[2:])
    built_home.run("osr_model", "evaluation_report", model="bells")
    result = json.loads(built_home.lake.read_bytes("reports/bells/1/evaluation.json"))
    assert result["columns"] == ["doorbell", "kettle", "knocking", "other"]
    assert sum(row[2] for row in result["confusion"]) == 4
    assert result["unknown_support"] == 4 + 12  # the knocks, and the rain


def promoted_because(home: Home, name: str) -> str:
    return str(home.run("osr_model", "evaluation_report", model=name)["evaluation_report", name]["promotion"])


def test_a_challenger_is_promoted_only_where_it_is_better_on_days_new_to_both(local_home: Home) -> None:
    local_home.resources["collection"] = CollectionResource(extractors=["pooled_spectral", "loudest_frames"])
    local_home.rebuild()
    for day, hour in itertools.product(DAYS, (3, 6, 9, 12, 15, 18, 21)):
        local_home.land_day(day, each=2, hour=hour)
    local_home.run(*BEFORE_MODEL, days=DAYS)
    local_home.define("original", tags=("doorbell", "kettle"), extractor="loudest_frames", train_days=DAYS[:2], test_days=DAYS[2:])
    assert promoted_because(local_home, "original") == "is the champion: the first model"
    local_home.run("detections", days=DAYS)
    local_home.define("narrow", tags=("doorbell",), train_days=DAYS[:2], test_days=DAYS[2:])
    assert "was not trained on kettle, which" in promoted_because(local_home, "narrow")
    local_home.define("late", train_days=DAYS[2:], test_days=DAYS[:1])
    assert "original 1 was trained on 2025-01-01" in promoted_because(local_home, "late")
    local_home.define("house", train_days=DAYS[:2], test_days=DAYS[2:])
    assert promoted_because(local_home, "house").startswith("promoted against original 1: ACCw ")
    champion = ModelRegistry(local_home.catalog).champion()
    assert champion is not None
    assert (champion.name, champion.promoted_because) == ("house", champion.promoted_because)
    assert "better than original 1" in (champion.promoted_because or "")
    (against,) = [path for path in local_home.stored("reports") if "against_original_1" in path]
    assert json.loads(local_home.lake.read_bytes(against))["promote"] is True
    assert promoted_because(local_home, "original").startswith("not compared against house 1: it was not trained on knocking")


def test_a_planted_copy_blocks_the_report(local_home: Home) -> None:
    """The same recording lands again on a test day, softer and through another codec."""
    for day in DAYS:
        local_home.land_day(day)
    samples, rate = read_samples(local_home.lake.read_bytes("landing/mic/2025-01-01/20250101T090000Z.wav"))
    again = io.BytesIO()
    sf.write(again, samples * 0.4, rate, format="MP3")
    local_home.lake.write_bytes("landing/porch/2025-01-03/20250103T120000Z.mp3", again.getvalue())
    moved = [
        replace(label, source="porch", start=label.start + timedelta(days=2, hours=3), end=label.end + timedelta(days=2, hours=3))
        for label in Annotations(local_home.catalog).of_days(DAYS[0], DAYS[0])
    ]
    Annotations(local_home.catalog).add(moved)
    local_home.run(*BEFORE_MODEL, days=DAYS)
    local_home.define(train_days=DAYS[:2], test_days=DAYS[2:])
    with pytest.raises(RunFailed, match="no_leakage"):
        local_home.run("osr_model", "evaluation_report", model="house")
    assert checks(local_home)["no_leakage"] is False
    with pytest.raises(RunFailed, match="test sounds are copies of training sounds: porch/"):
        local_home.run("evaluation_report", model="house")
    assert not [path for path in local_home.stored("reports") if "house" in path]
    local_home.define(train_days=DAYS[:2], test_days=DAYS[2:], sources=("mic",))
    local_home.run("osr_model", "evaluation_report", model="house")
    local_home.define(train_days=DAYS[:2], test_days=DAYS[2:], allow_duplicates=True)
    local_home.run("osr_model", "evaluation_report", model="house")
    local_home.define("rival", train_days=DAYS[:2], test_days=DAYS[2:], allow_duplicates=True, seed=1)
    local_home.run("osr_model", model="rival")
    assert "it was trained on copies of test sounds" in promoted_because(local_home, "rival")


def test_background_is_not_drawn_from_a_sound_that_began_the_day_before(local_home: Home) -> None:
    for day in DAYS[:2]:
        local_home.land_day(day, hour=0)
    local_home.run("captured_segments", days=DAYS[:2])
    overnight = datetime(2025, 1, 1, 23, 59, tzinfo=UTC)
    Annotations(local_home.catalog).add([Annotation("mic", overnight, overnight + timedelta(minutes=1, seconds=30), "kettle", "test")])
    local_home.run(*BEFORE_MODEL, days=DAYS[:2])
    spec = ModelSpec(train_days=DAYS[:1], background_days=DAYS[1:2], test_days=DAYS[2:])
    drawn = TrainingData(local_home.lake, spec, local_home.resources["collection"].zone).background_for({"kettle": 12})
    assert len(drawn) > 5
    segments = local_home.lake.read_days(SEGMENTS, DAYS[1:2], where=pc.field("key").isin(list(drawn.keys)))
    assert min(segments["started_at"].to_pylist()) >= overnight + timedelta(minutes=1, seconds=29)


def test_new_sounds_are_grouped_day_by_day(local_home: Home) -> None:
    for day in DAYS[:2]:
        local_home.land_day(day, each=6)
    local_home.land_day(DAYS[2], kinds=("doorbell", "glass", "microwave"), each=8)
    local_home.define(tags=("doorbell", "kettle", "knocking"), train_days=DAYS[:2], test_days=DAYS[2:])
    local_home.run(*BEFORE_MODEL[: BEFORE_MODEL.index("annotation_features") + 1], days=DAYS)
    local_home.run("osr_model", "evaluation_report", model="house")
    done = local_home.run("detections", "new_sounds", days=DAYS)
    facts = done["new_sounds", "2025-01-03"]
    assert facts["dagster/row_count"] >= 1
    assert "data:image/png;base64," in facts["examples"]
    said = {row["key"]: row["tag"] for row in local_home.lake.read_days(DETECTIONS, DAYS[2:]).to_pylist()}
    rows = local_home.lake.read_days(NEW_SOUNDS, DAYS[2:]).to_pylist()
    assert {said[key] for row in rows for key in row["examples"].split("\n")} == {"other"}
    assert local_home.run("new_sounds", days=DAYS)["new_sounds", "2025-01-03"]["status"] == "unchanged"
    assert "Which sounds are new" in local_home.lake.read_bytes("reports/house/1/report.html").decode()


def test_the_first_model_of_one_s_own_takes_the_demo_s_place(built_home: Home) -> None:
    registry = ModelRegistry(built_home.catalog)
    built_home.define("demo", train_days=DAYS[:1], test_days=DAYS[2:])
    built_home.run("osr_model", model="demo")
    registry.promote("demo", 1, "the demo's own")
    assert built_home.run("osr_model", model="house")["osr_model", "house"]["champion"] is True


@pytest.mark.parametrize("asset", ["osr_model", "evaluation_report"])
def test_a_model_that_nobody_defined_is_named_without_a_trace_of_the_code(local_home: Home, asset: str) -> None:
    with pytest.raises(RunFailed, match=f"^{asset}: no model is called 'nosuch'; define it with: soundmill model define nosuch$"):
        local_home.run(asset, model="nosuch")
