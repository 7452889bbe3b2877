"""Progress as an asset: counts that reconcile with the ledger."""

import json

import dagster as dg
import pytest

from pipeline.run import RunFailed
from resources import AlertsResource, CollectionResource, DownloadsResource
from soundmill.ingest.downloads import DOWNLOADS
from tests.assets.graph import ask, checks
from tests.conftest import wav
from tests.home import DAYS, Home
from tests.web import Web


def test_progress_counts_reconcile_and_failed_days_are_listed(local_home: Home) -> None:
    local_home.land_day(DAYS[0])
    local_home.lake.write_bytes("landing/mic/2025-01-01/2025-01-01T20-00-00.wav", wav(3.0, amplitude=0.001))
    local_home.run("captured_segments", days=DAYS[:1])
    facts = local_home.run("collection_progress")["collection_progress", None]
    assert facts["hours_raw"] == pytest.approx((24 * 132_352 / 44_100 + 3) / 3600, abs=1e-4)
    assert "silent | 1" in facts["items_by_state"]
    assert checks(local_home)["no_failed_partitions"] is True
    assert checks(local_home)["hours_reconcile"] is True
    local_home.lake.write_bytes("tables/captured_segments/2025-01-01.parquet", b"damaged")
    with pytest.raises(RunFailed):
        local_home.run("segment_features", days=DAYS[:1])
    local_home.run("collection_progress")
    assert checks(local_home)["no_failed_partitions"] is False
    assert json.loads(local_home.lake.read_bytes("reports/collection_progress/progress.json"))["items"] == {"ready": 24, "silent": 1}


def test_downloads_and_segments_are_counted_side_by_side(local_home: Home, web: Web) -> None:
    ask(local_home, web)
    local_home.land_day(DAYS[0])
    local_home.run("downloads", "captured_segments", days=DAYS[:1])
    local_home.resources["collection"] = CollectionResource(extractors=["pooled_spectral"], target_hours=1.0)
    local_home.rebuild()
    facts = local_home.run("collection_progress")["collection_progress", None]
    counts = local_home.ledger.counts()
    assert {count.source for count in counts} == {"downloads", "mic"}
    assert facts["hours_ready"] == pytest.approx(sum(count.seconds for count in counts if count.state == "ready") / 3600, abs=1e-4)
    assert facts["conversations"] == 1
    assert facts["conversations_needed"] == "unknown"  # a call or two of seconds say nothing of the rest
    assert checks(local_home, "collection_progress") == {"no_failed_partitions": True, "hours_reconcile": True}
    # the ledger's own sum is the sum over the states, and each of the two assets counts what is its own
    states = {state: sum(count.seconds for count in counts if count.state == state) for state in {count.state for count in counts}}
    assert facts["hours_raw"] == pytest.approx(sum(states.values()) / 3600, abs=1e-4)
    assert "conversation_id,timestamp" in local_home.lake.read_bytes("reports/collection_progress/conversations.csv").decode()
    day_of_segments = local_home.run("captured_segments", days=DAYS[:1])["captured_segments", str(DAYS[0])]
    assert "quarantine_reasons" not in day_of_segments
    local_home.lake.delete(local_home.lake.table_path(DOWNLOADS, DAYS[0]))
    local_home.run("collection_progress")
    assert not checks(local_home, "collection_progress")["hours_reconcile"]


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
