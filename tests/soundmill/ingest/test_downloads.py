"""From requests to files, rows, tables and manifests: on real servers, with real faults, and killed midway."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soundmill.audio import probe, to_pcm16, wav_bytes
from soundmill.catalog import Catalog, DownloadQueue, Ledger
from soundmill.ingest import downloads
from soundmill.ingest.downloads import DOWNLOADS, update_downloads
from soundmill.ingest.pairs import PAIRS
from soundmill.lake import Lake
from tests.conftest import tone, wav
from tests.soundmill.ingest.asking import DAY, ask, blobs, options
from tests.web import Web


def test_both_sides_of_a_call_come_in(lake: Lake, catalog: Catalog, web: Web, tmp_path: Path) -> None:
    ask(catalog, ("call-1", "agent", web.serve("/a.wav", wav(3, 300))), ("call-1", "customer", web.serve("/b.wav", wav(3.2, 500, 8_000))))
    done = update_downloads(lake, catalog, DAY, options(tmp_path))
    assert (done.states, done.requests, done.damaged, done.attempts) == ({"ready": 2}, {"done": 2}, [], 2)
    rows = lake.read_days(DOWNLOADS, [DAY]).to_pylist()
    assert [(row["speaker"], row["seconds"], row["original_rate"]) for row in rows] == [("agent", 3.0, 44_100), ("customer", 3.2, 8_000)]
    with lake.local_file("audio/downloads/2026-01-05/call-1/call-1_customer.wav") as path:
        info = probe(path)
        assert (info.sample_rate, info.channels, info.codec) == (16_000, 1, "pcm_16")
    (pair,) = lake.read_days(PAIRS, [DAY]).to_pylist()
    assert (pair["difference"], pair["agrees"]) == (pytest.approx(0.2), True)
    assert list((tmp_path / "spool").iterdir()) == []
    before = blobs(lake)
    assert update_downloads(lake, catalog, DAY, options(tmp_path)).attempts == 0
    assert blobs(lake) == before


def test_real_calls_come_in_as_their_readme_says(data: Path, folder_lake: Lake, sqlite_catalog: Catalog, web: Web, tmp_path: Path) -> None:
    urls = {path.name: web.serve(f"/{path.name}", path.read_bytes()) for path in (data / "calls").iterdir() if path.suffix != ".md"}
    ask(
        sqlite_catalog,
        ("40", "agent", urls["call_40_agent.wav"]),
        ("40", "customer", urls["call_40_customer.wav"]),
        ("49", "agent+customer", urls["call_49_stereo_agent_left.flac"]),
        ("mono", "speaker", urls["mono_8bit_pcm.wav"]),
    )
    done = update_downloads(folder_lake, sqlite_catalog, DAY, options(tmp_path))
    assert done.states == {"ready": 5}
    assert [pair.problem for pair in done.pairs] == ["", ""]
    shown = [(p.agent_seconds, p.customer_seconds, p.agent_speech, p.customer_speech, p.both_speech) for p in done.pairs]
    assert shown[0] == (
        pytest.approx(245.4, abs=0.1),
        pytest.approx(245.4, abs=0.1),
        *(pytest.approx(x, abs=0.01) for x in (0.37, 0.37, 0.002)),
    )
    assert shown[1] == (
        pytest.approx(237.6, abs=0.1),
        pytest.approx(237.6, abs=0.1),
        *(pytest.approx(x, abs=0.01) for x in (0.53, 0.38, 0.09)),
    )
    assert folder_lake.read_days(DOWNLOADS, [DAY]).to_pylist()[-1]["seconds"] == pytest.approx(277.7, abs=0.1)


def test_lhotse_opens_and_validates_what_is_written(folder_lake: Lake, sqlite_catalog: Catalog, web: Web, tmp_path: Path) -> None:
    from lhotse import CutSet, RecordingSet, SupervisionSet, validate

    bursts = np.concatenate([np.zeros(16_000), tone(1, 300, 16_000), np.zeros(16_000)]).astype(np.float32)
    ask(
        sqlite_catalog,
        ("call 1", "agent", web.serve("/a", wav_bytes(to_pcm16(bursts), 16_000))),
        ("call 1", "customer", web.serve("/b", wav_bytes(to_pcm16(np.roll(bursts, 12_000)), 16_000))),
    )
    update_downloads(folder_lake, sqlite_catalog, DAY, options(tmp_path))
    folder = f"{folder_lake.root}/manifests/downloads/{DAY}"
    recordings = RecordingSet.from_file(f"{folder}/recordings.jsonl.gz").with_path_prefix(folder_lake.root)
    supervisions = SupervisionSet.from_file(f"{folder}/supervisions.jsonl.gz")
    validate(recordings, read_data=True)
    validate(supervisions)
    cuts = CutSet.from_manifests(recordings=recordings, supervisions=supervisions)
    validate(cuts)
    (said,) = next(cut for cut in cuts if cut.recording_id == "call 1--agent").supervisions
    assert (said.speaker, said.start, said.end) == ("agent", pytest.approx(1.0, abs=0.03), pytest.approx(2.0, abs=0.03))
    rttm = SupervisionSet.from_rttm(f"{folder}/speech.rttm")
    assert sorted((one.recording_id, one.speaker) for one in rttm) == [("call_1", "agent"), ("call_1", "customer")]


def test_a_run_stopped_before_its_tables_leaves_the_day_to_be_made(
    folder_lake: Lake, sqlite_catalog: Catalog, web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(sqlite_catalog, ("a", "agent", web.serve("/a", wav(2))))

    def stop(*_: Any) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(downloads, "_write_day", stop)
        update_downloads(folder_lake, sqlite_catalog, DAY, options(tmp_path))
    assert DownloadQueue(sqlite_catalog).due_days(datetime.now(UTC)) == {}
    assert Ledger(sqlite_catalog).stale("downloads") == [DAY]
    assert update_downloads(folder_lake, sqlite_catalog, DAY, options(tmp_path)).states == {"ready": 1}
    assert Ledger(sqlite_catalog).stale("downloads") == []
    assert len(folder_lake.read_days(DOWNLOADS, [DAY])) == 1
