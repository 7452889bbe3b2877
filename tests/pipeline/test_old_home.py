"""A home made by the version before: catalog of schema 0004, tables and models as that version stored them."""

import io
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import inspect, text

import soundmill.catalog
from soundmill.catalog import Accounts, Annotations, ModelRegistry
from soundmill.formats.annotation import Annotation
from soundmill.osr.recogniser import dump_model, load_model
from tests.home import BEFORE_MODEL, DAYS, Home, home_in

PASSWORD = "a sound nobody knows"
RENAMED = {"expected_recall_": "promised_", "cross_validation_": "rehearsed_"}


def make_old(home: Home) -> None:
    """Takes a home back to what the version before wrote."""
    for version in ModelRegistry(home.catalog).versions("house"):
        path = f"models/house/{version.version}/model.skops"
        model = load_model(home.lake.read_bytes(path))
        for part in (model, getattr(model, "classifier_", None)):
            for new, old in RENAMED.items():
                if part is not None and new in vars(part):
                    setattr(part, old, vars(part).pop(new))
        buffer = io.BytesIO()
        dump_model(model, buffer)
        home.lake.write_bytes(path, buffer.getvalue())
    for entry in list(home.lake.files("tables/annotations")):
        rows = pq.read_table(io.BytesIO(home.lake.read_bytes(entry.path))).drop_columns(["low_hz", "high_hz"])
        buffer = io.BytesIO()
        pq.write_table(rows.replace_schema_metadata({**rows.schema.metadata, b"soundmill.schema_version": b"1"}), buffer)
        home.lake.write_bytes(entry.path, buffer.getvalue())
    config = Config()
    config.set_main_option("script_location", str(Path(soundmill.catalog.__file__).parent / "migrations"))
    with home.catalog.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0004")
    home.catalog.close()


@pytest.fixture
def old_home(built_home: Home, tmp_path: Path) -> Iterator[tuple[Home, dict[str, bytes], list[Annotation]]]:
    """An old home, the tables it was made with, and its labels."""
    accounts = Accounts(built_home.catalog)
    accounts.add("ann", PASSWORD, roles=["admin", "client"])
    accounts.add("bob", PASSWORD)
    labels = Annotations(built_home.catalog)
    (first, *_) = labels.of_days(DAYS[2], DAYS[2])
    labels.withdraw([first])
    built_home.run("annotations", "annotation_features", days=DAYS[2:])
    before, known = built_home.stored("tables"), [*labels.of_days(DAYS[0], DAYS[2])]
    engine = built_home.catalog.engine
    make_old(built_home)
    with engine.connect() as connection:
        assert {column["name"] for column in inspect(connection).get_columns("accounts")} >= {"is_admin"}
        assert "promised_recall" in str(connection.scalar(text("SELECT card FROM model_versions")))
        assert connection.scalar(text("SELECT count(*) FROM annotations WHERE withdrawn_at IS NOT NULL")) == 1
    engine.dispose()
    shutil.copytree(tmp_path / "built", tmp_path / "old")
    for opened in home_in(tmp_path / "old"):
        yield opened, before, known


def test_an_old_home_opens_with_the_same_champion_labels_and_people(old_home: tuple[Home, dict[str, bytes], list[Annotation]]) -> None:
    home, _, known = old_home
    champion = ModelRegistry(home.catalog).champion()
    assert champion is not None
    assert (champion.name, champion.version) == ("house", 1)
    assert {"expected_recall", "cross_validation"} <= set(champion.card or {})
    assert Annotations(home.catalog).of_days(DAYS[0], DAYS[2]) == known
    accounts = Accounts(home.catalog)
    assert {account.username: account.roles for account in accounts.all()} == {"ann": ("admin", "client"), "bob": ("client",)}
    assert accounts.login("ann", PASSWORD, "127.0.0.1")


def test_an_old_home_goes_on_with_the_same_tables_and_model(old_home: tuple[Home, dict[str, bytes], list[Annotation]]) -> None:
    home, before, _ = old_home
    home.run(*BEFORE_MODEL, days=DAYS)
    assert home.run("osr_model", model="house")["osr_model", "house"]["status"] == "unchanged"
    assert home.run("evaluation_report", model="house")["evaluation_report", "house"]["version"] == 1
    home.run("detections", days=DAYS)
    assert home.stored("tables") == before


def test_an_old_home_takes_labels_of_two_people_for_one_sound(old_home: tuple[Home, dict[str, bytes], list[Annotation]]) -> None:
    home, _, known = old_home
    labels = Annotations(home.catalog)
    labels.add([replace(known[0], author="somebody else")])
    assert len(labels.of_days(DAYS[0], DAYS[2])) == len(known) + 1
    home.run("annotations", "annotation_features", days=DAYS[:1])
    assert home.run("osr_model", model="house")["osr_model", "house"]["status"] == "unchanged"  # one sound is one
