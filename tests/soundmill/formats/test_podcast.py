"""Pod.Cast's tables."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from soundmill.errors import LabelFileRefused
from soundmill.formats.podcast import Archived, TimedSpan, read_spans, write_archive

HEAD = "wav_filename\tstart_time_s\tduration_s"


def test_spans_come_by_recording_and_start_and_a_missing_confidence_is_one() -> None:
    table = read_spans(f"{HEAD}\nb.wav\t1\t2.45\na.wav\t9\t1\na.wav\t10\t1\n")
    assert not table.has_confidence
    assert table.spans == (TimedSpan("a.wav", 9, 1), TimedSpan("a.wav", 10, 1), TimedSpan("b.wav", 1, 2.45))
    assert {name: len(of) for name, of in table.recordings().items()} == {"a.wav": 2, "b.wav": 1}


def test_an_archive_has_a_line_for_what_is_there_and_for_what_is_not_and_runs_no_formula() -> None:
    noon = datetime(2026, 1, 5, 12, tzinfo=UTC)
    text = write_archive(
        [
            Archived("owls", "=garden", noon, noon + timedelta(minutes=1), 24.5, 2.45, "owl"),
            Archived("owls", "garden", noon, noon + timedelta(minutes=1)),
        ]
    )
    head, there, nothing = (line.split("\t") for line in text.splitlines())
    assert head == ["dataset", "wav_filename", "start_time_s", "duration_s", "location", "date", "pst_or_master_tape_identifier", "tag"]
    assert there == ["owls", "2026-01-05T12-00-00-000_60000_=garden.wav", "24.500", "2.450", "'=garden", "2026-01-05", "04:00:00", "owl"]
    assert nothing == ["owls", "2026-01-05T12-00-00-000_60000_garden.wav", "0.000", "0.000", "garden", "2026-01-05", "04:00:00", ""]
    assert {one.duration_s for one in read_spans(text).spans} == {2.45, 0.0}  # and it is a table that can be looked at


def test_the_original_s_own_tables_are_read(data: Path) -> None:
    predictions = read_spans((data / "podcast" / "predictions.tsv").read_text())
    assert predictions.has_confidence
    assert (len(predictions.spans), len(predictions.recordings())) == (8341, 112)
    assert all(0 <= one.confidence <= 1 for one in predictions.spans)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no column wav_filename"),
        ("wav_filename,start_time_s,duration_s\na.wav,1,2", "no column"),
        (f"{HEAD}\na.wav\tsoon\t1", "line 2: .* are numbers"),
        (f"{HEAD}\na.wav\t1\t1\na.wav\tnan\t1", "line 3: this names no span"),
        (f"{HEAD}\n\t1\t1", "line 2: this names no span"),
        (f"{HEAD}\na.wav\t1", "line 2: .* are numbers"),
    ],
)
def test_what_is_no_such_table_is_said(text: str, says: str) -> None:
    with pytest.raises(LabelFileRefused, match=says):
        read_spans(text)
