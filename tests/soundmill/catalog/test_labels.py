"""Submissions, which never change, and the annotations that are derived from them."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from soundmill.catalog import Annotations, Box, Catalog, Labels, ReviewedSpan, Submission
from soundmill.catalog.labels import standing
from soundmill.errors import LabelsChanged
from soundmill.formats.annotation import Annotation

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
DAY = NOON.date()


def box(second: float, tag: str = "owl", seconds: float = 2.0, **more: object) -> Box:
    start = NOON + timedelta(seconds=second)
    return Box(start, start + timedelta(seconds=seconds), tag, **more)  # type: ignore[arg-type]


def submission(annotator: str, *boxes: Box, action: str = "replace", first: float = 0, last: float = 60, **more: object) -> Submission:
    start, end = NOON + timedelta(seconds=first), NOON + timedelta(seconds=last)
    return Submission(annotator, "garden", start, end, boxes, action, **more)  # type: ignore[arg-type]


def current(catalog: Catalog) -> list[tuple[str, float, str]]:
    return [(one.author, (one.start - NOON).total_seconds(), one.tag) for one in Annotations(catalog).of_days(DAY, DAY)]


def test_two_people_s_equal_labels_are_two_rows(catalog: Catalog) -> None:
    labels = Labels(catalog)
    for annotator in ("ann", "bo"):
        stored, changed = labels.submit(submission(annotator, box(1)))
        assert (stored.version, changed) == (1, 1)
    assert current(catalog) == [("ann", 1.0, "owl"), ("bo", 1.0, "owl")]


def test_a_later_submission_takes_the_place_of_the_same_person_s_earlier_one_and_of_no_other(catalog: Catalog) -> None:
    labels = Labels(catalog)
    labels.submit(submission("ann", box(1), box(30), box(70, "fox"), last=120))
    labels.submit(submission("bo", box(1)))
    stored, changed = labels.submit(submission("ann", box(1), box(31)))  # the first minute anew: one stays, one moves
    assert (stored.version, changed) == (2, 2)
    assert current(catalog) == [("ann", 1.0, "owl"), ("bo", 1.0, "owl"), ("ann", 31.0, "owl"), ("ann", 70.0, "fox")]
    assert [len(one.boxes) for one in labels.history("ann", "garden")] == [3, 2]  # what was submitted stays as it was


def test_an_empty_submission_clears_its_span_and_says_what_was_looked_for(catalog: Catalog) -> None:
    labels = Labels(catalog)
    labels.submit(submission("ann", box(1)))
    span = ReviewedSpan(NOON, NOON + timedelta(seconds=60), ("owl", "fox"))
    labels.submit(submission("ann", reviewed=(span,)))
    assert current(catalog) == []
    assert labels.reviewed(DAY, DAY) == [("garden", "ann", span)]


def test_a_rejected_prediction_is_kept_as_a_negative_and_is_no_annotation(catalog: Catalog) -> None:
    labels = Labels(catalog)
    of_model = {"origin": "prediction", "model": "owls", "model_version": 3, "score": 0.7}
    wrong, right = box(1, state="rejected", **of_model), box(9, state="kept", low_hz=300.0, high_hz=900.0, **of_model)
    labels.submit(submission("ann", wrong, right))
    assert current(catalog) == [("ann", 9.0, "owl")]
    assert labels.rejected(DAY, DAY) == [("garden", "ann", wrong)]
    assert labels.history("ann", "garden")[0].boxes == (wrong, right)


def test_a_rejection_that_was_taken_back_is_none_and_its_day_has_changed(catalog: Catalog) -> None:
    labels, marks = Labels(catalog), []
    for boxes in ((box(1, state="rejected"),), (), (box(1, state="rejected"),)):
        labels.submit(submission("ann", *boxes))
        marks.append(Annotations(catalog).revisions()[DAY])
        assert labels.rejected(DAY, DAY) == [("garden", "ann", one) for one in boxes]
    assert len(set(marks)) == 3


def test_labels_that_others_stand_by_now_are_not_overwritten_and_other_days_do_not_matter(catalog: Catalog) -> None:
    labels = Labels(catalog)
    labels.submit(submission("ann", box(1)), based_on=0)
    labels.submit(submission("ann", box(100), first=60, last=120), based_on=0)  # nothing was there
    with pytest.raises(LabelsChanged):
        labels.submit(submission("ann"), based_on=0)
    assert labels.submit(submission("ann", box(1)), based_on=0)[0].version == 1  # the same again, as when the answer got lost
    assert labels.submit(submission("ann"), based_on=1)[0].version == 3
    assert labels.standing("ann", "garden", NOON, NOON + timedelta(seconds=60)).version == 3


_piece = st.tuples(
    st.sampled_from(["replace", "add", "withdraw"]), st.integers(0, 5), st.integers(1, 6), st.frozensets(st.integers(0, 9), max_size=3)
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=st.lists(_piece, max_size=6))
def test_what_stands_of_a_span_is_what_all_of_the_history_comes_to(
    pieces: list[tuple[str, int, int, frozenset[int]]], sqlite_catalog: Catalog
) -> None:
    labels, annotator = Labels(sqlite_catalog), f"ann {hash(tuple(pieces)) & 0xFFFF_FFFF}"
    for action, first, seconds, starts in pieces:
        last = first + seconds
        span = ReviewedSpan(NOON + timedelta(seconds=first), NOON + timedelta(seconds=last), (str(seconds),))
        inside = [box(start, seconds=0.5) for start in sorted(starts) if first <= start < last]
        labels.submit(submission(annotator, *inside, action=action, first=first, last=last, reviewed=(span,)))
    for first, last in ((0, 3), (2, 5), (0, 20)):
        start, end = NOON + timedelta(seconds=first), NOON + timedelta(seconds=last)
        whole = standing(labels.history(annotator, "garden"), start, end, 0)
        found = labels.standing(annotator, "garden", start, end)
        assert found.boxes == whole.boxes
        assert {_clipped(span, start, end) for span in found.reviewed} == {_clipped(span, start, end) for span in whole.reviewed}


def _clipped(span: ReviewedSpan, start: datetime, end: datetime) -> ReviewedSpan:
    return replace(span, start=max(span.start, start), end=min(span.end, end))


def test_labels_of_a_round_wait_for_its_rule(catalog: Catalog) -> None:
    stored, changed = Labels(catalog).submit(submission("ann", box(1), round="january", session=7))
    assert (stored.round, stored.session, changed) == ("january", 7, 0)
    assert current(catalog) == []


def test_the_same_content_twice_is_one_submission(catalog: Catalog) -> None:
    labels = Labels(catalog)
    assert [labels.submit(submission("ann", box(1)))[0].version for _ in range(3)] == [1, 1, 1]
    assert len(labels.history("ann", "garden")) == 1


def test_versions_count_on_however_many_submit_at_once(catalog: Catalog) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: Labels(catalog).submit(submission("ann", box(n))), range(24)))
    assert [one.version for one in Labels(catalog).history("ann", "garden")] == list(range(1, 25))
    assert len(current(catalog)) == 1  # each replaced the whole minute


def test_every_change_changes_the_day_s_mark(catalog: Catalog) -> None:
    labels, marks = Labels(catalog), []
    for boxes in ((box(1),), (box(1), box(2)), (box(2),), (box(1), box(2))):
        labels.submit(submission("ann", *boxes))
        marks.append(Annotations(catalog).revisions()[DAY])
    assert len(set(marks)) == 4


def test_bounds_in_hertz_tell_labels_apart(catalog: Catalog) -> None:
    labels = Labels(catalog)
    labels.submit(submission("ann", box(1), box(1, low_hz=100.0, high_hz=200.0), box(1, low_hz=200.0)))
    found = Annotations(catalog).of_days(DAY, DAY)
    assert {(one.low_hz, one.high_hz) for one in found} == {(None, None), (100.0, 200.0), (200.0, None)}
    assert len({one.key for one in found}) == 3
    with pytest.raises(ValueError, match="band"):
        labels.submit(submission("ann", box(1, low_hz=300.0, high_hz=200.0)))


def test_labels_are_taken_back_by_their_author_or_where_none_is_named_of_everybody(catalog: Catalog) -> None:
    annotations = Annotations(catalog)
    mine, theirs = (Annotation("garden", NOON, NOON + timedelta(seconds=1), "owl", author) for author in ("ann", "bo"))
    assert annotations.add([mine, theirs]) == 2
    assert annotations.withdraw([mine]) == 1
    assert annotations.of_days(DAY, DAY) == [theirs]
    assert annotations.add([mine]) == 1
    assert annotations.withdraw([Annotation("garden", mine.start, mine.end, "owl")]) == 2
    assert annotations.of_days(DAY, DAY) == []


_seconds = st.integers(0, 9)
_step = st.tuples(st.sampled_from(["ann", "bo"]), st.integers(0, 9), st.integers(1, 10), st.frozensets(_seconds, max_size=4))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(_step, max_size=6))
def test_annotations_are_what_a_replay_of_all_submissions_gives(
    steps: list[tuple[str, int, int, frozenset[int]]], sqlite_catalog: Catalog
) -> None:
    labels, source = Labels(sqlite_catalog), f"source {hash(tuple(steps)) & 0xFFFF_FFFF}"
    expected: set[tuple[str, int]] = set()
    for annotator, first, length, seconds in steps:
        inside = {second for second in seconds if first <= second < first + length}
        expected = {(who, at) for who, at in expected if who != annotator or not first <= at < first + length}
        expected |= {(annotator, second) for second in inside}
        start, end = NOON + timedelta(seconds=first), NOON + timedelta(seconds=first + length)
        labels.submit(Submission(annotator, source, start, end, tuple(box(second, seconds=0.5) for second in sorted(inside))))
    found = [one for one in Annotations(sqlite_catalog).of_days(date(2026, 1, 5), DAY) if one.source == source]
    assert {(one.author, round((one.start - NOON).total_seconds())) for one in found} == expected
