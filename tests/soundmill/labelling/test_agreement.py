"""Agreement on published examples, against a library, and of simulated people whose errors are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from soundmill.labelling.agreement import Event, Interval, TagAgreement, agreement, event_f1, krippendorff_alpha, match_events

NAN = float("nan")
# Krippendorff 2011, "Computing Krippendorff's alpha-reliability", example C: four observers, twelve units
HANDBOOK = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
        [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
    ]
).T


def test_alpha_is_that_of_the_published_example() -> None:
    assert krippendorff_alpha(HANDBOOK) == pytest.approx(0.743, abs=5e-4)
    assert np.isnan(krippendorff_alpha(np.ones((4, 2))))  # where all say the same there is nothing to agree on
    assert krippendorff_alpha(np.array([[0.0, 0], [1, 1], [0, 0]])) == 1


def test_events_are_matched_one_to_one_as_often_as_can_be() -> None:
    first = [Event(0, 1000, "owl"), Event(900, 2000, "owl")]
    second = [Event(450, 1450, "owl"), Event(1000, 2100, "owl"), Event(5000, 6000, "owl")]
    assert sorted(match_events(first, second)) == [(1, 1)]  # the first overlaps neither by half, nor begins near either
    assert match_events([Event(0, 100, "owl")], [Event(190, 290, "owl")]) == [(0, 0)]  # within the collar
    assert match_events([Event(0, 100, "owl")], [Event(210, 310, "owl")]) == []
    chain = [Event(0, 1000, "owl"), Event(300, 1300, "owl")], [Event(250, 1250, "owl"), Event(-300, 700, "owl")]
    assert len(match_events(*chain)) == 2  # a greedy choice of the closest pair would leave the others alone
    assert event_f1(first, second) == pytest.approx(2 / 5)
    assert event_f1([], []) is None
    assert event_f1([Event(0, 1000, "owl")], [Event(0, 1000, "fox")]) == 0


events = st.lists(st.tuples(st.integers(0, 6000), st.integers(1, 2000), st.sampled_from(["owl", "fox"])), max_size=6).map(
    lambda drawn: [Event(start, start + length, tag) for start, length, tag in drawn]
)


@given(events, events)
@settings(max_examples=60)
def test_nobody_is_the_reference(one: list[Event], other: list[Event]) -> None:
    assert event_f1(one, other) == event_f1(other, one)
    assert event_f1(one, one) in (None, 1)


def simulated(sessions: int, miss: float, false_alarm: float, jitter_ms: float, people: int = 2) -> list[dict[str, list[Event]]]:
    """Sessions of a minute, one third with an owl of two seconds, labelled by people who miss and hear things, and are not exact."""
    rng = np.random.default_rng(3)
    drawn = []
    for number in range(sessions):
        start, there = float(rng.uniform(0, 50_000)), number % 3 == 0
        said: dict[str, list[Event]] = {}
        for person in range(people):
            has = rng.random() >= miss if there else rng.random() < false_alarm
            at = start if there else float(rng.uniform(0, 50_000))
            moved = rng.normal(0, jitter_ms, 2)
            said[f"p{person}"] = [Event(at + moved[0], at + 2000 + moved[1], "owl")] if has else []
        drawn.append(said)
    return drawn


def test_the_errors_of_simulated_people_come_back_within_the_intervals() -> None:
    miss, false_alarm, jitter = 0.15, 0.05, 80.0
    (owl,) = agreement(simulated(600, miss, false_alarm, jitter), ["owl"])
    hit, there = 1 - miss, 1 / 3
    both, either = there * hit**2, there * hit + (1 - there) * false_alarm  # by hand: the chance of two yes on one owl, and of a yes
    both_yes = both + (1 - there) * false_alarm**2
    agreed = both_yes + there * miss**2 + (1 - there) * (1 - false_alarm) ** 2
    chance = either**2 + (1 - either) ** 2
    for told, expected in ((owl.alpha, (agreed - chance) / (1 - chance)), (owl.f1, both / either), (owl.positive, both_yes / either)):
        assert told.low is not None
        assert told.high is not None
        assert told.low <= expected <= told.high
        assert told.high - told.low < 0.15
    assert owl.prevalence == pytest.approx(either, abs=0.02)
    assert owl.onset_ms
    assert owl.onset_ms[0] == pytest.approx(0.954 * jitter, rel=0.15)  # the median of the difference of two such errors
    assert owl.onset_ms[1] == pytest.approx(1.645 * np.sqrt(2) * jitter, rel=0.15)
    assert not owl.is_unclear
    assert agreement(simulated(200, 0.5, 0.3, jitter), ["owl"])[0].is_unclear


def test_kappa_of_two_people_is_scikit_learn_s() -> None:
    drawn = simulated(90, 0.3, 0.2, 10)
    (owl,) = agreement(drawn, ["owl"])
    said = [[bool(session[who]) for session in drawn] for who in ("p0", "p1")]
    assert owl.kappa.value == pytest.approx(cohen_kappa_score(*said))


def test_a_tag_that_nobody_used_has_no_agreement_and_one_person_s_sessions_do_not_count() -> None:
    (fox,) = agreement([{"a": [], "b": []}, {"a": [Event(0, 9, "fox")]}], ["fox"])
    assert (fox.sessions, fox.alpha.value, fox.f1.value, fox.onset_ms, fox.prevalence) == (1, None, None, None, 0)
    assert agreement([], ["fox"])[0].sessions == 0


def test_the_interval_of_edges_holds_the_true_median_and_narrows_with_more_sessions() -> None:
    rng = np.random.default_rng(4)

    def told(sessions: int) -> TagAgreement:
        shifts = rng.exponential(60, sessions)  # ms: the median is 41.6
        both = [{"a": [Event(1000, 3000, "owl")], "b": [Event(1000 + shift, 3000 - shift, "owl")]} for shift in shifts]
        return agreement(both, ["owl"])[0]

    found = [told(60) for _ in range(40)]
    assert sum(one.onset.low <= 41.6 <= one.onset.high for one in found) >= 34
    assert all(one.onset.low <= one.onset.value <= one.onset.high for one in found)
    assert all(one.offset.value == pytest.approx(one.onset.value) and one.offset.high == pytest.approx(one.onset.high) for one in found)
    few, many = told(20).onset, told(800).onset
    assert many.high - many.low < few.high - few.low
    assert agreement([{"a": [], "b": []}], ["owl"])[0].onset == Interval(None, None, None)
