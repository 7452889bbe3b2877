"""A day as a CutSet: every segment with the sounds that were labelled in it."""

from pathlib import Path

import pytest

from soundmill.capture import SEGMENTS
from soundmill.labelling.snapshot import ANNOTATIONS, write_snapshot
from soundmill.workflows.cuts import cuts_folder, update_cuts
from tests.home import DAYS, Home


def test_every_segment_is_a_cut_and_every_label_lies_in_one_or_two(built_home: Home) -> None:
    from lhotse import load_manifest  # imports torch: only where it is used

    lake = built_home.lake
    counts, changed = update_cuts(lake, DAYS[0], ())
    segments = lake.read_days(SEGMENTS, [DAYS[0]])
    assert (counts, changed) == ({"segment": segments.num_rows}, True)
    assert update_cuts(lake, DAYS[0], ()) == (counts, False)
    cuts = load_manifest(Path(lake.full_path(f"{cuts_folder(DAYS[0])}/cuts.jsonl.gz")))
    labels = lake.read_days(ANNOTATIONS, [DAYS[0]]).to_pylist()
    marked = [supervision for cut in cuts for supervision in cut.supervisions]
    assert len(labels) <= len(marked) <= 2 * len(labels)
    labelled = sum((row["end"] - row["start"]).total_seconds() for row in labels)
    assert sum(one.duration for one in marked) == pytest.approx(labelled, abs=0.02 * len(marked))
    assert all(one.start >= 0 and one.end <= cut.duration + 1e-3 for cut in cuts for one in cut.supervisions)


def test_a_day_of_which_nothing_is_left_has_no_manifest(built_home: Home) -> None:
    lake = built_home.lake
    update_cuts(lake, DAYS[0], ())
    lake.write_day(SEGMENTS, DAYS[0], SEGMENTS.from_rows([]), made_from="nothing")
    write_snapshot(lake, DAYS[0], [])
    assert update_cuts(lake, DAYS[0], ()) == ({}, True)
    assert not lake.exists(f"{cuts_folder(DAYS[0])}/cuts.jsonl.gz")
    assert update_cuts(lake, DAYS[0], ()) == ({}, False)
