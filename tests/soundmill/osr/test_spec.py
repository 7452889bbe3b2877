"""What a model is to be: which specifications can be."""

from datetime import date
from typing import Any

import pytest

from soundmill.errors import SpecRefused
from soundmill.osr.spec import ModelSpec, check_name, settings_of_models

FIRST, SECOND = date(2026, 1, 5), date(2026, 1, 6)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"train_days": [FIRST], "test_days": [FIRST]}, "2026-01-05 would both train and test"),
        ({"background_days": [SECOND], "test_days": [SECOND]}, "would both set thresholds and test"),
        ({"components": 0}, "components"),
        ({"least_dbfs": 3}, "least_dbfs"),
        ({"colour": "blue"}, "colour"),
        ({"rejection": "background_ratio", "background_days": []}, "needs background"),
        ({"train_days": [FIRST], "test_background_days": [FIRST]}, "background of 2026-01-05 would both train and test"),
        ({"background_days": [FIRST], "test_background_days": [FIRST]}, "background of 2026-01-05 would both train and test"),
        ({"threshold_offsets": {"bell": float("inf")}}, "threshold_offsets.bell"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(values: dict[str, Any], says: str) -> None:
    with pytest.raises(SpecRefused, match=says) as refused:
        ModelSpec.parse(values)
    assert "\n" not in str(refused.value)


def test_a_specification_survives_the_catalog() -> None:
    spec = ModelSpec(tags=("bell",), train_days=(FIRST,), test_days=(SECOND,), least_recall=0.8, background_days=())
    assert ModelSpec.parse(spec.model_dump(mode="json")) == spec


def test_the_original_s_values_hold_where_its_features_are_asked_for_and_may_be_overruled() -> None:
    plain = ModelSpec.parse({"extractor": "loudest_frames", "least_recall": None})
    assert (plain.recogniser, plain.components, plain.least_recall) == ("gaussian_votes", 20, 0.6)
    other = ModelSpec.parse({"extractor": "loudest_frames", "recogniser": "open_set"})
    assert (other.components, other.least_recall, other.time_of_day) == (4, None, False)
    assert ModelSpec.parse({"recogniser": "gaussian_votes", "components": 3}).components == 3


@pytest.mark.parametrize("name", ["", "a/b", "-a", "a b", "..", "x" * 64, "größe"])
def test_a_name_that_could_not_be_a_folder_is_refused(name: str) -> None:
    with pytest.raises(SpecRefused, match="cannot name a model"):
        check_name(name)
    assert check_name("house-2_b") == "house-2_b"


def test_a_specification_that_leaves_later_settings_alone_is_stored_as_before_them() -> None:
    stored = ModelSpec(tags=("bell",)).model_dump(mode="json")
    assert not {"test_background_days", "threshold_offsets"} & set(stored)
    moved = ModelSpec(tags=("bell",), threshold_offsets={"bell": 0.5}, test_background_days=(SECOND,))
    assert ModelSpec.parse(moved.model_dump(mode="json")) == moved
    assert "threshold_offsets" in moved.model_dump_json()


def test_every_setting_says_what_it_does_and_what_it_can_be() -> None:
    known = {one.name: one for one in settings_of_models()}
    assert set(known) == set(ModelSpec.model_fields) - {
        "tags", "train_days", "test_days", "background_days", "test_background_days", "sources", "threshold_offsets",
    }  # fmt: skip
    assert all(len(one.about) > 10 for one in known.values())
    assert (known["threshold"].kind, known["least_recall"].kind, known["time_of_day"].kind) == ("choice", "number", "switch")
    assert "gaussian_angle" in known["class_model"].choices
