"""The landing area: what counts as changed, and how files get there."""

import os
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from soundmill.capture.landing import land, landed_on, landing_by_day
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
    path, began = land(lake, named, "mic")
    assert began == datetime(2026, 1, 5, 12, tzinfo=UTC)
    assert path == "landing/mic/2026-01-05/1767614400000_20260105T120000Z.wav"
    assert land(lake, named, "mic") == (path, began)
    os.utime(plain, (1767614402, 1767614402))
    assert land(lake, plain, "mic") == ("landing/mic/2026-01-05/1767614400000_my_take_1.wav", datetime(2026, 1, 5, 12, tzinfo=UTC))
    moment = datetime(2026, 2, 1, 8, tzinfo=UTC)
    assert land(lake, plain, "mic", moment)[0].startswith("landing/mic/2026-02-01/")
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
        path, _ = land(lake, file, "mic")
        assert lake.read_bytes(path) == file.read_bytes()
    assert len(list(lake.files("landing"))) == 2


def test_a_moment_long_ago_is_found_again_in_the_name(lake: Lake, tmp_path: Path) -> None:
    from soundmill.times import instant_in_name

    file = tmp_path / "tape.wav"
    file.write_bytes(wav(2.0))
    for moment in (datetime(1975, 6, 1, tzinfo=UTC), datetime(2050, 6, 1, tzinfo=UTC)):
        path, _ = land(lake, file, "mic", moment)
        assert instant_in_name(path.rsplit("/", 1)[1]) == moment
    with pytest.raises(ValueError, match="before 1970"):
        land(lake, file, "mic", datetime(1950, 1, 1, tzinfo=UTC))
