"""One erasure: whatever is withdrawn leaves an audit row, and nothing by which it could be known again."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from soundmill.capture import Segmenter, update_segments
from soundmill.capture.redaction import plan_redaction, plan_silent
from soundmill.catalog import Accounts, Catalog, DownloadQueue, Erasures, Ledger, Wanted, lease
from soundmill.catalog.erasures import subject_hash
from soundmill.ingest.downloads import update_downloads
from soundmill.lake import Lake
from soundmill.options import DownloadOptions, FetchOptions, SpeechOptions, UploadOptions
from soundmill.workflows.erasure import Conversation, days_of, erase
from soundmill.workflows.uploads import intake
from tests.conftest import wav
from tests.web import Web

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
DAY = NOON.date()


def test_every_way_of_erasing_goes_through_one_function_and_leaves_an_audit_row(
    folder_lake: Lake, catalog: Catalog, web: Web, tmp_path: Path
) -> None:
    DownloadQueue(catalog).add([Wanted("call", "agent", web.serve("/a", wav(2)))], NOON)
    options = DownloadOptions(tmp_path / "spool", FetchOptions(allow=("127.0.0.1",)))
    update_downloads(folder_lake, catalog, DAY, options)
    folder_lake.write_bytes(f"landing/mic/{DAY}/{NOON:%Y%m%dT%H%M%S}Z.wav", wav(9))
    silent_from = NOON + timedelta(hours=1)
    folder_lake.write_bytes(f"landing/mic/{DAY}/{silent_from:%Y%m%dT%H%M%S}Z.wav", wav(9, amplitude=0.0))
    update_segments(folder_lake, Ledger(catalog), DAY, Segmenter(), now=NOON)
    ann = Accounts(catalog).add("ann", "correct-horse-9")
    path = tmp_path / "x.wav"
    path.write_bytes(wav(2))
    uploading = UploadOptions(SpeechOptions(tmp_path / "no-model"))
    first, second = (
        intake.receive(folder_lake, catalog, uploading, ann, intake.Wanted(name, "x.wav"), path, name) for name in ("one", "two")
    )
    hour = timedelta(hours=1)
    silence = plan_silent(catalog, "mic", silent_from, silent_from + hour)
    interval = plan_redaction(catalog, "mic", NOON, NOON + timedelta(minutes=1))
    done = [erase(folder_lake, catalog, subject, "ann") for subject in (Conversation("call"), first, silence, interval, ann)]
    assert [(erased.items, erased.files) for erased in done] == [(1, 1), (1, 1), (0, 1), (3, 4), (1, 1)]
    assert not [entry.path for folder in ("audio", "landing") for entry in folder_lake.files(folder)]
    kinds = [row.kind for row in Erasures(catalog).all()]
    assert kinds == ["conversation", "upload", "silence", "interval", "upload", "account"]  # the account's other upload by itself
    rows = Erasures(catalog).all()
    assert rows[0].subject_sha256 == subject_hash("call")
    assert {row.by for row in rows} == {"ann"}
    assert {row.subject_sha256 for row in rows} >= {subject_hash(first.uuid), subject_hash(second.uuid), subject_hash("ann")}
    assert "call" not in repr(rows)


def test_an_erasure_that_was_cut_off_is_completed_by_the_next(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    folder_lake.write_bytes(f"landing/mic/{DAY}/{NOON:%Y%m%dT%H%M%S}Z.wav", wav(9))
    update_segments(folder_lake, Ledger(sqlite_catalog), DAY, Segmenter(), now=NOON)
    plan = plan_redaction(sqlite_catalog, "mic", NOON, NOON + timedelta(minutes=1))
    Ledger(sqlite_catalog).withdraw("mic", plan.spans, plan.segments, "captured_segments")  # and killed before any file went
    again = plan_redaction(sqlite_catalog, "mic", NOON, NOON + timedelta(minutes=1))
    assert again.segments == ()
    assert erase(folder_lake, sqlite_catalog, again).files == 4
    assert not list(folder_lake.files("landing"))


def test_a_redaction_waits_for_the_run_that_cuts_its_days(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    folder_lake.write_bytes(f"landing/mic/{DAY}/{NOON:%Y%m%dT%H%M%S}Z.wav", wav(9))
    update_segments(folder_lake, Ledger(sqlite_catalog), DAY, Segmenter(), now=NOON)
    plan = plan_redaction(sqlite_catalog, "mic", NOON, NOON + timedelta(minutes=1))
    assert DAY in days_of(plan)
    with ThreadPoolExecutor(1) as pool:
        with lease(sqlite_catalog, f"captured_segments/{DAY}", wait=0):
            redaction = pool.submit(erase, folder_lake, sqlite_catalog, plan)
            with pytest.raises(TimeoutError):
                redaction.result(1.5)
            assert len(list(folder_lake.files("landing"))) == 1
        assert redaction.result(30).items == 3
    assert list(folder_lake.files("landing")) == []


def test_segments_that_came_to_lie_elsewhere_since_the_plan_are_not_withdrawn(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    folder_lake.write_bytes(f"landing/mic/{DAY}/{NOON:%Y%m%dT%H%M%S}Z.wav", wav(30))
    ledger = Ledger(sqlite_catalog)
    update_segments(folder_lake, ledger, DAY, Segmenter(), now=NOON)
    plan = plan_redaction(sqlite_catalog, "mic", NOON + timedelta(seconds=20), NOON + timedelta(seconds=24))
    update_segments(folder_lake, ledger, DAY, Segmenter(samples=66_176), now=NOON)
    erase(folder_lake, sqlite_catalog, plan)
    gone = [item.started_at for item in ledger.segments(DAY, "withdrawn")]
    assert gone
    assert all(moment >= NOON + timedelta(seconds=15) for moment in gone if moment)
