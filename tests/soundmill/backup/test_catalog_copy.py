"""The catalog's rows in a backup."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from soundmill.backup import Bucket, back_up
from soundmill.backup.catalog_copy import marks, snapshot
from soundmill.catalog import Catalog, Item, Ledger
from soundmill.lake import Lake
from tests.soundmill.backup.homes import DAY, settings


def test_no_secret_and_no_password_is_in_the_backup(folder_lake: Lake, sqlite_catalog: Catalog, bucket: Bucket, tmp_path: Path) -> None:
    mine = settings(tmp_path, catalog="postgresql+psycopg://anna:HUNTER2@db/x", api_token="HUNTER2", alert_webhook="http://a.test/HUNTER2")
    back_up(bucket, folder_lake, sqlite_catalog, mine)
    kept = bucket.get("config/settings.json") or b""
    assert b"HUNTER2" not in kept
    assert b"postgresql+psycopg://anna:***@db/x" in kept


def test_a_row_written_before_and_committed_after_a_backup_is_in_the_next(sqlite_catalog: Catalog) -> None:
    Ledger(sqlite_catalog).record(Item("mic/1", "segment", "mic", DAY, "ready", "f"))
    with snapshot(sqlite_catalog) as connection:
        assert marks(connection, datetime.now(UTC))[f"items/{DAY}"] == ""  # too young to be believed
        assert marks(connection, datetime.now(UTC) + timedelta(minutes=11))[f"items/{DAY}"].startswith("1 ")
