"""Projections and class models: how far a sound is from each class."""

import numpy as np
import pytest

from soundmill.osr.class_scores import CLASS_MODELS, PROJECTORS
from soundmill.osr.classifier import OpenSetClassifier
from soundmill.osr.metrics import auroc
from tests.soundmill.osr.vectors import UNKNOWN, training_set, wide


@pytest.mark.parametrize("projector", PROJECTORS)
@pytest.mark.parametrize("class_model", CLASS_MODELS)
def test_every_projector_goes_with_every_class_model(projector: str, class_model: str) -> None:
    model = OpenSetClassifier(projector=projector, class_model=class_model, dimensions=20).fit(*training_set(15))
    X, y = training_set(15, seed=1)
    assert (np.array(model.verdicts(X).nearest) == y).mean() > 0.8
    assert auroc(model.margins(X).max(axis=1), model.margins(UNKNOWN).max(axis=1)) > 0.6


def test_columns_that_never_change_do_no_harm() -> None:
    X, y = training_set(15)
    still = np.concatenate([X, np.full((len(X), 3), 7.0)], axis=1)
    assert np.isfinite(OpenSetClassifier().fit(still, y).margins(still)).all()


def test_a_small_block_is_not_drowned_by_a_large_one_of_noise() -> None:
    X, y = wide(1)
    even = OpenSetClassifier(blocks=[30, 2000], dimensions=30).fit(*wide(0))
    drowned = OpenSetClassifier(dimensions=30).fit(*wide(0))
    assert (np.array(even.verdicts(X).nearest) == y).mean() > (np.array(drowned.verdicts(X).nearest) == y).mean() + 0.1
    with pytest.raises(ValueError, match="blocks of 31 columns do not fit vectors of 30"):
        OpenSetClassifier(blocks=[1, 30]).fit(*training_set(5))
