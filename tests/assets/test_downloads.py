"""Downloads, progress and backup as assets, on a folder with SQLite and on S3 with PostgreSQL."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from resources import AlertsResource, BackupResource, CollectionResource, DownloadsResource
from soundmill.backup import Bucket, restore, verify
from soundmill.catalog import DownloadQueue, Ledger, Wanted, open_catalog
from soundmill.ingest.downloads import DOWNLOADS
from soundmill.lake import open_lake
from tests.conftest import wav
from tests.home import FIRST, Home
from tests.web import Web

DAYS = tuple(FIRST + timedelta(days=n) for n in range(2))


def ask(home: Home, web: Web, day: date = DAYS[0]) -> None:
    """A call with both sides, one without a customer, and a file that is not there."""
    moment = datetime(day.year, day.month, day.day, 8, tzinfo=UTC)
    urls = [web.serve(f"/{day}/{n}", wav(2, 300 + 50 * n + day.day)) for n in range(3)]
    wanted = [Wanted(f"{day}-a", "agent", urls[0]), Wanted(f"{day}-a", "customer", urls[1]), Wanted(f"{day}-b", "agent", urls[2])]
    DownloadQueue(home.catalog).add([*wanted, Wanted(f"{day}-b", "customer", web.url + "/gone")], moment)


def checks(home: Home, asset: str) -> dict[str, bool]:
    """The newest verdict of each check of an asset."""
    keys = [key for key in home.defs.resolve_asset_graph().asset_check_keys if key.asset_key == dg.AssetKey(asset)]
    newest = home.instance.event_log_storage.get_latest_asset_check_execution_by_key(keys)
    return {key.name: record.status.value == "SUCCEEDED" for key, record in newest.items()}


def test_requests_of_two_days_become_files_tables_and_metadata(home: Home, web: Web) -> None:
    for day in DAYS:
        ask(home, web, day)
    done = home.run("downloads", days=DAYS)
    for day in DAYS:
        facts = done["downloads", str(day)]
        assert {name: facts[name] for name in ("status", "files", "pairs", "quarantined", "attempts")} == {
            "status": "updated", "files": 3, "pairs": 1, "quarantined": 1, "attempts": 4,
        }  # fmt: skip
        assert "http_404" in facts["quarantine_reasons"]
        assert f"{day}-a" in facts["pairs_preview"]
    assert checks(home, "downloads") == {"all_16khz_mono": True, "pairs_agree": True, "nothing_silent": True, "few_failed": False}
    before = home.stored("audio", "tables", "manifests", "quarantine")
    asked = len(web.asked)
    assert {facts["status"] for facts in home.run("downloads", days=DAYS).values()} == {"unchanged"}
    assert home.stored("audio", "tables", "manifests", "quarantine") == before
    assert len(web.asked) == asked


def test_a_day_without_requests_says_so(home: Home) -> None:
    assert home.run("downloads", days=DAYS[:1])["downloads", str(DAYS[0])]["status"] == "no data"
    assert all(checks(home, "downloads").values())


def test_checks_fail_for_a_silent_side_a_pair_that_cannot_be_and_a_file_that_is_gone(local_home: Home, web: Web) -> None:
    moment = datetime(2025, 1, 1, 8, tzinfo=UTC)
    wanted = [Wanted("c", "agent", web.serve("/a", wav(2))), Wanted("c", "customer", web.serve("/b", wav(9, amplitude=0.0)))]
    DownloadQueue(local_home.catalog).add(wanted, moment)
    local_home.run("downloads", days=DAYS[:1])
    assert checks(local_home, "downloads") == {"all_16khz_mono": True, "pairs_agree": False, "nothing_silent": False, "few_failed": True}
    local_home.lake.delete("audio/downloads/2025-01-01/c/c_agent.wav")
    local_home.run("downloads", days=DAYS[:1])
    assert not checks(local_home, "downloads")["all_16khz_mono"]


def test_downloads_and_segments_are_counted_side_by_side(home: Home, web: Web) -> None:
    ask(home, web)
    home.land_day(DAYS[0])
    home.run("downloads", "captured_segments", days=DAYS[:1])
    home.resources["collection"] = CollectionResource(extractors=["pooled_spectral"], target_hours=1.0)
    home.rebuild()
    facts = home.run("collection_progress")["collection_progress", None]
    counts = home.ledger.counts()
    assert {count.source for count in counts} == {"downloads", "mic"}
    assert facts["hours_ready"] == pytest.approx(sum(count.seconds for count in counts if count.state == "ready") / 3600, abs=1e-4)
    assert facts["conversations"] == 1
    assert 800 < facts["conversations_needed"] < 900
    assert checks(home, "collection_progress") == {"no_failed_partitions": True, "hours_reconcile": True}
    # the ledger's own sum is the sum over the states, and each of the two assets counts what is its own
    states = {state: sum(count.seconds for count in counts if count.state == state) for state in {count.state for count in counts}}
    assert facts["hours_raw"] == pytest.approx(sum(states.values()) / 3600, abs=1e-4)
    assert "conversation_id,timestamp" in home.lake.read_bytes("reports/collection_progress/conversations.csv").decode()
    day_of_segments = home.run("captured_segments", days=DAYS[:1])["captured_segments", str(DAYS[0])]
    assert "quarantine_reasons" not in day_of_segments
    home.lake.delete(home.lake.table_path(DOWNLOADS, DAYS[0]))
    home.run("collection_progress")
    assert not checks(home, "collection_progress")["hours_reconcile"]


def test_the_count_in_which_the_target_is_reached_says_so_once(local_home: Home, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    monkeypatch.setattr(AlertsResource, "send", lambda self, text, **facts: sent.append(text))
    local_home.resources["collection"] = CollectionResource(extractors=["pooled_spectral"], target_hours=5 / 3600)
    local_home.rebuild()
    local_home.run("collection_progress")
    assert sent == []
    ask(local_home, web)
    local_home.run("downloads", days=DAYS[:1])
    for _ in range(2):
        assert local_home.run("collection_progress")["collection_progress", None]["status"] == "target reached"
    assert len(sent) == 1
    assert "target of" in sent[0]
    newest = local_home.instance.fetch_observations(dg.AssetKey("collection_progress"), limit=5).records
    assert len(newest) == 1


def test_at_the_target_downloads_stop_if_so_configured(local_home: Home, web: Web) -> None:
    ask(local_home, web)
    local_home.resources["fetching"] = DownloadsResource(
        spool=local_home.resources["fetching"].spool, allow=["127.0.0.1"], stop_at_hours=1 / 3600, concurrency=1
    )
    local_home.rebuild()
    facts = local_home.run("downloads", days=DAYS[:1])["downloads", str(DAYS[0])]
    assert (facts["status"], facts["attempts"]) == ("target reached", 1)


def test_the_backup_copies_what_changed_and_the_restored_home_goes_on(
    local_home: Home, web: Web, s3_url: str, s3_endpoint: str, tmp_path: Path
) -> None:
    ask(local_home, web)
    local_home.land_day(DAYS[0])
    local_home.run("downloads", "captured_segments", "annotations", days=DAYS[:1])
    assert local_home.run("s3_backup")["s3_backup", None]["status"].startswith("not set")
    local_home.resources["backup"] = BackupResource(url=s3_url, endpoint=s3_endpoint, settings={"SOUNDMILL_BACKUP": s3_url})
    local_home.rebuild()
    first = local_home.run("s3_backup")["s3_backup", None]
    assert first["status"] == "updated"
    assert first["files_uploaded"] == len(list(local_home.lake.files("")))
    again = local_home.run("s3_backup")["s3_backup", None]
    assert (again["status"], again["files_uploaded"]) == ("unchanged", 0)
    assert checks(local_home, "s3_backup") == {"everything_copied": True}
    bucket, new = Bucket(s3_url, s3_endpoint), tmp_path / "new"
    assert verify(bucket).sound
    url = f"sqlite:///{new}/catalog.db"
    assert restore(bucket, open_lake(str(new / "lake")), url, new).damaged == []
    restored = Home(
        {
            **local_home.resources,
            "lake": type(local_home.resources["lake"])(url=str(new / "lake")),
            "catalog": type(local_home.resources["catalog"])(url=url),
        },
        local_home.instance,
    )
    assert restored.stored("") == local_home.stored("")
    assert Ledger(open_catalog(url)).counts() == local_home.ledger.counts()
    done = restored.run("downloads", "captured_segments", "capture_coverage", "annotations", days=DAYS[:1])
    assert {asset: facts["status"] for (asset, _), facts in done.items()} == {
        "downloads": "unchanged", "captured_segments": "unchanged", "capture_coverage": "updated", "annotations": "unchanged",
    }  # fmt: skip
    assert done["captured_segments", str(DAYS[0])]["files_worked_on"] == 0
    assert json.loads((new / "restored-settings.json").read_text())["SOUNDMILL_BACKUP"] == s3_url
