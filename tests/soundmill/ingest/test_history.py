"""What came in when, and what failed for good."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from soundmill.catalog import Catalog
from soundmill.ingest.downloads import update_downloads
from soundmill.ingest.history import history
from soundmill.lake import Lake
from tests.conftest import wav
from tests.soundmill.ingest.asking import DAY, ask, options
from tests.web import Web


def test_files_by_speaker_and_failures_in_the_hour_and_day_of_the_zone(
    folder_lake: Lake, sqlite_catalog: Catalog, web: Web, tmp_path: Path
) -> None:
    a, b = web.serve("/a", wav(2)), web.serve("/b", wav(2, 600))
    ask(sqlite_catalog, ("call", "agent", a), ("call", "customer", b), ("talk", "guest", a + "?2"), ("lost", "agent", web.url + "/gone"))
    update_downloads(folder_lake, sqlite_catalog, DAY, options(tmp_path))
    (row,) = history(sqlite_catalog, UTC, by="day")
    assert row["when"] == f"{datetime.now(UTC):%Y-%m-%d}"
    assert (row["conversations"], row["agent"], row["customer"], row["failed"]) == (1 + row["other"], 1, 1, 1)
    far = ZoneInfo("Pacific/Kiritimati")
    (row,) = history(sqlite_catalog, far)
    assert row["when"] == f"{datetime.now(far):%Y-%m-%d %H:00}"
