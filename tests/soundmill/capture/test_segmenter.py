"""From landed files to segments: what is kept, what is refused, and that a second run costs nothing."""

import json
import os
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given, settings
from hypothesis import strategies as st

from soundmill.audio import read_pcm, wav_bytes
from soundmill.capture import SEGMENTS, DayOfSegments, Segmenter, update_segments
from soundmill.catalog import Catalog, Ledger
from soundmill.lake import Lake
from tests.conftest import RATE, tone, wav

DAY = date(2026, 1, 5)
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
NOW = datetime(2026, 1, 6, tzinfo=UTC)
FOLDER = "landing/mic/2026-01-05"
SLOT = 132_352


def update(lake: Lake, catalog: Catalog, day: date = DAY, *, now: datetime = NOW, segmenter: Segmenter | None = None) -> DayOfSegments:
    return update_segments(lake, Ledger(catalog), day, segmenter or Segmenter(), now=now)


def noise(samples: int, seed: int = 0, amplitude: float = 0.2) -> np.ndarray:
    return (np.random.default_rng(seed).uniform(-amplitude, amplitude, samples) * 32_767).astype(np.int16)


def bytes_of(lake: Lake) -> dict[str, bytes]:
    return {entry.path: lake.read_bytes(entry.path) for folder in ("audio", "tables") for entry in lake.files(folder)}


def test_a_long_recording_becomes_segments_that_join_to_the_same_samples(lake: Lake, catalog: Catalog) -> None:
    pcm = noise(3 * SLOT + 20_000)
    lake.write_bytes(f"{FOLDER}/20260105T120000Z.wav", wav_bytes(pcm, RATE))
    result = update(lake, catalog)
    assert result.states == {"ready": 3}
    table = lake.read_days(SEGMENTS, [DAY])
    assert table["samples"].to_pylist() == [SLOT, SLOT, SLOT + 20_000]
    assert table["started_at"][0].as_py() == NOON
    joined = np.concatenate([read_pcm(lake.read_bytes(path))[0] for path in table["path"].to_pylist()])
    np.testing.assert_array_equal(joined, pcm)
    assert table["path"][0].as_py() == f"audio/segments/mic/2026-01-05/{int(NOON.timestamp() * 1000)}.wav"


def test_a_segment_file_keeps_its_samples_and_is_one_row_of_the_ledger(lake: Lake, catalog: Catalog) -> None:
    pcm = noise(SLOT)
    lake.write_bytes(f"{FOLDER}/{int(NOON.timestamp() * 1000)}.wav", wav_bytes(pcm, RATE))
    update(lake, catalog)
    (row,) = lake.read_days(SEGMENTS, [DAY]).to_pylist()
    np.testing.assert_array_equal(read_pcm(lake.read_bytes(row["path"]))[0], pcm)
    (item,) = Ledger(catalog).landed(DAY).values()
    assert (item.kind, item.state, item.seconds) == ("segment", "ready", pytest.approx(3.00118, abs=1e-5))
    assert row["max_amp"] == int(np.abs(pcm.astype(int)).max())


def test_the_gate_keeps_what_is_louder_than_minus_48_dbfs(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    for second, amplitude in enumerate((0, 129, 130, 131, 9000)):
        pcm = np.zeros(SLOT, np.int16)
        pcm[100] = amplitude
        folder_lake.write_bytes(f"{FOLDER}/20260105T1200{10 * second:02d}Z.wav", wav_bytes(pcm, RATE))
    assert update(folder_lake, sqlite_catalog).states == {"ready": 2, "silent": 3}
    assert folder_lake.read_days(SEGMENTS, [DAY])["max_amp"].to_pylist() == [131, 9000]
    again = update(folder_lake, sqlite_catalog, segmenter=Segmenter(gate_dbfs=None))
    assert again.states == {"ready": 5}  # a new gate is a new recipe: the day is cut again
    assert update(folder_lake, sqlite_catalog, segmenter=Segmenter(gate_dbfs=-20.0)).states == {"ready": 1, "silent": 4}
    assert len(list(folder_lake.files("audio"))) == 1


def broken_files(folder: Path) -> dict[str, str]:
    """Fifteen kinds of trouble beside good files; the code each bad one must get."""
    good = wav(3.0)

    def put(name: str, content: bytes) -> None:
        (folder / name).write_bytes(content)

    def at(minute: int) -> str:
        return f"20260105T12{minute:02d}00Z"

    folder.mkdir(parents=True)
    put(f"{at(0)}.wav", good)
    put(f"{at(1)}_empty.wav", b"")
    put(f"{at(2)}_header.wav", good[:20])
    put(f"{at(3)}_cut.wav", good[: len(good) // 3])
    put(f"{at(4)}_extension.mp3", good)
    put(f"{at(5)}_page.mp3", b"<!doctype html><title>Sign in</title>")
    nan = tone(3.0)
    nan[1000] = np.nan
    sf.write(folder / f"{at(6)}_nan.wav", nan, RATE, subtype="FLOAT")
    sf.write(folder / f"{at(7)}_7khz.wav", tone(3.0, rate=7000), 7000)
    sf.write(folder / f"{at(8)}_eight.wav", np.stack([tone(3.0)] * 8, axis=1), RATE)
    put(f"{at(9)}_one.wav", wav_bytes(np.array([9000], np.int16), RATE))
    put(f"{at(10)}_zero.wav", good[:22] + b"\0\0" + good[24:])
    put(f"{at(11)}_lying.wav", good[:40] + (50_000_000).to_bytes(4, "little") + good[44:])
    put(f"{at(12)}_words.wav", b"these are words, not sound\n" * 100)
    (folder / f"{at(13)}_folder.wav").mkdir()
    (folder / f"{at(14)}_gone.wav").symlink_to(folder / "nowhere.wav")
    put("without_a_time.wav", good)
    os.utime(folder / "without_a_time.wav", (0, 0))
    long = np.tile(tone(10.0, rate=8000, amplitude=0.1), 6 * 40)  # forty minutes
    sf.write(folder / f"{at(20)}_forty_minutes.wav", long, 8000)
    return {
        f"{at(1)}_empty.wav": "empty",
        f"{at(2)}_header.wav": "truncated",
        f"{at(5)}_page.mp3": "not_audio",
        f"{at(6)}_nan.wav": "not_finite",
        f"{at(9)}_one.wav": "too_short",
        f"{at(10)}_zero.wav": "bad_header",
        f"{at(12)}_words.wav": "not_audio",
        f"{at(13)}_folder.wav": "not_a_file",
        f"{at(14)}_gone.wav": "unreadable",
        "without_a_time.wav": "no_start_time",
    }


def test_fifteen_kinds_of_broken_files_are_quarantined_and_the_good_ones_are_done(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    codes = broken_files(Path(folder_lake.full_path(FOLDER)))
    result = update(folder_lake, sqlite_catalog)
    quarantined = {item.key.rsplit("/", 1)[1]: item for item in Ledger(sqlite_catalog).quarantined(DAY)}
    assert {name: item.reason for name, item in quarantined.items()} == codes
    assert all(item.message for item in quarantined.values())
    assert result.states == {"ready": 6 + 800, "quarantined": len(codes)}
    short = {name for name in os.listdir(folder_lake.full_path(FOLDER)) if name.endswith(("_cut.wav", "_lying.wav"))}
    assert {line.partition(":")[0] for line in result.cut_short} == short
    noted = json.loads(folder_lake.read_bytes("quarantine/2026-01-05/captured_segments.json"))
    assert {note["item"].rsplit("/", 1)[1]: note["reason"] for note in noted} == codes
    transient = {name for name, item in quarantined.items() if item.transient}
    assert transient == {name for name, code in codes.items() if code in ("empty", "truncated", "unreadable")}
    stored = {row["path"] for row in folder_lake.read_days(SEGMENTS, [DAY]).to_pylist()}
    assert {entry.path for entry in folder_lake.files("audio")} == stored  # nothing of the bad ones is left lying about


def test_a_second_run_of_an_unchanged_day_writes_nothing(lake: Lake, catalog: Catalog) -> None:
    lake.write_bytes(f"{FOLDER}/20260105T120000Z.wav", wav(7.0))
    lake.write_bytes(f"{FOLDER}/20260105T130000Z.wav", b"no sound")
    update(lake, catalog)
    before = {entry.path: (entry.stamp, entry.size) for folder in ("audio", "tables", "quarantine") for entry in lake.files(folder)}
    again = update(lake, catalog)
    assert (again.worked_on, again.changed) == (0, False)
    assert {entry.path: (entry.stamp, entry.size) for folder in ("audio", "tables", "quarantine") for entry in lake.files(folder)} == before


def test_files_that_arrive_later_join_the_day(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    folder_lake.write_bytes(f"{FOLDER}/20260105T120000Z.wav", wav(3.0))
    update(folder_lake, sqlite_catalog)
    folder_lake.write_bytes(f"{FOLDER}/20260105T110000Z.wav", wav(3.0, 880))
    again = update(folder_lake, sqlite_catalog)
    assert (again.files, again.worked_on) == (2, 1)
    assert folder_lake.read_days(SEGMENTS, [DAY])["started_at"].to_pylist() == [NOON - timedelta(hours=1), NOON]


def test_a_file_still_being_written_is_taken_whole_when_it_is_complete(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    whole = wav(6.0)
    folder_lake.write_bytes(f"{FOLDER}/20260105T120000Z.wav", whole[:200_000])
    (half,) = update(folder_lake, sqlite_catalog).cut_short
    assert half == "20260105T120000Z.wav: the header claims 6.0 s of sound, and 2.3 s (38%) are there"
    folder_lake.write_bytes(f"{FOLDER}/20260105T120000Z.wav", whole)
    done = update(folder_lake, sqlite_catalog)
    assert (done.states, done.cut_short) == ({"ready": 2}, ())
    assert not folder_lake.exists("quarantine/2026-01-05/captured_segments.json")


def test_a_passing_trouble_is_tried_again_with_growing_waits_and_not_for_ever(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    folder_lake.write_bytes(f"{FOLDER}/20260105T120000Z.wav", b"")
    assert update(folder_lake, sqlite_catalog).worked_on == 1
    assert update(folder_lake, sqlite_catalog).worked_on == 0  # not before its time
    attempts, now = 1, NOW
    for _ in range(20):
        now += timedelta(days=1)
        attempts += update(folder_lake, sqlite_catalog, now=now).worked_on
    assert attempts == 5
    (item,) = Ledger(sqlite_catalog).quarantined(DAY)
    assert item.attempts == 5


def test_sound_that_ends_early_is_refused_where_the_operator_says_so(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    folder_lake.write_bytes(f"{FOLDER}/20260105T120000Z.wav", wav(9.0)[:500_000])
    assert update(folder_lake, sqlite_catalog).states == {"ready": 2}
    strict = replace(Segmenter(), truncated="refuse")
    assert update(folder_lake, sqlite_catalog, segmenter=strict).reasons == {"truncated": 1}
    assert not list(folder_lake.files("audio"))
    assert update(folder_lake, sqlite_catalog).states == {"ready": 2}


def test_a_permanent_fault_is_not_tried_again(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    folder_lake.write_bytes(f"{FOLDER}/20260105T120000Z.wav", b"words")
    update(folder_lake, sqlite_catalog)
    assert update(folder_lake, sqlite_catalog, now=NOW + timedelta(days=9)).worked_on == 0


def test_the_same_sound_twice_is_one_segment_and_other_sound_of_the_same_moment_is_refused(
    folder_lake: Lake, sqlite_catalog: Catalog
) -> None:
    same = wav_bytes(noise(SLOT), RATE)
    folder_lake.write_bytes(f"{FOLDER}/20260105T120000Z_a.wav", same)
    folder_lake.write_bytes(f"{FOLDER}/20260105T120000Z_b.wav", same)
    folder_lake.write_bytes(f"{FOLDER}/20260105T120000Z_c.wav", wav_bytes(noise(SLOT, 1), RATE))
    result = update(folder_lake, sqlite_catalog)
    assert result.states == {"ready": 1, "duplicate": 1, "quarantined": 1}
    assert result.reasons == {"conflicting_start": 1}
    (row,) = folder_lake.read_days(SEGMENTS, [DAY]).to_pylist()
    assert row["key"].endswith("_a.wav")


def test_a_recording_over_midnight_gives_segments_to_both_days(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    folder_lake.write_bytes(f"{FOLDER}/20260105T235955Z.wav", wav(12.0))
    first = update(folder_lake, sqlite_catalog)
    next_day = DAY + timedelta(days=1)
    assert first.other_days == (next_day,)
    assert Ledger(sqlite_catalog).processed("captured_segments")[next_day].startswith("stale ")
    update(folder_lake, sqlite_catalog, next_day)
    assert not Ledger(sqlite_catalog).processed("captured_segments")[next_day].startswith("stale ")
    assert [len(folder_lake.read_days(SEGMENTS, [day])) for day in (DAY, next_day)] == [2, 2]
    assert all(row["started_at"].date() == next_day for row in folder_lake.read_days(SEGMENTS, [next_day]).to_pylist())


def test_a_sidecar_tells_when_a_recording_began(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    folder_lake.write_bytes(f"{FOLDER}/take.wav", wav(3.0))
    folder_lake.write_bytes(f"{FOLDER}/take.wav.json", json.dumps({"started_at": "2026-01-05T08:30:00Z"}).encode())
    update(folder_lake, sqlite_catalog)
    assert folder_lake.read_days(SEGMENTS, [DAY])["started_at"].to_pylist() == [datetime(2026, 1, 5, 8, 30, tzinfo=UTC)]


def test_recordings_of_other_rates_and_channels_become_mono_at_the_segment_rate(
    folder_lake: Lake, sqlite_catalog: Catalog, tmp_path: Path
) -> None:
    stereo = np.stack([tone(6.0, 1000, 48_000), np.zeros(6 * 48_000, np.float32)], axis=1)
    sf.write(tmp_path / "x.flac", stereo, 48_000)
    folder_lake.write_bytes(f"{FOLDER}/20260105T120000Z.flac", (tmp_path / "x.flac").read_bytes())
    update(folder_lake, sqlite_catalog)
    rows = folder_lake.read_days(SEGMENTS, [DAY]).to_pylist()
    assert sum(row["samples"] for row in rows) == 6 * RATE
    pcm, rate = read_pcm(folder_lake.read_bytes(rows[0]["path"]))
    assert rate == RATE
    assert np.abs(np.fft.rfft(pcm)).argmax() * rate / len(pcm) == pytest.approx(1000, abs=1)
    assert np.abs(pcm[1000:-1000]).max() == pytest.approx(0.15 * 32_767, rel=0.02)
    update(folder_lake, sqlite_catalog, segmenter=replace(Segmenter(), channels="first"))
    pcm, _ = read_pcm(folder_lake.read_bytes(rows[0]["path"]))
    assert np.abs(pcm[1000:-1000]).max() == pytest.approx(0.3 * 32_767, rel=0.02)


@settings(max_examples=60, deadline=None)
@given(total=st.integers(1, 5000), samples=st.integers(8, 700), block=st.integers(1, 900))
def test_pieces_join_to_the_stream_whatever_its_blocks(total: int, samples: int, block: int) -> None:
    stream = (np.arange(total) % 30_000 / 32_768).astype(np.float32)
    pieces = list(Segmenter(samples=samples).pieces(iter([stream[i : i + block] for i in range(0, total, block)])))
    joined = np.concatenate([pcm for _, pcm in pieces])
    np.testing.assert_array_equal(joined, (np.arange(total) % 30_000).astype(np.int16))
    assert [offset for offset, _ in pieces] == list(range(0, samples * len(pieces), samples))
    assert all(len(pcm) == samples for _, pcm in pieces[:-1])
    if total >= samples:
        assert samples // 2 <= len(pieces[-1][1]) <= samples + samples // 2


def test_a_run_killed_after_a_recording_over_midnight_still_gives_the_next_day_its_part(
    folder_lake: Lake, sqlite_catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder_lake.write_bytes(f"{FOLDER}/20260105T235955Z.wav", wav(12.0))

    def killed(*_: object, **__: object) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Lake, "write_day", killed)
        with pytest.raises(KeyboardInterrupt):
            update(folder_lake, sqlite_catalog)
    assert update(folder_lake, sqlite_catalog).worked_on == 0
    assert Ledger(sqlite_catalog).processed("captured_segments")[DAY + timedelta(days=1)].startswith("stale ")


def test_a_corrected_start_changes_what_the_day_was_made_from(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    folder_lake.write_bytes(f"{FOLDER}/take.wav", wav(3.0))
    marks = []
    for moment in ("2026-01-05T08:30:00Z", "2026-01-05T08:30:00.500Z"):
        folder_lake.write_bytes(f"{FOLDER}/take.wav.json", json.dumps({"started_at": moment}).encode())
        assert update(folder_lake, sqlite_catalog).changed
        marks.append(folder_lake.made_from(SEGMENTS, DAY))
    assert marks[0] != marks[1]
    assert len(list(folder_lake.files("audio"))) == 1  # the WAV under the old moment is gone


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("99991231T235959Z.wav", wav(3.0), "no_start_time"),
        ("20260105T120000Z_rf64.wav", b"RF64\xff\xff\xff\xffWAVEds64\x1c\0\0\0", "truncated"),
        ("20260105T120000Z_slow.wav", wav_bytes(np.full(40_000, 9000, np.int16), 1), "bad_header"),
        ("20260105T120000Z_fast.wav", wav_bytes(np.full(40_000, 9000, np.int16), 900_000), "bad_header"),
    ],
)
def test_a_file_that_claims_the_impossible_stops_nothing(
    folder_lake: Lake, sqlite_catalog: Catalog, name: str, content: bytes, reason: str
) -> None:
    folder_lake.write_bytes(f"{FOLDER}/20260105T110000Z.wav", wav(3.0))
    folder_lake.write_bytes(f"{FOLDER}/{name}", content)
    os.utime(folder_lake.full_path(f"{FOLDER}/{name}"), (0, 0))
    result = update(folder_lake, sqlite_catalog)
    assert result.states == {"ready": 1, "quarantined": 1}
    assert result.reasons == {reason: 1}


def test_a_name_that_is_no_text_and_a_link_in_circles_stop_nothing(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    from soundmill.capture.landing import landing_by_day

    folder = Path(folder_lake.full_path(FOLDER))
    folder.mkdir(parents=True)
    (folder / "20260105T110000Z.wav").write_bytes(wav(3.0))
    with open(os.fsencode(folder) + b"/20260105T120000Z_caf\xe9.wav", "wb") as file:
        file.write(wav(3.0, 880))
    (folder / "loop").symlink_to(folder)
    (folder / "self.wav").symlink_to(folder / "self.wav")
    assert DAY in landing_by_day(folder_lake)[0]
    assert update(folder_lake, sqlite_catalog).states == {"ready": 2, "quarantined": 2}
    assert update(folder_lake, sqlite_catalog).worked_on == 0


def test_what_gave_way_comes_back_when_the_way_is_free(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    same, other = wav_bytes(noise(SLOT), RATE), wav_bytes(noise(SLOT, 1), RATE)
    for name, content in (("a", same), ("b", same), ("c", other)):
        folder_lake.write_bytes(f"{FOLDER}/20260105T120000Z_{name}.wav", content)
    update(folder_lake, sqlite_catalog)
    folder_lake.write_bytes(f"{FOLDER}/20260105T120000Z_a.wav", b"junk")
    update(folder_lake, sqlite_catalog)
    again = update(folder_lake, sqlite_catalog)
    assert again.states == {"ready": 1, "quarantined": 2}
    (row,) = folder_lake.read_days(SEGMENTS, [DAY]).to_pylist()
    assert row["key"].endswith("_b.wav")
    np.testing.assert_array_equal(read_pcm(folder_lake.read_bytes(row["path"]))[0], noise(SLOT))


def test_a_duplicate_stays_one_when_the_recipe_changes(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    same = wav_bytes(noise(SLOT), RATE)
    folder_lake.write_bytes(f"{FOLDER}/20260105T120000Z_b.wav", same)
    update(folder_lake, sqlite_catalog)
    folder_lake.write_bytes(f"{FOLDER}/20260105T120000Z_a.wav", same)
    assert update(folder_lake, sqlite_catalog).states == {"ready": 1, "duplicate": 1}
    again = update(folder_lake, sqlite_catalog, segmenter=Segmenter(gate_dbfs=-60.0))
    assert again.states == {"ready": 1, "duplicate": 1}
    (row,) = folder_lake.read_days(SEGMENTS, [DAY]).to_pylist()
    assert folder_lake.exists(row["path"])


def test_a_broken_file_that_is_taken_away_leaves_the_quarantine(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    folder_lake.write_bytes(f"{FOLDER}/20260105T120000Z.wav", b"junk")
    assert update(folder_lake, sqlite_catalog).states == {"quarantined": 1}
    folder_lake.delete(f"{FOLDER}/20260105T120000Z.wav")
    assert update(folder_lake, sqlite_catalog).states == {}


def test_what_a_kill_left_half_written_goes_with_the_next_run(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    left = Path(folder_lake.root) / "audio/segments/mic/2026-01-05/.1.wav.ab.partial"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    update(folder_lake, sqlite_catalog, now=datetime.now(UTC))
    assert left.exists()  # an hour long somebody may be at it
    update(folder_lake, sqlite_catalog, now=datetime.now(UTC) + timedelta(hours=2))
    assert not left.exists()
