"""soundmill ingest: what lands, and when it began."""

import json
from pathlib import Path

import av
import pytest

from tests.command import Command
from tests.conftest import tone, wav


def test_files_follow_each_other_from_a_given_moment(soundmill: Command, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.wav").write_bytes(wav(2.0))
    files = [str(tmp_path / f"{name}.wav") for name in ("a", "b")]
    landed = json.loads(soundmill("ingest", *files, "--started-at", "2025-03-01T10:00:00+01:00", "--json"))["landed"]
    assert [one["started_at"] for one in landed] == ["2025-03-01T09:00:00+00:00", "2025-03-01T09:00:02+00:00"]
    assert all((tmp_path / "home" / "lake" / one["landed"]).is_file() for one in landed)


def test_each_file_s_start_is_printed_with_what_says_so(soundmill: Command, tmp_path: Path) -> None:
    (tmp_path / "card").mkdir()
    for name in ("20260105_101500", "take"):
        (tmp_path / "card" / f"{name}.wav").write_bytes(wav(2.0))
    folder = str(tmp_path / "card")
    planned = soundmill("ingest", folder, "--source", "phone", "--timezone", "Europe/Berlin", "--dry-run")
    assert f"2026-01-05 09:15:00 UTC, by its name: {folder}/20260105_101500.wav" in planned
    assert f"by its FILE TIME: {folder}/take.wav" in planned
    assert "2 files would land for phone" in planned
    assert not (tmp_path / "home" / "lake" / "landing").exists()
    assert "2 files landed for phone" in soundmill("ingest", folder, "--source", "phone")
    assert "0 files landed for phone, 2 already here" in soundmill("ingest", folder, "--source", "phone")
    assert "no time zone is called" in soundmill("ingest", folder, "--timezone", "Mars", code=2)


def test_one_name_of_1969_stops_no_other(soundmill: Command, tmp_path: Path) -> None:
    for name in ("19691231_190554", "20260105_100000", "20260105_110000"):
        (tmp_path / f"{name}.WAV").write_bytes(wav(2.0))
    said = soundmill("ingest", str(tmp_path), "--source", "card", code=1)
    assert "19691231_190554.WAV: 1969-12-31 lies before 1970" in said
    assert len(list((tmp_path / "home" / "lake" / "landing").rglob("*.WAV"))) == 2


def test_files_without_a_length_in_their_header_follow_each_other(soundmill: Command, tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mp3"), "w") as container:
        stream = container.add_stream("libmp3lame", rate=44_100, layout="mono")
        frame = av.AudioFrame.from_ndarray(tone(6.0)[None], format="fltp", layout="mono")
        frame.sample_rate = 44_100
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    whole = (tmp_path / "a.mp3").read_bytes()
    (tmp_path / "a.mp3").write_bytes(whole[whole.index(b"\xff\xfb", 500) :])  # without the frame that holds the length
    (tmp_path / "b.mp3").write_bytes((tmp_path / "a.mp3").read_bytes()[:-100])
    files = [str(tmp_path / name) for name in ("a.mp3", "b.mp3")]
    landed = json.loads(soundmill("ingest", *files, "--started-at", "2026-01-05T10:00:00Z", "--json"))["landed"]
    assert landed[1]["started_at"].startswith("2026-01-05T10:00:0")
    assert float(landed[1]["started_at"][17:23]) == pytest.approx(6.0, abs=0.2)


def test_reference_transcripts_come_along(soundmill: Command, tmp_path: Path) -> None:
    (tmp_path / "84.trans.txt").write_text("84-0 ONE\n")
    assert "0 files landed for libri, and 1 file of reference transcripts" in soundmill(
        "ingest", str(tmp_path / "84.trans.txt"), "--source", "libri"
    )
    assert (tmp_path / "home" / "lake" / "references" / "libri" / "84.trans.txt").read_text() == "84-0 ONE\n"
    (tmp_path / "84-0.wav").write_bytes(wav(1.0))
    (tmp_path / "85.trans.txt").write_text("84-0 ONE\n84-1 TWO\n84-2 THREE\n", encoding="utf-16")
    files = [str(tmp_path / name) for name in ("84-0.wav", "85.trans.txt")]
    said = soundmill("ingest", *files, "--source", "libri", "--started-at", "2026-01-05T10:00:00Z", "--json")
    assert json.loads(said)["references_of_nothing"] == ["84-1", "84-2"]
