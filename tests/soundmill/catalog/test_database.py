"""Opening the catalog: migrations, two at once, and clear refusals."""

import threading
from pathlib import Path

import pytest
from sqlalchemy import text

from soundmill.catalog import Catalog, open_catalog
from soundmill.catalog.database import HEAD
from soundmill.errors import CatalogUnavailable


def test_the_newest_migration_is_the_one_that_is_opened_to(catalog: Catalog) -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    import soundmill.catalog

    config = Config()
    config.set_main_option("script_location", str(Path(soundmill.catalog.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD
    with catalog.engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == HEAD


def test_many_that_open_a_new_catalog_at_once_all_get_it(tmp_path: Path, empty_postgres_url: str) -> None:
    for url in (f"sqlite:///{tmp_path / 'new' / 'catalog.db'}", empty_postgres_url):
        errors: list[Exception] = []

        def open_it(url: str = url, errors: list[Exception] = errors) -> None:
            try:
                open_catalog(url).close()
            except Exception as error:  # noqa: BLE001  # whatever it is, the test wants to show it
                errors.append(error)

        threads = [threading.Thread(target=open_it) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []


def test_a_plain_postgresql_url_is_understood(postgres_url: str) -> None:
    opened = open_catalog(postgres_url.replace("postgresql+psycopg://", "postgresql://"))
    assert opened.engine.dialect.driver == "psycopg"
    opened.close()


@pytest.mark.parametrize("url", ["not a url", "postgresql+psycopg://nobody@127.0.0.1:1/none", "mysql://nobody@host/none"])
def test_what_cannot_be_opened_is_said_in_one_line(url: str) -> None:
    with pytest.raises(CatalogUnavailable) as caught:
        open_catalog(url)
    assert any(part in str(caught.value) for part in ("nobody", "not a database URL", "not mysql"))
