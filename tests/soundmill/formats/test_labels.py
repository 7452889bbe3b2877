"""Label files in and out."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soundmill.errors import LabelFileRefused
from soundmill.formats.annotation import Annotation
from soundmill.formats.labels import Placement, Provenance, read_audacity, read_csv, write_audacity, write_csv

NIGHT = datetime(2026, 1, 5, 22, tzinfo=UTC)
PLACE = Placement("mic", NIGHT, "ann")


def test_csv_takes_columns_in_any_order_and_moments_in_many_spellings() -> None:
    text = "\ufefftag,End,start,source\nkettle,2026-01-05T22:00:02Z,2026-01-05 22:00:00,mic\n\nowl,1767650405000,1767650404000,porch\n"
    assert read_csv(text, Placement(author="ben")).annotations == [
        Annotation("mic", NIGHT, NIGHT + timedelta(seconds=2), "kettle", "ben"),
        Annotation("porch", NIGHT + timedelta(seconds=4), NIGHT + timedelta(seconds=5), "owl", "ben"),
    ]


def test_csv_takes_seconds_when_their_start_is_given() -> None:
    (found,) = read_csv("start,end,tag\n1.5,3,owl\n", PLACE).annotations
    assert found == Annotation("mic", NIGHT + timedelta(seconds=1.5), NIGHT + timedelta(seconds=3), "owl", "ann")


def test_audacity_tracks_with_frequencies_points_and_empty_labels() -> None:
    text = "1.000000\t2.500000\towl\n\\\t300.0\t2000.0\n3.0\t3.0\tclick\n4.0\t5.0\t\n"
    owl, click = read_audacity(text, PLACE).annotations
    assert owl == Annotation("mic", NIGHT + timedelta(seconds=1), NIGHT + timedelta(seconds=2.5), "owl", "ann")
    assert (click.end - click.start).total_seconds() == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("start,end\n1,2\n", "lacks tag"),
        ("start,end,tag\n1,2,owl\nnoon,3,owl\n", "line 3"),
        ("start,end,tag\n3,2,owl\n", "line 2: an annotation must end after"),
        ("start,end,tag\n1,2,other\n", "own word"),
        ("", "lacks"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(text: str, says: str) -> None:
    with pytest.raises(LabelFileRefused, match=says):
        read_csv(text, PLACE)


ODD = (
    "1.0\t2.0\towl?\n2.0\t3.0\tlark\n3.0\t4.0\towl #2\n5.0\t6.0\tbird: owl\n7.0\t8.0\tTurdus merula, Eurasian Blackbird\t0.85\n9\t10\t???\n"
)


def test_all_bad_labels_are_named_at_once() -> None:
    with pytest.raises(LabelFileRefused) as refused:
        read_audacity(ODD, PLACE)
    assert [line.split(":")[0] for line in str(refused.value).splitlines()] == ["line 1", "line 3", "line 4", "line 5", "line 6"]


def test_bad_labels_are_skipped_or_renamed_where_that_is_asked_for() -> None:
    skipped = read_audacity(ODD, replace(PLACE, bad="skip"))
    assert [one.tag for one in skipped.annotations] == ["lark"]
    assert len(skipped.notes) == 5
    renamed = read_audacity(ODD, replace(PLACE, bad="rename"))
    assert [one.tag for one in renamed.annotations] == ["owl", "lark", "owl_2", "bird_owl", "Turdus merula_Eurasian Blackbird"]
    assert "line 1: 'owl?' becomes 'owl'" in renamed.notes
    assert any("???" in note and "left out" in note for note in renamed.notes)


def test_a_source_must_come_from_somewhere() -> None:
    with pytest.raises(LabelFileRefused, match="no source"):
        read_csv("start,end,tag\n2026-01-05T22:00:00Z,2026-01-05T22:00:01Z,owl\n", Placement())
    with pytest.raises(LabelFileRefused, match="--started-at"):
        read_audacity("1\t2\towl\n", Placement("mic"))
    with pytest.raises(LabelFileRefused, match="line 1: expected"):
        read_audacity("1 2 owl\n", PLACE)


labels = st.builds(
    lambda at, length, tag, source: Annotation(
        source, NIGHT + timedelta(milliseconds=at), NIGHT + timedelta(milliseconds=at + length), tag, "ann"
    ),
    st.integers(0, 10**7),
    st.integers(1, 10**5),
    st.sampled_from(["owl", "kettle (big)", "a,b'c".replace(",", "."), "tür"]),
    st.just("mic"),
)


@given(st.lists(labels, max_size=10))
def test_what_is_written_can_be_read_back(annotations: list[Annotation]) -> None:
    assert read_csv(write_csv(annotations), Placement()).annotations == annotations
    assert read_audacity(write_audacity(annotations, NIGHT), PLACE).annotations == annotations


def test_a_band_and_how_a_label_came_to_be_are_written_and_the_band_is_read_again() -> None:
    start = datetime(2026, 1, 5, 12, tzinfo=UTC)
    owl = Annotation("mic", start, start + timedelta(seconds=2), "owl", "ann", 300.0, 1250.5)
    fox = Annotation("mic", start, start + timedelta(seconds=2), "fox", "ann")
    text = write_csv([owl, fox], {owl: Provenance("prediction", "moved", "yard", 3, 1.25)})
    lines = text.splitlines()
    assert lines[0].endswith("author,low_hz,high_hz,origin,state,model,model_version,score")
    assert lines[1].endswith("owl,ann,300,1250.5,prediction,moved,yard,3,1.25")
    assert lines[2].endswith("fox,ann,,,,,,,")
    assert read_csv(text, Placement()).annotations == [owl, fox]
    with pytest.raises(LabelFileRefused, match="line 2"):
        read_csv(text.replace("1250.5", "100"), Placement())
