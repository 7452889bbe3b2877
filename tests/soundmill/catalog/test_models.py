"""The model registry, alone and in a crowd."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from soundmill.catalog import Catalog, ModelRegistry
from soundmill.errors import DefinitionChanged, SpecRefused, UnknownModel


def test_a_fit_is_known_by_its_fingerprint(catalog: Catalog) -> None:
    registry = ModelRegistry(catalog)
    registry.define("kitchen", {})
    first = registry.begin("kitchen", "abc")
    assert (first.version, first.card) == (1, None)
    assert registry.begin("kitchen", "abc").version == 1
    assert registry.begin("kitchen", "def").version == 2
    with pytest.raises(UnknownModel, match="has not been fitted"):
        registry.current("kitchen")
    registry.finish("kitchen", 1, {"tags": ["kettle"]})
    registry.set_current("kitchen", 1)
    assert registry.current("kitchen").version == 1


def test_the_first_model_is_champion_until_another_is_promoted(catalog: Catalog) -> None:
    registry = ModelRegistry(catalog)
    assert registry.champion() is None
    for fingerprint in ("abc", "def"):
        fit = registry.begin("kitchen", fingerprint)
        assert registry.finish("kitchen", fit.version, {"tags": []}) == (fit.version == 1)
    assert registry.promote("kitchen", 2, "fewer false alarms").promoted_because == "fewer false alarms"
    champion = registry.champion()
    assert champion is not None
    assert champion.version == 2
    assert [version.champion for version in registry.versions()] == [False, True]
    with pytest.raises(UnknownModel, match="no finished version 9"):
        registry.promote("kitchen", 9, "typo")


def test_concurrent_fits_get_numbers_of_their_own_and_one_champion(catalog: Catalog) -> None:
    registry = ModelRegistry(catalog)

    def fit(number: int) -> int:
        begun = registry.begin("kitchen", f"fit {number % 4}")
        registry.finish("kitchen", begun.version, {"tags": []})
        return begun.version

    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(fit, range(16)))
    assert sorted(set(numbers)) == [1, 2, 3, 4]
    assert sum(version.champion for version in registry.versions()) == 1


def test_of_many_promoted_at_once_the_last_is_champion(catalog: Catalog) -> None:
    registry = ModelRegistry(catalog)
    for number in range(6):
        registry.finish("kitchen", registry.begin("kitchen", f"fit {number}").version, {"tags": []})
    with ThreadPoolExecutor(8) as pool:
        promoted = list(pool.map(lambda number: registry.promote("kitchen", 1 + number % 6, f"try {number}"), range(48)))
    champion = registry.champion()
    assert champion is not None
    assert champion.promoted_because in {one.promoted_because for one in promoted}
    assert sum(version.champion for version in registry.versions()) == 1


def test_specifications_can_be_changed_and_deleted(catalog: Catalog) -> None:
    registry = ModelRegistry(catalog)
    registry.define("kitchen", {"tags": ["kettle"]})
    registry.define("kitchen", {"tags": ["kettle", "glass"]})
    assert registry.spec("kitchen") == {"tags": ["kettle", "glass"]}
    registry.begin("kitchen", "abc")
    assert [version.version for version in registry.delete("kitchen")] == [1]
    assert registry.specs() == {}
    assert registry.versions() == []
    assert registry.begin("kitchen", "abc").version == 2  # numbers are not given twice: detections name them
    with pytest.raises(UnknownModel, match="soundmill model define kitchen"):
        registry.spec("kitchen")


def test_a_model_that_is_deleted_while_it_is_fitted_becomes_nothing(catalog: Catalog) -> None:
    registry = ModelRegistry(catalog)
    registry.define("kitchen", {})
    fit = registry.begin("kitchen", "abc")
    registry.delete("kitchen")
    with pytest.raises(UnknownModel, match="was deleted while it was fitted"):
        registry.finish("kitchen", fit.version, {"tags": []})
    assert registry.champion() is None
    with pytest.raises(UnknownModel, match="no finished version"):
        registry.promote("kitchen", fit.version, "why not")


def test_two_who_change_a_definition_at_once_do_not_overwrite_each_other(catalog: Catalog) -> None:
    registry = ModelRegistry(catalog)
    registry.define_new("kitchen", {"a": 1})
    with pytest.raises(SpecRefused, match="another model is called"):
        registry.define_new("kitchen", {"a": 2})
    since = registry.defined()["kitchen"][1]
    outcomes: list[object] = []

    def change(value: int) -> None:
        try:
            registry.redefine("kitchen", {"a": value}, since)
            outcomes.append(value)
        except DefinitionChanged:
            outcomes.append(None)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(change, range(10, 18)))
    (won,) = (one for one in outcomes if one is not None)
    assert registry.spec("kitchen") == {"a": won}
    assert set(registry.created()) == {"kitchen"}
