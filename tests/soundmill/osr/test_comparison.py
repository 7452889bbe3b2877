"""Two recognisers on the same sounds."""

import numpy as np
import pytest

from soundmill.errors import NotEnoughData
from soundmill.osr.classifier import OpenSetClassifier
from soundmill.osr.comparison import side_by_side
from soundmill.osr.evaluation import HeldOut
from soundmill.osr.open_set import OpenSet
from tests.soundmill.osr.plain import BACKGROUND, TAUGHT, TEST, together

HELD = HeldOut(TEST, BACKGROUND, 60.0)


def test_a_model_beside_itself_differs_in_nothing(model: OpenSet) -> None:
    found = side_by_side((model, HELD), (model, HELD))
    assert found.differ == []
    assert found.first == found.second
    for one in [*found.figures, *found.tags]:
        assert one.first == one.second
        assert one.interval in (None, (0.0, 0.0))
    assert (found.sounds, found.groups) == (len(TEST) + len(BACKGROUND), len(set(TEST.keys) | set(BACKGROUND.keys)))


def test_a_stricter_model_finds_less_and_the_interval_says_so(model: OpenSet) -> None:
    strict = OpenSet(OpenSetClassifier(threshold_offsets={"bell": 50.0})).fit(TAUGHT, BACKGROUND)
    found = side_by_side((model, HELD), (strict, HELD))
    (bell,) = (one for one in found.tags if one.name == "bell")
    assert bell.second == 0.0
    assert bell.interval is not None
    assert bell.interval[1] < 0
    (recall,) = (one for one in found.figures if one.name == "delivered_recall")
    assert recall.first is not None
    assert recall.second is not None
    assert recall.second < recall.first
    assert {(true, second) for _, true, _, second in found.differ} == {("bell", "other")}
    assert "expected_recall" not in {one.name for one in found.figures}


def test_a_tag_that_one_of_them_never_met_counts_as_known_for_both(model: OpenSet) -> None:
    few = np.flatnonzero([tag != "bell" for tag in TAUGHT.tags])
    without = OpenSet(OpenSetClassifier()).fit(TAUGHT.take(few), BACKGROUND)
    found = side_by_side((without, HELD), (model, HELD))
    assert "bell" in found.rows
    (bell,) = (one for one in found.tags if one.name == "bell")
    assert bell.first == 0.0


def test_other_sounds_for_each_are_refused(model: OpenSet) -> None:
    other = HeldOut(together(TEST, TEST.take(np.array([0]))), BACKGROUND, 60.0)
    with pytest.raises(NotEnoughData, match="see different sounds"):
        side_by_side((model, HELD), (model, other))
