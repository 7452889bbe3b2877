"""A version against the champion: when the two are compared, and what is said where they are not."""

from zoneinfo import ZoneInfo

from soundmill.catalog import ModelRegistry, ModelVersion
from soundmill.options import TrainingOptions
from soundmill.osr.evaluation import HeldOut
from soundmill.osr.spec import ModelSpec
from soundmill.workflows.training.data import TrainingData
from soundmill.workflows.training.fit import train_model
from soundmill.workflows.training.models import load_version, model_path
from soundmill.workflows.training.promotion import consider_promotion
from tests.home import DAYS, Home

OPTIONS = TrainingOptions()


def considered(home: Home, version: ModelVersion, *, has_leaks: bool = False) -> str:
    data = TrainingData(home.lake, ModelSpec.parse((version.card or {})["spec"]), ZoneInfo("UTC"))
    tested = load_version(home.lake, version), HeldOut(data.tagged(), *data.test_background())
    return consider_promotion(home.lake, home.catalog, version, tested, data, OPTIONS, has_leaks=has_leaks)


def challenger(home: Home, name: str = "rival") -> ModelVersion:
    home.define(name, train_days=DAYS[:2], test_days=DAYS[2:], seed=1)
    return train_model(home.lake, home.catalog, name, OPTIONS).version


def test_the_champion_is_not_compared_with_itself_and_without_one_nobody_is(built_home: Home) -> None:
    registry = ModelRegistry(built_home.catalog)
    house = registry.current("house")
    assert considered(built_home, house).startswith("is the champion")
    rival = challenger(built_home)
    registry.delete("house")
    assert considered(built_home, rival) == "there is no champion"


def test_a_test_day_of_a_few_sounds_decides_nothing(built_home: Home) -> None:
    assert considered(built_home, challenger(built_home)) == "not compared against house 1: the test days hold too little to tell"
    champion = ModelRegistry(built_home.catalog).champion()
    assert champion is not None
    assert champion.name == "house"


def test_what_makes_a_comparison_unfair_or_impossible_is_said(built_home: Home) -> None:
    rival = challenger(built_home)
    assert "copies of test sounds" in considered(built_home, rival, has_leaks=True)
    assert "promote themselves" in considered(built_home, challenger(built_home, "demo-house"))
    built_home.lake.delete(model_path(ModelRegistry(built_home.catalog).current("house")))
    assert considered(built_home, rival).startswith("not compared against house 1: ")
