"""What a killed cut leaves: the next run ends as an undisturbed one, whatever changed between."""

import json
import multiprocessing
import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from soundmill.audio import read_pcm
from soundmill.capture import SEGMENTS, Segmenter, update_segments
from soundmill.capture.interrupted import CUTTING, is_mark
from soundmill.capture.redaction import plan_redaction
from soundmill.catalog import Catalog, Ledger, lease
from soundmill.lake import Lake
from soundmill.workflows.erasure import erase
from tests.conftest import wav

DAY = date(2026, 1, 5)
TEN = datetime(2026, 1, 5, 10, tzinfo=UTC)
NAME = "landing/mic/2026-01-05/20260105T100000Z.wav"
SECONDS = 60


class Killed(BaseException):
    """Stands for a kill: nothing after it runs."""


@pytest.fixture
def home(folder_lake: Lake, sqlite_catalog: Catalog) -> tuple[Lake, Ledger]:
    folder_lake.write_bytes(NAME, wav(SECONDS))
    return folder_lake, Ledger(sqlite_catalog)


def run(home: tuple[Lake, Ledger], **settings: Any) -> None:
    update_segments(*home, DAY, Segmenter(**settings), now=TEN)


def killed(home: tuple[Lake, Ledger], monkeypatch: pytest.MonkeyPatch, **settings: Any) -> None:
    """A run that is killed after its WAVs are written, and before their rows are."""

    def record(*_: Any, **__: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "record", record)
        with pytest.raises(Killed):
            run(home, **settings)


def assert_whole(home: tuple[Lake, Ledger]) -> None:
    """Every row has its WAV, every WAV its row, and each holds as many samples as the row says."""
    lake, ledger = home
    ready = ledger.segments(DAY, "ready")
    assert {item.path for item in ready} == {entry.path for entry in lake.files("audio/segments")}
    for item in ready:
        assert len(read_pcm(lake.read_bytes(item.path or ""))[0]) == item.measures["samples"]
    assert not [item for item in ledger.landed(DAY).values() if item.fingerprint == CUTTING]
    assert sorted(item.path or "" for item in ready) == sorted(lake.read_days(SEGMENTS, [DAY])["path"].to_pylist())


def test_what_a_killed_ingest_left_in_the_landing_area_goes_with_the_day(home: tuple[Lake, Ledger]) -> None:
    left = Path(home[0].full_path("landing/mic/2026-01-05/.20260105T110000Z.wav.7.partial"))
    left.write_bytes(b"half")
    os.utime(left, ((TEN - timedelta(minutes=59)).timestamp(),) * 2)
    run(home)
    assert left.exists()  # somebody may be at it
    os.utime(left, ((TEN - timedelta(minutes=61)).timestamp(),) * 2)
    run(home)
    assert not left.exists()


def test_a_cut_anew_that_is_killed_is_mended_when_the_settings_are_put_back(
    home: tuple[Lake, Ledger], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(home)
    before = {entry.path: home[0].read_bytes(entry.path) for entry in home[0].files("audio/segments")}
    killed(home, monkeypatch, samples=66_176)
    run(home)
    assert_whole(home)
    assert {entry.path: home[0].read_bytes(entry.path) for entry in home[0].files("audio/segments")} == before


def test_what_a_killed_first_cut_wrote_goes_when_its_file_begins_elsewhere_or_is_gone(
    home: tuple[Lake, Ledger], monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, ledger = home
    killed(home, monkeypatch)
    assert list(lake.files("audio/segments"))
    assert [is_mark(item) for item in ledger.landed(DAY).values()] == [True]
    lake.write_bytes(f"{NAME}.json", json.dumps({"started_at": "2026-01-05T14:00:00Z"}).encode())
    run(home)
    assert_whole(home)
    assert len(ledger.segments(DAY, "ready")) == 20
    lake.write_bytes("landing/mic/2026-01-05/20260105T180000Z.wav", wav(SECONDS))
    killed(home, monkeypatch)
    lake.delete("landing/mic/2026-01-05/20260105T180000Z.wav")
    run(home)
    assert_whole(home)
    assert len(ledger.segments(DAY, "ready")) == 20


@pytest.mark.parametrize("broken", [True, False])
def test_what_another_run_is_writing_is_not_swept(
    home: tuple[Lake, Ledger], sqlite_catalog: Catalog, monkeypatch: pytest.MonkeyPatch, broken: bool
) -> None:
    lake, ledger = home
    theirs = "audio/segments/mic/2026-01-06/1767657600000.wav"  # of a file of the next day, whose rows are not there yet
    killed(home, monkeypatch)
    if broken:  # its length is not known: a day is looked through
        lake.write_bytes(NAME, b"broken")
    else:  # it ends where the next day begins
        lake.delete(NAME)
        lake.write_bytes(f"{NAME}.json", json.dumps({"started_at": "2026-01-05T23:59:00Z"}).encode())
        lake.write_bytes(NAME, wav(SECONDS))
    lake.write_bytes(theirs, wav(3))
    with lease(sqlite_catalog, "captured_segments/2026-01-06"):
        run(home)
        assert lake.exists(theirs)
    run(home)
    assert lake.exists(theirs) is not broken  # that run is over and has no row of it
    assert not [item for item in ledger.landed(DAY).values() if item.fingerprint == CUTTING]


def test_a_kill_before_the_sweep_leaves_it_to_the_next_run(home: tuple[Lake, Ledger], monkeypatch: pytest.MonkeyPatch) -> None:
    def no_sweep(*_: Any, **__: Any) -> bool:
        raise Killed

    run(home)
    killed(home, monkeypatch, samples=66_176)
    with monkeypatch.context() as patched:
        patched.setattr("soundmill.capture.segmenter.sweep", no_sweep)
        with pytest.raises(Killed):
            run(home, samples=200_000)
    run(home, samples=200_000)
    assert_whole(home)


def test_a_start_that_only_a_sidecar_said_is_remembered(home: tuple[Lake, Ledger], monkeypatch: pytest.MonkeyPatch) -> None:
    lake, _ = home
    sidecar = f"{NAME}.json"
    lake.write_bytes(sidecar, json.dumps({"started_at": "2026-01-05T12:00:00Z"}).encode())
    killed(home, monkeypatch)
    lake.write_bytes(sidecar, json.dumps({"started_at": "2026-01-05T15:00:00Z"}).encode())
    run(home)
    assert_whole(home)
    lake.write_bytes("landing/mic/2026-01-05/rec.wav", wav(SECONDS))
    lake.write_bytes("landing/mic/2026-01-05/rec.wav.json", json.dumps({"started_at": "2026-01-05T18:00:00Z"}).encode())
    killed(home, monkeypatch)
    for name in ("rec.wav", "rec.wav.json"):
        lake.delete(f"landing/mic/2026-01-05/{name}")
    run(home)
    assert_whole(home)


def test_redacted_sound_that_lands_again_just_as_it_was_goes_again(home: tuple[Lake, Ledger], sqlite_catalog: Catalog) -> None:
    lake, ledger = home
    place = Path(lake.full_path(NAME))
    facts, data = place.stat(), place.read_bytes()
    run(home)
    erase(lake, sqlite_catalog, plan_redaction(sqlite_catalog, "mic", TEN + timedelta(seconds=20), TEN + timedelta(seconds=30)))
    assert not lake.exists(NAME)
    kept = {item.path for item in ledger.segments(DAY, "ready")}
    place.write_bytes(data)
    os.utime(place, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    run(home)
    assert not lake.exists(NAME)
    assert {item.path for item in ledger.segments(DAY, "ready")} == kept
    assert_whole(home)


@pytest.mark.parametrize("seconds", [1.0, 10.0])
def test_of_a_redacted_interval_nothing_is_cut_later(home: tuple[Lake, Ledger], sqlite_catalog: Catalog, seconds: float) -> None:
    lake, ledger = home
    start, end = TEN + timedelta(seconds=6.1), TEN + timedelta(seconds=6.1 + seconds)
    erase(lake, sqlite_catalog, plan_redaction(sqlite_catalog, "mic", start, end))
    run(home)
    ready = ledger.segments(DAY, "ready")
    assert ready
    for item in ready:
        assert item.started_at is not None
        assert item.started_at >= end - timedelta(milliseconds=10) or item.started_at + timedelta(
            seconds=item.seconds
        ) <= start + timedelta(milliseconds=10)
    assert not lake.exists(NAME)
    assert_whole(home)


def test_redacted_sound_of_a_killed_first_cut_is_gone_with_the_next_run(
    home: tuple[Lake, Ledger], sqlite_catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, ledger = home
    killed(home, monkeypatch)
    erase(lake, sqlite_catalog, plan_redaction(sqlite_catalog, "mic", TEN, TEN + timedelta(seconds=30)))
    assert lake.exists(NAME)  # what is not redacted of it has not been cut yet
    run(home)
    assert_whole(home)
    starts = [item.started_at for item in ledger.segments(DAY, "ready")]
    assert starts
    assert min(moment for moment in starts if moment) >= TEN + timedelta(seconds=28)
    assert not lake.exists(NAME)


def test_a_redaction_between_a_killed_cut_anew_and_the_next_loses_nothing_outside(
    home: tuple[Lake, Ledger], sqlite_catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(home)
    killed(home, monkeypatch, samples=66_176)
    erase(home[0], sqlite_catalog, plan_redaction(sqlite_catalog, "mic", TEN + timedelta(seconds=20), TEN + timedelta(seconds=30)))
    run(home)
    assert_whole(home)
    seconds = sum(item.seconds for item in home[1].segments(DAY, "ready"))
    assert SECONDS - 17 < seconds < SECONDS - 9
    assert not home[0].exists(NAME)


def test_a_file_that_goes_while_its_day_is_cut_anew_keeps_what_was_cut_of_it(
    home: tuple[Lake, Ledger], monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, ledger = home
    run(home)
    before = ledger.segments(DAY)
    listed = lake.files

    def and_then_gone(prefix: str) -> Any:
        yield from list(listed(prefix))
        if prefix.startswith("landing/mic"):
            lake.delete(NAME)

    monkeypatch.setattr(lake, "files", and_then_gone)
    run(home, gate_dbfs=-20.0)
    monkeypatch.setattr(lake, "files", listed)
    assert ledger.segments(DAY) == before
    assert_whole(home)


@pytest.mark.parametrize("seconds", [3, 30])
def test_redacted_sound_that_lands_again_goes_with_its_file(home: tuple[Lake, Ledger], sqlite_catalog: Catalog, seconds: int) -> None:
    lake, ledger = home
    lake.write_bytes(NAME, wav(seconds))
    run(home)
    erase(lake, sqlite_catalog, plan_redaction(sqlite_catalog, "mic", TEN, TEN + timedelta(minutes=5)))
    assert list(lake.files("landing")) == []
    lake.write_bytes(NAME, wav(seconds))
    run(home)
    assert list(lake.files("landing")) == []
    assert ledger.segments(DAY, "ready") == []
    assert list(lake.files("audio/segments")) == []


def _cut(lake: str, catalog: str, samples: int) -> None:
    from soundmill.catalog import open_catalog
    from soundmill.lake import open_lake

    update_segments(open_lake(lake), Ledger(open_catalog(catalog)), DAY, Segmenter(samples=samples), now=TEN)


def test_real_kills_at_any_moment_end_whole(home: tuple[Lake, Ledger], tmp_path: Path) -> None:
    url = str(home[1].catalog.engine.url)
    for number, samples in enumerate([132_352, 66_176, 132_352, 44_100, 132_352]):
        process = multiprocessing.get_context("fork").Process(target=_cut, args=(str(tmp_path / "lake"), url, samples))
        process.start()
        process.join(0.05 + 0.07 * number)
        process.kill()
        process.join()
    run(home)
    assert_whole(home)
    assert sum(item.seconds for item in home[1].segments(DAY, "ready")) == pytest.approx(SECONDS, abs=0.01)
