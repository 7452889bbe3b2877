"""Tables as the code has them, and as migrations build them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import inspect

from soundmill.catalog import Annotations, AudioCollection, Catalog
from soundmill.catalog.schema import Base
from soundmill.formats.annotation import Annotation


def test_the_migrations_build_what_the_models_say(catalog: Catalog) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with catalog.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_a_migration_can_be_taken_back(sqlite_catalog: Catalog) -> None:
    from alembic import command
    from alembic.config import Config

    import soundmill.catalog

    config = Config()
    config.set_main_option("script_location", str(Path(soundmill.catalog.__file__).parent / "migrations"))
    with sqlite_catalog.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        assert set(inspect(connection).get_table_names()) <= {"alembic_version"}


def test_what_older_versions_trained_on_is_set_apart_by_who_labelled_it(sqlite_catalog: Catalog) -> None:
    from alembic import command
    from alembic.config import Config

    import soundmill.catalog

    start = datetime(2025, 1, 1, tzinfo=UTC)
    names = {"clips": "folder", "demo": "demo", "yard": "ann"}
    Annotations(sqlite_catalog).add(
        Annotation(source, start, start + timedelta(seconds=1), "bell", author) for source, author in names.items()
    )
    config = Config()
    config.set_main_option("script_location", str(Path(soundmill.catalog.__file__).parent / "migrations"))
    with sqlite_catalog.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0006")
        command.upgrade(config, "0007")
    assert AudioCollection(sqlite_catalog).apart() == {
        "landing/clips/": "training clips",
        "landing/demo/": "demo",
        "downloads/demo-call-": "demo",
    }
