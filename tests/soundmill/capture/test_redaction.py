"""Stretches of time: cut out whole, or taken back with everything that was made of them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from soundmill.audio import wav_bytes
from soundmill.capture import SEGMENTS, Segmenter, update_segments
from soundmill.capture.naming import SegmentName
from soundmill.capture.redaction import plan_redaction, plan_silent, uncut_files
from soundmill.catalog import Annotations, Catalog, Item, Ledger
from soundmill.formats.annotation import Annotation
from soundmill.lake import Lake
from soundmill.workflows.erasure import erase
from tests.soundmill.capture.landed import CUT, DAY, NOON, RATE, SEGMENT, land, sound


def keys(lake: Lake) -> list[int]:
    names = [SegmentName.parse(key.rpartition("/")[2]) for key in lake.read_days(SEGMENTS, [DAY])["key"].to_pylist()]
    return sorted(one.sequence for one in names if one)


def test_what_nobody_annotated_goes_but_for_two_on_either_side(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    land(folder_lake, sqlite_catalog, list(range(20)))
    Annotations(sqlite_catalog).add([Annotation("mic", NOON + timedelta(seconds=31), NOON + timedelta(seconds=32), "bell", "test")])
    plan = plan_redaction(sqlite_catalog, "mic", NOON + timedelta(seconds=6), NOON + timedelta(seconds=54))
    gone = sorted(name.sequence for item in plan.segments if (name := SegmentName.parse(item.key.rpartition("/")[2])))
    assert gone == [2, 3, 4, 5, 6, 7, 13, 14, 15, 16, 17]  # the bell is in the eleventh
    assert (plan.kept, plan.seconds) == (5, 33.0)
    assert keys(folder_lake) == list(range(20))  # so far it is a plan
    assert erase(folder_lake, sqlite_catalog, plan).files == 22  # segments and landed files
    update_segments(folder_lake, Ledger(sqlite_catalog), DAY, CUT, now=NOON)
    assert keys(folder_lake) == [0, 1, 8, 9, 10, 11, 12, 18, 19]
    files = {entry.path for entry in folder_lake.files("landing")} | {entry.path for entry in folder_lake.files("audio")}
    assert len(files) == 18
    assert Ledger(sqlite_catalog).withdrawn_paths() == set(plan.files)
    assert plan_redaction(sqlite_catalog, "mic", NOON, NOON + timedelta(hours=1), keep=9).segments == ()


def test_cut_off_midway_the_same_redaction_finishes_it(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    land(folder_lake, sqlite_catalog, list(range(4)))
    plan = plan_redaction(sqlite_catalog, "mic", NOON, NOON + timedelta(seconds=12))
    Ledger(sqlite_catalog).withdraw("mic", plan.spans, plan.segments, SEGMENTS.name)  # and then the machine stops
    again = plan_redaction(sqlite_catalog, "mic", NOON, NOON + timedelta(seconds=12))
    assert (again.segments, again.files) == ((), plan.files)
    assert erase(folder_lake, sqlite_catalog, again).files == 8
    land(folder_lake, sqlite_catalog, [1])  # and should the file come back, its sound does not
    assert keys(folder_lake) == []


def test_a_recording_keeps_only_what_is_protected_of_it(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    whole = np.concatenate([sound(number) for number in range(12)])
    folder_lake.write_bytes("landing/mic/2026-01-05/20260105T120000Z.wav", wav_bytes(whole, RATE))
    update_segments(folder_lake, Ledger(sqlite_catalog), DAY, CUT, now=NOON)
    Annotations(sqlite_catalog).add([Annotation("mic", NOON, NOON + timedelta(seconds=1), "bell", "test")])
    plan = plan_redaction(sqlite_catalog, "mic", NOON, NOON + timedelta(seconds=36), keep=1)
    erase(folder_lake, sqlite_catalog, plan)
    update_segments(folder_lake, Ledger(sqlite_catalog), DAY, CUT, now=NOON)
    assert len(folder_lake.read_days(SEGMENTS, [DAY])) == 2
    assert not list(folder_lake.files("landing"))


def test_what_was_taken_back_does_not_come_back_under_another_name(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    whole = wav_bytes(np.concatenate([sound(number) for number in range(6)]), RATE)
    folder_lake.write_bytes("landing/mic/2026-01-05/20260105T120000Z.wav", whole)
    other = wav_bytes(np.concatenate([sound(number) for number in range(9, 11)]), RATE)
    folder_lake.write_bytes("landing/mic/2026-01-05/20260105T120000Z-other.wav", other)  # it claims the same moments, and waits its turn
    ledger = Ledger(sqlite_catalog)
    update_segments(folder_lake, ledger, DAY, CUT, now=NOON)
    erase(folder_lake, sqlite_catalog, plan_redaction(sqlite_catalog, "mic", NOON, NOON + timedelta(seconds=60)))
    update_segments(folder_lake, ledger, DAY, CUT, now=NOON)
    assert len(folder_lake.read_days(SEGMENTS, [DAY])) == 0
    folder_lake.write_bytes("landing/mic/2026-01-05/again_20260105T120000Z.wav", whole)
    update_segments(folder_lake, ledger, DAY, CUT, now=NOON)
    assert len(folder_lake.read_days(SEGMENTS, [DAY])) == 0


def test_sound_that_lands_later_is_withdrawn_too_and_what_lies_outside_is_not(lake: Lake, catalog: Catalog) -> None:
    erase(lake, catalog, plan_redaction(catalog, "mic", NOON + timedelta(seconds=6), NOON + timedelta(seconds=12)))
    land(lake, catalog, list(range(6)))
    assert keys(lake) == [0, 1, 4, 5]
    assert len(list(lake.files("landing"))) == len(list(lake.files("audio"))) == 4
    whole = np.concatenate([sound(number) for number in range(6)])
    lake.write_bytes("landing/porch/2026-01-05/20260105T120000Z.wav", wav_bytes(whole, RATE))
    update_segments(lake, Ledger(catalog), DAY, CUT, now=NOON)
    assert lake.read_days(SEGMENTS, [DAY])["source"].to_pylist().count("porch") == 6


def test_landed_sound_that_no_run_has_cut_is_named(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    folder_lake.write_bytes("landing/mic/2026-01-05/20260105T120000Z.wav", wav_bytes(sound(0), RATE))
    interval = NOON, NOON + timedelta(minutes=1)
    assert len(uncut_files(folder_lake, Ledger(sqlite_catalog), "mic", *interval)) == 1
    assert uncut_files(folder_lake, Ledger(sqlite_catalog), "porch", *interval) == []
    erase(folder_lake, sqlite_catalog, plan_redaction(sqlite_catalog, "mic", *interval))
    update_segments(folder_lake, Ledger(sqlite_catalog), DAY, CUT, now=NOON)
    assert not list(folder_lake.files("landing"))
    assert uncut_files(folder_lake, Ledger(sqlite_catalog), "mic", *interval) == []


def test_a_day_that_is_cut_anew_meanwhile_brings_nothing_back(folder_lake: Lake, catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = np.concatenate([sound(number) for number in range(12)])
    folder_lake.write_bytes("landing/mic/2026-01-05/20260105T120000Z.wav", wav_bytes(whole, RATE))
    ledger = Ledger(catalog)
    update_segments(folder_lake, ledger, DAY, CUT, now=NOON)
    record = Ledger.record

    def redacted_first(self: Ledger, *args: Any, **more: Any) -> list[Item]:
        monkeypatch.setattr(Ledger, "record", record)  # everything is cut and stored; now somebody takes it back, and then it is recorded
        erase(folder_lake, catalog, plan_redaction(catalog, "mic", NOON, NOON + timedelta(seconds=18)))
        return record(self, *args, **more)

    monkeypatch.setattr(Ledger, "record", redacted_first)
    update_segments(folder_lake, ledger, DAY, Segmenter(RATE, SEGMENT // 2), now=NOON)
    update_segments(folder_lake, ledger, DAY, Segmenter(RATE, SEGMENT // 2), now=NOON)
    assert {count.state: count.seconds for count in ledger.counts(DAY)} == {"ready": 18.0, "withdrawn": 18.0}
    starts = folder_lake.read_days(SEGMENTS, [DAY])["started_at"].to_pylist()
    assert min(starts) >= NOON + timedelta(seconds=18)
    assert len(list(folder_lake.files("audio"))) == len(starts)
    assert not list(folder_lake.files("landing"))


def test_redactions_and_runs_at_once_leave_nothing_behind(folder_lake: Lake, catalog: Catalog) -> None:
    land(folder_lake, catalog, list(range(20)))

    def cut(number: int) -> None:
        update_segments(folder_lake, Ledger(catalog), DAY, Segmenter(RATE, SEGMENT, -60.0 - number), now=NOON)

    def redact(number: int) -> None:
        start = NOON + timedelta(seconds=12 * number)
        erase(folder_lake, catalog, plan_redaction(catalog, "mic", start, start + timedelta(seconds=6)))

    with ThreadPoolExecutor(4) as pool:
        for one in [pool.submit(work, number) for number in range(5) for work in (cut, redact)]:
            one.result()
    update_segments(folder_lake, Ledger(catalog), DAY, CUT, now=NOON)
    assert keys(folder_lake) == [number for number in range(20) if number % 4 > 1]
    assert len(list(folder_lake.files("audio"))) == len(list(folder_lake.files("landing"))) == 10


def test_silent_files_go_and_their_seconds_stay(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    land(folder_lake, sqlite_catalog, list(range(6)), silent=(2, 3))
    plan = plan_silent(sqlite_catalog, "mic", NOON, NOON + timedelta(minutes=1))
    assert (len(plan.files), plan.seconds) == (2, 6.0)
    assert erase(folder_lake, sqlite_catalog, plan).files == 2
    update_segments(folder_lake, Ledger(sqlite_catalog), DAY, CUT, now=NOON)
    counts = {count.state: count.seconds for count in Ledger(sqlite_catalog).counts(DAY)}
    assert counts == {"ready": 12.0, "silent": 6.0}
