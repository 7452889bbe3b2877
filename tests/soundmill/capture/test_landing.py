"""The landing area: what counts as changed, and how files get there."""

import os
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import soundfile as sf

from soundmill.capture.landing import Landed, audio_files, land, landed_on, landing_by_day, left_out, start_of, start_of_file
from soundmill.lake import Lake
from tests.conftest import wav

DAY = date(2026, 1, 5)


def test_the_two_ways_of_listing_agree_on_the_fingerprint(lake: Lake) -> None:
    for path in (
        "mic/2026-01-05/a.wav",
        "mic/2026-01-05/a.wav.json",
        "porch/2026-01-05/b.wav",
        "mic/2026-01-06/c.wav",
        "mic/2026-01-05/d.wav.part",
    ):
        lake.write_bytes(f"landing/{path}", b"x")
    by_day, misplaced = landing_by_day(lake)
    assert misplaced == 0
    assert set(by_day) == {DAY, date(2026, 1, 6)}
    files, fingerprint = landed_on(lake, DAY)
    assert fingerprint == by_day[DAY]
    assert [(file.source, file.name, file.has_sidecar) for file in files] == [("mic", "a.wav", True), ("porch", "b.wav", False)]
    lake.write_bytes("landing/mic/2026-01-05/e.wav", b"y")
    assert landing_by_day(lake)[0][DAY] != fingerprint


def test_files_in_the_wrong_place_are_counted_not_lost(lake: Lake) -> None:
    for path in ("stray.wav", "mic/stray.wav", "mic/2026-13-45/a.wav", "mic/someday/a.wav"):
        lake.write_bytes(f"landing/{path}", b"x")
    assert landing_by_day(lake) == ({}, 4)


def test_landing_by_name_by_option_and_by_file_time(lake: Lake, tmp_path: Path) -> None:
    named, plain = tmp_path / "20260105T120000Z.wav", tmp_path / "my take #1.wav"
    for file in (named, plain):
        file.write_bytes(wav(2.0))
    landed = land(lake, named, "mic")
    path, began = landed.path, landed.began
    assert (landed.known_by, landed.is_new) == ("name", True)
    assert began == datetime(2026, 1, 5, 12, tzinfo=UTC)
    assert path == "landing/mic/2026-01-05/1767614400000_20260105T120000Z.wav"
    assert land(lake, named, "mic") == Landed(path, began, "name", is_new=False)
    os.utime(plain, (1767614402, 1767614402))
    taken = "landing/mic/2026-01-05/1767614400000_my_take_1.wav"
    assert land(lake, plain, "mic") == Landed(taken, datetime(2026, 1, 5, 12, tzinfo=UTC), "file time")
    moment = datetime(2026, 2, 1, 8, tzinfo=UTC)
    assert land(lake, plain, "mic", moment).path.startswith("landing/mic/2026-02-01/")
    assert len(list(lake.files("landing"))) == 3


@pytest.mark.parametrize("source", ["", "../up", "a/b", ".hidden", "x" * 200])
def test_a_source_s_name_cannot_leave_its_folder(lake: Lake, tmp_path: Path, source: str) -> None:
    file = tmp_path / "20260105T120000Z.wav"
    file.write_bytes(wav(1.0))
    with pytest.raises(ValueError, match="cannot name a source"):
        land(lake, file, source)


def test_other_audio_of_the_same_name_and_moment_is_kept_next_to_the_first(lake: Lake, tmp_path: Path) -> None:
    file = tmp_path / "20260105T120000Z.wav"
    for pitch in (440, 880, 440):
        file.write_bytes(wav(2.0, pitch))
        path = land(lake, file, "mic").path
        assert lake.read_bytes(path) == file.read_bytes()
    assert len(list(lake.files("landing"))) == 2


def test_the_moment_that_a_file_landed_with_counts_whatever_its_name_holds(lake: Lake, tmp_path: Path) -> None:
    file = tmp_path / "20260105_101500 copy.wav"
    file.write_bytes(wav(2.0))
    for moment in (datetime(1975, 6, 1, tzinfo=UTC), datetime(2050, 6, 1, 12, tzinfo=UTC)):
        path = land(lake, file, "mic", moment).path
        (landed,) = (one for one in landed_on(lake, moment.date())[0] if one.path == path)
        assert start_of(lake, landed, 2.0) == moment
    dropped = "landing/mic/2026-01-05/2348012345678_20260105_101500.wav"  # by hand, with a phone number before the date
    lake.write_bytes(dropped, file.read_bytes())
    (landed,) = (one for one in landed_on(lake, date(2026, 1, 5))[0] if one.path == dropped)
    assert start_of(lake, landed, 2.0) == datetime(2026, 1, 5, 10, 15, tzinfo=UTC)
    with pytest.raises(ValueError, match="before 1970"):
        land(lake, file, "mic", datetime(1950, 1, 1, tzinfo=UTC))


def test_a_dry_run_says_where_and_copies_nothing(lake: Lake, tmp_path: Path) -> None:
    file = tmp_path / "20260705_120000.wav"
    file.write_bytes(wav(2.0))
    planned = land(lake, file, "mic", zone=ZoneInfo("Europe/Berlin"), dry_run=True)
    assert planned.began == datetime(2026, 7, 5, 10, tzinfo=UTC)
    assert not list(lake.files("landing"))
    assert land(lake, file, "mic", zone=ZoneInfo("Europe/Berlin")) == planned


@pytest.mark.parametrize(
    ("name", "comment", "began", "known_by"),
    [
        (
            "20260105_101500.wav",
            "Recorded at 10:15:00 05/01/2026 (UTC+2) by AudioMoth 24E1 at medium gain",
            "2026-01-05T08:15:00",
            "header",
        ),
        ("x.wav", "Recorded at 10:15:00.250 05/01/2026 (UTC-3:30) by AudioMoth", "2026-01-05T13:45:00.250", "header"),
        ("x.wav", "Recorded at 10:15:00 05/01/2026 (UTC) by AudioMoth", "2026-01-05T10:15:00", "header"),
        ("20260105_101500+0100.wav", "Recorded at 10:15:00 05/01/2026 (UTC+2) by AudioMoth", "2026-01-05T09:15:00", "name"),
        ("20260105_101500.wav", "Recorded at 99:15:00 05/01/2026 (UTC) by somebody", "2026-01-05T10:15:00", "name"),
    ],
)
def test_an_audiomoth_s_header_has_the_offset_that_its_name_lacks(
    tmp_path: Path, name: str, comment: str, began: str, known_by: str
) -> None:
    with sf.SoundFile(tmp_path / name, "w", 8000, 1, subtype="PCM_16") as file:
        file.comment = comment
        file.write(np.zeros(800, np.int16))
    assert start_of_file(tmp_path / name) == (datetime.fromisoformat(began).replace(tzinfo=UTC), known_by)


def test_takes_follow_each_other_by_their_numbers(tmp_path: Path) -> None:
    for name in ("New Recording 10", "New Recording 2", "New Recording", "b", "A"):
        (tmp_path / f"{name}.m4a").write_bytes(b"x")
    assert [path.stem for path in audio_files(tmp_path)] == ["A", "b", "New Recording", "New Recording 2", "New Recording 10"]


def test_numbers_in_any_script_are_sorted_by_their_value(tmp_path: Path) -> None:
    for name in ("録音１０.wav", "録音.wav", "録音２.wav"):
        (tmp_path / name).write_bytes(wav(1))
    assert [path.stem for path in audio_files(tmp_path)] == ["録音", "録音２", "録音１０"]


def test_files_that_are_left_out_are_counted_by_their_endings(tmp_path: Path) -> None:
    for name in ("a.wav", "a.voc", "b.voc", "c.gsm", "notes.txt", ".hidden", "a.wav.json"):
        (tmp_path / name).write_bytes(b"x")
    assert left_out(tmp_path, list(audio_files(tmp_path))) == {".gsm": 1, ".voc": 2}
