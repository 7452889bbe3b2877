"""Which days a tick asks for."""

import json
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from sensors.plan import Cursor, RoundLabels, day_ranges, plan_days, plan_models

MONDAY = date(2026, 1, 5)
TUESDAY = MONDAY + timedelta(days=1)
PARTITIONS = {(MONDAY + timedelta(days=n)).isoformat() for n in range(400)}


def plan(current, processed=None, in_flight=(), cursor=None, now=1000.0, spacing=60.0, most=20):
    return plan_days(current, processed or {}, in_flight, PARTITIONS, cursor or Cursor(), now, spacing, most)


def test_changed_days_run_newest_first_and_unchanged_ones_do_not() -> None:
    found = plan({MONDAY: "a", TUESDAY: "b"}, {MONDAY: "a"})
    assert found.run == {TUESDAY: "b"}
    assert list(plan({MONDAY: "a", TUESDAY: "b"}).run) == [TUESDAY, MONDAY]


def test_a_day_in_flight_waits_for_the_next_run() -> None:
    found = plan({MONDAY: "a"}, in_flight=["2026-01-05"])
    assert (found.run, found.waiting) == ({}, [MONDAY])


def test_a_day_asked_for_a_moment_ago_waits_for_the_spacing() -> None:
    first = plan({MONDAY: "a"})
    soon = plan({MONDAY: "b"}, {MONDAY: "a"}, cursor=Cursor.parse(first.cursor.text()), now=1059)
    assert (soon.run, soon.waiting) == ({}, [MONDAY])
    assert plan({MONDAY: "b"}, {MONDAY: "a"}, cursor=soon.cursor, now=1060).run == {MONDAY: "b"}


def test_a_clock_that_jumps_back_holds_nothing_up() -> None:
    first = plan({MONDAY: "a"}, now=5_000_000)
    assert plan({MONDAY: "b"}, cursor=first.cursor, now=1000).run == {MONDAY: "b"}


def test_a_stale_day_runs_even_where_nothing_landed() -> None:
    assert plan({}, {MONDAY: "stale 1"}).run == {MONDAY: "stale 1"}
    assert plan({MONDAY: "a"}, {MONDAY: "stale 1"}).run == {MONDAY: "a stale 1"}


def test_days_that_are_no_partition_are_reported() -> None:
    assert plan({date(1999, 1, 1): "a"}).outside == [date(1999, 1, 1)]


def test_many_days_at_once_come_in_portions_and_the_cursor_stays_small() -> None:
    current = {MONDAY + timedelta(days=n): "x" for n in range(300)}
    processed: dict[date, str] = {}
    cursor, rounds = Cursor(), 0
    while len(processed) < 300:
        found = plan(current, processed, cursor=cursor, now=1000.0 + 100 * rounds)
        assert len(found.run) <= 20
        processed |= found.run
        cursor, rounds = found.cursor, rounds + 1
        assert len(cursor.text()) < 700
    assert rounds == 15


def test_a_cursor_that_cannot_be_read_is_a_new_one() -> None:
    for text in (None, "", "rubbish", "[1]", '{"a": "b"}', "3"):
        assert Cursor.parse(text) == Cursor()
    assert Cursor.parse(json.dumps({"2026-01-05": 5})) == Cursor({"2026-01-05": 5.0})


days = st.dates(MONDAY, MONDAY + timedelta(days=30))


@given(
    st.dictionaries(days, st.sampled_from("ab")),
    st.dictionaries(days, st.sampled_from(["a", "b", "stale 1"])),
    st.sets(days.map(date.isoformat)),
    st.integers(1, 5),
)
def test_every_changed_day_runs_or_waits_and_none_is_in_flight(current, processed, in_flight, most) -> None:
    found = plan(current, processed, in_flight, most=most)
    changed = {day for day in current if processed.get(day) != current[day]} | {
        day for day, mark in processed.items() if mark.startswith("stale")
    }
    assert set(found.run) | set(found.waiting) == changed
    assert not {day.isoformat() for day in found.run} & in_flight
    assert len(found.run) <= most


def test_days_become_unbroken_ranges_the_newest_first() -> None:
    def day(number: int) -> date:
        return date(2026, 1, number)

    assert day_ranges([day(n) for n in (1, 2, 3, 5, 9, 8)], 30) == [(day(8), day(9)), (day(5), day(5)), (day(1), day(3))]
    pieces = day_ranges([day(n) for n in range(1, 21)], 7)
    assert all((last - first).days < 7 for first, last in pieces)
    assert sum((last - first).days + 1 for first, last in pieces) == 20
    assert pieces[1:] == day_ranges([day(n) for n in range(1, 23)], 7)[-len(pieces[1:]) :]  # later days move no break
    assert day_ranges([], 3) == []


SPEC = {"tags": ["owl"], "sources": [], "train_days": [], "test_days": []}
CALM = {"known": ["house"], "tags": ["owl"], "annotated": {}, "in_snapshot": {}, "features_in_flight": 0}


def test_a_fitted_model_is_fitted_again_when_a_round_has_brought_it_labels_and_once_for_each_change() -> None:
    owls = RoundLabels(["owl", "fox"], [], ["2026-01-05"], "3.3")
    fitted = [("house", SPEC, {"owls": "3.3"})]
    assert plan_models({"house": SPEC}, fitted, rounds={"owls": owls}, **CALM).run == {}
    grown = RoundLabels(["owl"], [], ["2026-01-05"], "5.6")
    first = plan_models({"house": SPEC}, fitted, rounds={"owls": grown}, **CALM).run["house"]
    assert plan_models({"house": SPEC}, fitted, rounds={"owls": grown}, **CALM).run["house"] == first
    new = plan_models({"house": SPEC}, [("house", SPEC, {})], rounds={"owls": owls}, **CALM).run["house"]
    assert new != first
    waits = plan_models({"house": SPEC}, fitted, rounds={"owls": grown}, **{**CALM, "annotated": {date(2026, 1, 5): "x"}})
    assert (waits.run, waits.waits[:16]) == ({}, "labels of 1 days")


def test_a_model_that_was_deleted_and_is_defined_again_is_another_one() -> None:
    marks = {plan_models({"house": SPEC}, [], rounds={}, **CALM, created={"house": since}).run["house"] for since in ("monday", "tuesday")}
    assert len(marks) == 2


def test_a_round_of_other_tags_sources_or_days_is_none_of_its_business() -> None:
    spec = {"tags": ["owl"], "sources": ["garden"], "train_days": ["2026-01-05"], "test_days": ["2026-01-06"]}
    for other in (
        RoundLabels(["fox"], ["garden"], ["2026-01-05"], "1.1"),
        RoundLabels(["owl"], ["yard"], ["2026-01-05"], "1.1"),
        RoundLabels(["owl"], ["garden"], ["2026-01-07"], "1.1"),
    ):
        assert plan_models({"house": spec}, [("house", spec, {})], rounds={"r": other}, **CALM).run == {}
    tested = RoundLabels(["owl"], [], ["2026-01-06"], "1.1")
    assert set(plan_models({"house": spec}, [("house", spec, {})], rounds={"r": tested}, **CALM).run) == {"house"}
