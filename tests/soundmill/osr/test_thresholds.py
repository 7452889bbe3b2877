"""Thresholds, the hour of the day, and the choice of data, worked out by hand."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soundmill.errors import NotEnoughData, SpecRefused
from soundmill.osr.selection import background_share, choose_days, free_of, label_segments, sample, split_groups
from soundmill.osr.spec import ModelSpec
from soundmill.osr.thresholds import balanced_threshold, percentile_threshold, precision_threshold, quantile_threshold, sound_costs
from soundmill.osr.time_of_day import GRID, time_model, weight_at

START = datetime(2026, 1, 5, tzinfo=UTC)
DAYS = [date(2026, 1, day) for day in range(1, 11)]


def test_a_sound_is_believed_when_more_than_half_of_its_vectors_pass() -> None:
    costs = np.array([1.0, 2, 3, 4, 10, 20, 30])
    owner = np.array([0, 0, 0, 0, 1, 1, 1])
    np.testing.assert_array_equal(sound_costs(costs, owner, 3), [3.0, 20.0, np.inf])  # 3 of 4, 2 of 3, nothing heard


@given(st.lists(st.tuples(st.integers(0, 4), st.floats(-50, 50)), min_size=1, max_size=60), st.floats(-60, 60))
def test_the_sound_cost_is_the_least_threshold_that_passes(pairs: list[tuple[int, float]], threshold: float) -> None:
    owner, costs = np.array([o for o, _ in pairs]), np.array([c for _, c in pairs])
    for sound, cost in enumerate(sound_costs(costs, owner, 5)):
        mine = costs[owner == sound]
        assert (cost <= threshold) == (len(mine) > 0 and (mine <= threshold).mean() > 0.5)


def test_without_background_the_60th_percentile() -> None:
    assert percentile_threshold(np.arange(101.0)) == 60.0


def test_the_best_precision_after_the_least_recall_is_taken() -> None:
    # walking up: tag, tag, other, tag, tag, tag, other; recall .6 is reached at the third tag, precision peaks at the fifth
    costs = np.arange(1.0, 8.0)
    is_tag = np.array([1, 1, 0, 1, 1, 1, 0], bool)
    assert precision_threshold(costs, is_tag) == 6.0


def test_from_a_perfect_start_it_goes_on_while_precision_lasts() -> None:
    is_tag = np.array([1] * 20 + [0] + [1] * 5 + [0] * 10, bool)
    # precision at the start (12 tags) is 1; .95 of it still holds at the 26th sound, 25/26, and at the 27th no more, 25/27
    assert precision_threshold(np.arange(36.0), is_tag) == 25.0


def test_sounds_without_vectors_never_set_the_threshold() -> None:
    assert precision_threshold(np.array([1.0, 2.0, np.inf]), np.array([1, 1, 1], bool)) == 2.0
    assert precision_threshold(np.array([np.inf]), np.array([True])) == -np.inf


def test_an_hour_model_of_few_sounds_is_flat() -> None:
    np.testing.assert_array_equal(time_model(np.full(19, 7.0)), np.full(73, 0.1))


def test_an_hour_model_peaks_where_the_sounds_are_and_wraps_at_midnight() -> None:
    weights = time_model(np.full(40, 0.0))
    assert len(GRID) == 73
    assert weights[0] == weights[-1] == 1.0
    assert weights.min() == pytest.approx(0.1)  # never more than ten times less likely
    assert weight_at(weights, np.array([23.9]))[0] == pytest.approx(weight_at(weights, np.array([0.1]))[0])
    # one bump of height 40 e^(-h^2 / 0.5), clipped at 10: ten is left at h = sqrt(0.5 ln 4) = 0.83 hours
    assert weight_at(weights, np.array([2 / 3]))[0] == 1.0
    assert weight_at(weights, np.array([1.0]))[0] == pytest.approx(40 * np.exp(-2) / 10, rel=1e-6)


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


def test_scores_that_nothing_was_fitted_to_make_the_thresholds() -> None:
    scores, right = np.array([5.0, 4, 3, 2, 1, 0.5, 0.2, 0.1, 9, 9]), np.array([1] * 8 + [0] * 2, bool)
    assert quantile_threshold(scores, right, 0.5) == 1.0  # five of ten, under their right names
    assert quantile_threshold(scores, right, 0.9) == 0.1  # only eight are named rightly at all
    known, unknown = np.full(20, 4.0), np.zeros(20)
    assert 1 < balanced_threshold(known, np.ones(20, bool), unknown) < 3
    assert balanced_threshold(known, np.ones(20, bool), np.full(20, 3.9), 0.01) == pytest.approx(3.95, abs=0.05)


def test_a_segment_that_holds_enough_of_one_sound_is_a_hearing_of_it() -> None:
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
