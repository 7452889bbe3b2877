"""Recognisers: which one a specification makes, and the file of a model."""

import io
import math
import os
import zipfile

import numpy as np
import pytest

from soundmill.errors import SpecRefused, UntrustedModel
from soundmill.osr.classifier import OpenSetClassifier
from soundmill.osr.open_set import OpenSet
from soundmill.osr.recogniser import dump_model, load_model, recogniser
from soundmill.osr.spec import ModelSpec
from tests.soundmill.osr.plain import TAGS, TAUGHT, TEST


def test_a_model_comes_back_from_its_file_and_nothing_else_does(model: OpenSet) -> None:
    import skops.io

    file = io.BytesIO()
    dump_model(model, file)
    back = load_model(file.getvalue())
    np.testing.assert_array_equal(back.verdicts(TEST).margins, model.verdicts(TEST).margins)
    assert back.expected_recall_ == model.expected_recall_
    for class_model in ("mixture", "knn", "logistic"):
        dump_model(OpenSet(OpenSetClassifier(class_model=class_model)).fit(TAUGHT), file := io.BytesIO())
        assert load_model(file.getvalue()).tags_ == list(TAGS)
    with pytest.raises(UntrustedModel, match="not trusted"):
        load_model(skops.io.dumps(os.system))


def test_a_damaged_model_file_is_refused_wherever_the_damage_is(model: OpenSet) -> None:
    dump_model(model, file := io.BytesIO())
    whole, rng = file.getvalue(), np.random.default_rng(0)
    for data in [b"", b"PK", whole[: len(whole) // 2], *(_with_noise(whole, int(at)) for at in rng.integers(0, len(whole) - 64, 60))]:
        try:
            load_model(data).verdicts(TEST)
        except UntrustedModel as error:
            assert str(error)  # damage in the numbers alone is seen by nobody
    with zipfile.ZipFile(io.BytesIO(whole)) as there, zipfile.ZipFile(changed := io.BytesIO(), "w") as made:
        for name in there.namelist():
            made.writestr(name, b"[1, 2]" if name == "schema.json" else there.read(name))
    with pytest.raises(UntrustedModel, match="no model file"):
        load_model(changed.getvalue())


def _with_noise(data: bytes, at: int) -> bytes:
    return data[:at] + bytes(np.random.default_rng(at).integers(0, 256, 64, np.uint8)) + data[at + 64 :]


def test_a_specification_decides_which_recogniser(model: OpenSet) -> None:
    assert type(recogniser(ModelSpec(), [3, 4])).__name__ == "OpenSet"
    original = ModelSpec(extractor="loudest_frames")
    assert type(recogniser(original, [514])).__name__ == "GaussianVotes"
    assert (original.least_recall, original.least_dbfs, original.time_of_day, original.components) == (0.6, -35.0, True, 20)
    assert ModelSpec.parse(original.model_dump(mode="json")) == original
    asked = recogniser(ModelSpec(least_recall=0.7, threshold=None), [3])
    assert isinstance(asked, OpenSet)
    assert isinstance(asked.classifier, OpenSetClassifier)
    assert (asked.classifier.threshold, asked.classifier.recall) == ("quantile", 0.7)
    with pytest.raises(SpecRefused, match="keeps no recall"):
        ModelSpec.parse({"least_recall": 0.7, "threshold": "stricter"})
    with pytest.raises(SpecRefused, match="needs background"):
        ModelSpec.parse({"rejection": "combined", "background_days": []})
    assert not any(math.isnan(value) for value in model.expected_recall_.values())
