"""Fixtures."""

import pytest

from soundmill.osr.evaluation import Evaluation, HeldOut, evaluate
from soundmill.osr.open_set import OpenSet
from soundmill.osr.spec import OTHER
from tests.soundmill.osr.plain import BACKGROUND, TAUGHT, TEST, UNKNOWN, sounds, together


@pytest.fixture(scope="module")
def model() -> OpenSet:
    return OpenSet().fit(TAUGHT, BACKGROUND)


@pytest.fixture(scope="module")
def result(model: OpenSet) -> Evaluation:
    return evaluate(model, HeldOut(together(TEST, UNKNOWN), sounds(OTHER, 15, seed=5, frames=1, spread=2.0), 45.0))
