"""Two files of one source that claim the same moment: no sound is kept twice, and none is lost."""

from datetime import timedelta

import numpy as np
import pytest

from soundmill.audio import read_pcm, wav_bytes
from soundmill.capture import Segmenter, update_segments
from soundmill.capture.claims import Kept, kept_already, left_over, released
from soundmill.capture.redaction import plan_redaction
from soundmill.catalog import Catalog, Item, Ledger
from soundmill.lake import Lake
from soundmill.workflows.erasure import erase
from tests.soundmill.capture.landed import DAY, NOON

RATE = 8_000
FOLDER = "landing/mic/2026-01-05"
WHOLE = (np.random.default_rng(1).uniform(-0.2, 0.2, 40 * RATE) * 32_767).astype(np.int16)
FIRST = Segmenter(sample_rate=RATE, samples=24_010)


def land(lake: Lake, name: str, pcm: np.ndarray) -> None:
    lake.write_bytes(f"{FOLDER}/{name}", wav_bytes(pcm, RATE))


def update(lake: Lake, catalog: Catalog, segmenter: Segmenter = FIRST) -> list[Item]:
    """Cuts the day; returns what is ready of it."""
    update_segments(lake, Ledger(catalog), DAY, segmenter, now=NOON)
    return Ledger(catalog).segments(DAY, "ready")


def times_kept(lake: Lake, items: list[Item]) -> np.ndarray:
    """How often each of WHOLE's samples is kept, where its segments lie."""
    kept = np.zeros(len(WHOLE), int)
    for one in items:
        pcm, _ = read_pcm(lake.read_bytes(one.path or ""))
        expected = round(((one.started_at or NOON) - NOON).total_seconds() * RATE)
        (place,) = [at for at in range(max(expected - 20, 0), expected + 21) if np.array_equal(WHOLE[at : at + len(pcm)], pcm)]
        kept[place : place + len(pcm)] += 1
    return kept


def test_the_same_samples_are_found_wherever_a_rounded_start_puts_them(folder_lake: Lake) -> None:
    folder_lake.write_bytes("kept.wav", wav_bytes(WHOLE[RATE + 9 : 2 * RATE + 9], RATE))

    def other(start: float, path: str = "kept.wav") -> Item:
        return Item("k", "segment", "mic", DAY, "ready", "1", started_at=NOON + timedelta(seconds=start), path=path)

    piece = WHOLE[: 3 * RATE]
    assert kept_already(folder_lake, [other(1.0)], NOON, piece, RATE, "") == [Kept(other(1.0), RATE + 9, 2 * RATE + 9)]
    assert kept_already(folder_lake, [other(-1.0)], NOON + timedelta(seconds=0.5), piece[12_000:], RATE, "") == []
    assert kept_already(folder_lake, [other(1.2)], NOON, piece, RATE, "") == []
    assert kept_already(folder_lake, [other(1.0)], NOON, WHOLE[5 * RATE : 8 * RATE], RATE, "") == []
    assert kept_already(folder_lake, [other(1.0, "gone.wav")], NOON, piece, RATE, "") == []
    assert kept_already(folder_lake, [other(1.0)], NOON, piece, RATE // 2, "") == []  # at another rate nobody can tell


def test_what_is_left_is_all_that_lies_before_between_and_after() -> None:
    one = Item("k", "segment", "mic", DAY, "ready", "1")
    assert left_over([Kept(one, 100, 250)], 1000, 60) == [(0, 100), (250, 1000)]
    assert left_over([Kept(one, 800, 1000), Kept(one, 700, 900), Kept(one, 0, 50)], 1000, 60) == [(50, 700)]
    assert left_over([Kept(one, 40, 990)], 1000, 60) == []
    assert left_over([], 1000, 60) == [(0, 1000)]


def test_a_gap_in_the_middle_is_filled_from_a_second_copy(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    land(folder_lake, "20260105T120000Z_a.wav", WHOLE[:RATE])
    land(folder_lake, "20260105T120002Z_b.wav", WHOLE[2 * RATE : 2 * RATE + 4000])
    update(folder_lake, sqlite_catalog)
    land(folder_lake, "20260105T120000Z_whole.wav", WHOLE[: 3 * RATE])
    assert (times_kept(folder_lake, update(folder_lake, sqlite_catalog))[: 3 * RATE] == 1).all()


def test_of_many_short_ones_in_a_piece_none_is_written_over(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    for number in range(12):
        land(folder_lake, f"{int(1000 * NOON.timestamp()) + 200 * number}_x.wav", WHOLE[1600 * number : 1600 * (number + 1)])
    before = update(folder_lake, sqlite_catalog)
    land(folder_lake, f"{int(1000 * NOON.timestamp())}_other.wav", WHOLE[20 * RATE : 23 * RATE])
    assert update(folder_lake, sqlite_catalog) == before  # it is refused: another one begins at its moment
    assert len({one.path for one in before}) == len(before) == 12


def test_a_copy_comes_back_when_one_of_those_that_held_its_sound_is_another(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    land(folder_lake, "20260105T120000Z_a.wav", WHOLE[:12_000])
    land(folder_lake, "1767614401500_b.wav", WHOLE[12_000 : 3 * RATE])
    land(folder_lake, "20260105T120000Z_copy.wav", WHOLE[: 3 * RATE])
    assert len(update(folder_lake, sqlite_catalog)) == 2
    folder_lake.delete(f"{FOLDER}/20260105T120000Z_a.wav")
    land(folder_lake, "20260105T120000Z_a.wav", WHOLE[30 * RATE : 30 * RATE + 12_800])
    update(folder_lake, sqlite_catalog)
    assert released(Ledger(sqlite_catalog), DAY)


@pytest.mark.parametrize(("samples", "first", "last"), [(11_003, 7.3, 9.1), (36_000, 20.0, 20.3), (60_001, 30.5, 33.0), (24_010, 0.0, 1.0)])
def test_a_copy_of_a_redacted_file_cut_otherwise_adds_nothing_twice(
    folder_lake: Lake, sqlite_catalog: Catalog, samples: int, first: float, last: float
) -> None:
    land(folder_lake, "20260105T120000Z.wav", WHOLE)
    update(folder_lake, sqlite_catalog)
    interval = NOON + timedelta(seconds=first), NOON + timedelta(seconds=last)
    erase(folder_lake, sqlite_catalog, plan_redaction(sqlite_catalog, "mic", *interval))
    before = times_kept(folder_lake, update(folder_lake, sqlite_catalog))
    land(folder_lake, "20260105T120000Z_copy.wav", WHOLE)
    otherwise = Segmenter(sample_rate=RATE, samples=samples)
    after = times_kept(folder_lake, update(folder_lake, sqlite_catalog, otherwise))
    assert after.max() == 1
    assert (after >= before).all()
    assert not after[round(first * RATE) + 16 : round(last * RATE) - 16].any()
    assert update_segments(folder_lake, Ledger(sqlite_catalog), DAY, otherwise, now=NOON).worked_on == 0


def test_the_whole_of_a_file_that_first_came_cut_off_adds_the_rest(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    land(folder_lake, "20260105T120000Z.wav", WHOLE[: 13 * RATE + 100])
    assert times_kept(folder_lake, update(folder_lake, sqlite_catalog)).sum() == 13 * RATE + 100
    land(folder_lake, "20260105T120000Z_whole.wav", WHOLE)
    assert (times_kept(folder_lake, update(folder_lake, sqlite_catalog)) == 1).all()


def test_other_sound_that_only_overlaps_is_kept_beside(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    land(folder_lake, "20260105T120000Z.wav", WHOLE[: 3 * RATE])
    land(folder_lake, "20260105T120001Z.wav", WHOLE[10 * RATE : 13 * RATE])  # a clock that was set back
    assert len(update(folder_lake, sqlite_catalog)) == 2


def test_who_gave_way_comes_back_when_nothing_stands_in_its_way(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    ledger = Ledger(sqlite_catalog)
    land(folder_lake, "20260105T120000Z.wav", WHOLE[: 3 * RATE])
    land(folder_lake, "20260105T120000Z_copy.wav", WHOLE[: 3 * RATE])
    land(folder_lake, "20260105T120000Z_other.wav", WHOLE[9 * RATE : 12 * RATE])
    land(folder_lake, "20260105T120001Z.wav", WHOLE[RATE : 5 * RATE])
    first, rest = update(folder_lake, sqlite_catalog)
    assert (first.seconds, rest.seconds, rest.started_at) == (3.0, 2.0, NOON + timedelta(seconds=3))
    assert released(ledger, DAY) == set()
    ledger.forget([first.key])
    assert released(ledger, DAY) == {f"{FOLDER}/20260105T12000{name}.wav" for name in ("0Z_copy", "0Z_other", "1Z")}
