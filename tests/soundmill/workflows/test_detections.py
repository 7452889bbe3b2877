"""A day's detections: nothing is computed where nothing changed."""

import pytest

from soundmill.catalog import ModelRegistry
from soundmill.errors import MissingFeatures
from soundmill.osr.spec import OTHER
from soundmill.workflows.detections import Champion, new_sounds_picture, update_detections, update_new_sounds
from soundmill.workflows.training.data import feature_table
from soundmill.workflows.training.models import model_path
from tests.home import DAYS, Home


def champion(home: Home) -> Champion:
    found = ModelRegistry(home.catalog).champion()
    assert found is not None
    return Champion(home.lake, found, home.resources["collection"].zone)


def test_an_unchanged_day_does_not_even_load_the_model(built_home: Home) -> None:
    home, zone = built_home, built_home.resources["collection"].zone
    one = champion(home)
    home.lake.delete(model_path(one.version))
    day = update_detections(home.lake, home.ledger, one, DAYS[0], zone)
    assert (day.changed, day.rows.num_rows) == (False, day.segments)
    assert home.ledger.processed("detections")[DAYS[0]] == "house/1"


def test_a_day_without_vectors_is_refused_by_name(built_home: Home) -> None:
    home, zone = built_home, built_home.resources["collection"].zone
    home.lake.delete(home.lake.table_path(feature_table("segment", "pooled_spectral"), DAYS[0]))
    with pytest.raises(MissingFeatures, match=str(DAYS[0])):
        update_detections(home.lake, home.ledger, champion(home), DAYS[0], zone)


def test_groups_of_new_sounds_are_among_those_called_other(built_home: Home) -> None:
    home, zone = built_home, built_home.resources["collection"].zone
    one = champion(home)
    day = update_detections(home.lake, home.ledger, one, DAYS[0], zone)
    others = {row["key"] for row in day.rows.to_pylist() if row["tag"] == OTHER}
    rows, changed = update_new_sounds(home.lake, one, DAYS[0], zone)
    assert changed
    assert {key for row in rows.to_pylist() for key in row["examples"].split("\n")} <= others
    assert update_new_sounds(home.lake, one, DAYS[0], zone)[1] is False
    assert new_sounds_picture(home.lake, DAYS[0], rows).startswith(b"\x89PNG")
