"""A fetched file becomes audio of one speaker."""

import io
from pathlib import Path

import numpy as np
import soundfile as sf

from soundmill.audio import read_pcm, to_pcm16
from soundmill.catalog import Catalog, Ledger
from soundmill.ingest.downloads import DOWNLOADS, damaged_files, update_downloads
from soundmill.lake import Lake
from soundmill.workflows.erasure import Conversation, erase
from tests.conftest import tone, wav
from tests.soundmill.ingest.asking import DAY, ask, options
from tests.web import Web


def test_a_stereo_recording_is_taken_apart_and_other_files_are_mixed(
    folder_lake: Lake, sqlite_catalog: Catalog, web: Web, tmp_path: Path
) -> None:
    left, right = tone(2, 300, 16_000), tone(2, 900, 16_000, 0.1)
    stereo = io.BytesIO()
    sf.write(stereo, np.stack([left, right], 1), 16_000, format="FLAC")
    url = web.serve("/s.flac", stereo.getvalue())
    ask(sqlite_catalog, ("call", "agent+customer", url), ("mixed", "speaker", url), ("three", "a+b+c", url))
    done = update_downloads(folder_lake, sqlite_catalog, DAY, options(tmp_path))
    assert done.states == {"ready": 3, "quarantined": 3}
    assert done.reasons == {"channel_count": 3}
    names = ("call/call_agent", "call/call_customer", "mixed/mixed_speaker")
    pcm = {name: read_pcm(folder_lake.read_bytes(f"audio/downloads/2026-01-05/{name}.wav"))[0] for name in names}
    assert np.abs(pcm["call/call_agent"] - to_pcm16(left)).max() <= 1
    assert np.abs(pcm["call/call_customer"] - to_pcm16(right)).max() <= 1
    assert np.abs(pcm["mixed/mixed_speaker"] - to_pcm16((left + right) / 2)).max() <= 1


def test_the_same_sound_under_another_name_is_a_duplicate(folder_lake: Lake, sqlite_catalog: Catalog, web: Web, tmp_path: Path) -> None:
    url = web.serve("/a", wav(2))
    ask(sqlite_catalog, ("b", "agent", url), ("b", "customer", url), ("c", "agent", url), ("a", "agent", url))
    done = update_downloads(folder_lake, sqlite_catalog, DAY, options(tmp_path))
    assert done.states == {"ready": 1, "duplicate": 3}
    states = {row["key"]: row["state"] for row in folder_lake.read_days(DOWNLOADS, [DAY]).to_pylist()}
    assert states == {
        "downloads/a/agent": "ready",
        "downloads/b/agent": "duplicate",
        "downloads/b/customer": "duplicate",
        "downloads/c/agent": "duplicate",
    }
    assert done.seconds["ready"] == 2.0
    assert [pair.problem for pair in done.pairs] == ["both sides are the same audio"]
    assert erase(folder_lake, sqlite_catalog, Conversation("a")).files == 1
    assert not folder_lake.exists("audio/downloads/2026-01-05/a/a_agent.wav")
    done = update_downloads(folder_lake, sqlite_catalog, DAY, options(tmp_path))
    assert done.states == {"ready": 2, "duplicate": 1, "withdrawn": 1}


def test_what_silent_and_damaged_files_are_called(folder_lake: Lake, sqlite_catalog: Catalog, web: Web, tmp_path: Path) -> None:
    ask(sqlite_catalog, ("a", "agent", web.serve("/a", wav(2, amplitude=0.0))), ("b", "agent", web.serve("/b", wav(2))))
    assert update_downloads(folder_lake, sqlite_catalog, DAY, options(tmp_path)).silent == ["downloads/a/agent"]
    path = "audio/downloads/2026-01-05/b/b_agent.wav"
    folder_lake.write_bytes(path, wav(2, rate=44_100))
    items = Ledger(sqlite_catalog).downloads(DAY)
    (problem,) = damaged_files(folder_lake, items)
    assert problem.startswith(path)
    folder_lake.delete(path)
    assert damaged_files(folder_lake, items) == [f"{path} is missing"]
