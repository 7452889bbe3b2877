"""Which days, segments and groups go where when a model is fitted."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soundmill.errors import NotEnoughData, SpecRefused
from soundmill.osr.selection import background_share, choose_days, free_of, label_segments, sample, split_groups
from soundmill.osr.spec import ModelSpec

START = datetime(2026, 1, 5, tzinfo=UTC)
DAYS = [date(2026, 1, day) for day in range(1, 11)]


def test_days_are_split_by_themselves_or_as_told() -> None:
    choice = choose_days(ModelSpec(), DAYS)
    assert (len(choice.train), len(choice.test)) == (7, 3)
    assert choice.background == choice.train
    told = choose_days(ModelSpec(train_days=tuple(DAYS[:2]), test_days=(DAYS[5],), background_days=()), DAYS)
    assert told.train == tuple(DAYS[:2])
    assert told.test == (DAYS[5],)
    assert told.background == ()
    assert choose_days(ModelSpec(train_days=(DAYS[0],), background_days=(DAYS[1],)), DAYS).test == tuple(DAYS[2:])
    assert choose_days(ModelSpec(test_days=(DAYS[0],)), DAYS).train == tuple(DAYS[1:])
    with pytest.raises(NotEnoughData, match="labels import"):
        choose_days(ModelSpec(), [])
    with pytest.raises(NotEnoughData, match="every annotated day is a test day"):
        choose_days(ModelSpec(test_days=tuple(DAYS)), DAYS)


def test_a_day_cannot_be_on_both_sides() -> None:
    with pytest.raises(SpecRefused, match="2026-01-01 would both train and test"):
        ModelSpec.parse({"train_days": DAYS[:2], "test_days": DAYS[:1]})
    with pytest.raises(SpecRefused, match="set thresholds and test"):
        ModelSpec.parse({"background_days": DAYS[:2], "test_days": DAYS[:1]})
    with pytest.raises(SpecRefused, match="components"):
        ModelSpec.parse({"components": 0})


def test_background_follows_the_mean_number_of_sounds() -> None:
    assert background_share({"a": 10, "b": 20}) == 15 * 15
    assert background_share({"a": 1, "b": 2}) == 30
    assert background_share({"a": 10_000}) == 3000


def test_a_segment_that_holds_enough_of_one_sound_has_its_label() -> None:
    def at(seconds: float) -> datetime:
        return START + timedelta(seconds=seconds)

    segments = [(str(n), "mic", at(3 * n), 3.0) for n in range(6)]
    labels = [
        ("long", "mic", at(1), at(5), "a"),  # two seconds of it in 0 and in 1
        ("short", "mic", at(6.1), at(6.3), "b"),  # whole in 2
        ("touch", "mic", at(8.9), at(9.9), "b"),  # 0.1 s in 2, the rest in 3
        ("one", "mic", at(12.5), at(14), "a"),  # in 4, with another tag
        ("two", "mic", at(13), at(14), "b"),
        ("elsewhere", "porch", at(15), at(18), "a"),
    ]
    found = {(one.segment, one.annotation, one.tag) for one in label_segments(segments, labels)}
    assert found == {("0", "long", "a"), ("1", "long", "a"), ("2", "short", "b"), ("3", "touch", "b")}


def test_what_shares_a_recording_or_one_of_many_days_stays_together() -> None:
    day = START.date()
    groups, kind = split_groups([day] * 4, [frozenset("a"), frozenset("ab"), frozenset("b"), frozenset("c")])
    assert kind == "recordings"
    assert groups[0] == groups[1] == groups[2] != groups[3]
    many = [day + timedelta(days=n) for n in (0, 1, 2, 3, 4, 4)]
    groups, kind = split_groups(many, [frozenset({str(n)}) for n in (0, 1, 2, 3, 4, 5)])
    assert kind == "days"
    assert len(set(groups)) == 5
    assert groups[4] == groups[5]


def test_background_is_what_no_annotation_touches() -> None:
    def at(seconds: float) -> datetime:
        return START + timedelta(seconds=seconds)

    segments = [(str(n), "mic", at(3 * n), 3.0) for n in range(6)] + [("porch", "porch", at(0), 3.0)]
    labels = [("mic", at(4), at(5)), ("mic", at(0.5), at(1)), ("mic", at(8.9), at(12)), ("porch", at(50), at(60))]
    assert free_of(segments, labels) == ["4", "5", "porch"]
    assert free_of(segments, []) == [key for key, *_ in segments]


@given(
    st.lists(st.tuples(st.floats(0, 100), st.floats(0.01, 30)), max_size=12),
    st.lists(st.tuples(st.floats(0, 100), st.floats(0.01, 5)), min_size=1, max_size=12),
)
def test_freedom_agrees_with_comparing_everything_to_everything(
    labels: list[tuple[float, float]], spans: list[tuple[float, float]]
) -> None:
    annotations = [("mic", START + timedelta(seconds=at), START + timedelta(seconds=at + length)) for at, length in labels]
    segments = [(str(n), "mic", START + timedelta(seconds=at), length) for n, (at, length) in enumerate(spans)]
    touch = timedelta(milliseconds=10)
    want = [
        key
        for key, _, start, seconds in segments
        if not any(s < start + timedelta(seconds=seconds) - touch and e > start + touch for _, s, e in annotations)
    ]
    assert free_of(segments, annotations) == want


def test_a_sample_is_the_same_for_the_same_seed_whatever_the_order() -> None:
    keys = [str(n) for n in range(100)]
    assert sample(keys, 10, 1) == sample(keys[::-1], 10, 1)
    assert sample(keys, 10, 1) != sample(keys, 10, 2)
    assert sample(keys, 1000, 1) == sorted(keys)
