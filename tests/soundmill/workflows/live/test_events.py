"""Events: what sounds on is one, what comes again soon is the same, what falls silent has ended."""

import itertools
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from soundmill.osr.spec import OTHER
from soundmill.workflows.live import EventTracker, LiveEvent, WindowVerdict

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def window(at: float, bell: float = -5.0, drum: float = -5.0, seconds: float = 3.0) -> WindowVerdict:
    margins = {"bell": bell, "drum": drum}
    best = max(margins, key=lambda tag: margins[tag])
    tag = best if margins[best] >= 0 else OTHER
    return WindowVerdict(NOON + timedelta(seconds=at), seconds, tag, margins[best], None, margins)


def events(windows: list[WindowVerdict]) -> list[tuple[str, float, float, int]]:
    tracker, found = EventTracker("mic"), {}
    for one in windows:
        for event in tracker.add(one):
            found[event.tag, event.onset] = event
    return [(e.tag, (e.onset - NOON).total_seconds(), (e.offset - NOON).total_seconds(), e.segments) for e in found.values()]


def test_a_long_sound_over_many_overlapping_windows_is_one_event() -> None:
    assert events([window(1.5 * n, bell=1.0) for n in range(20)]) == [("bell", 0, 31.5, 20)]


def test_a_moment_of_doubt_does_not_end_it_and_does_not_begin_one() -> None:
    assert events([window(0, bell=1), window(1.5, bell=-0.3), window(3, bell=0.2)]) == [("bell", 0, 6, 3)]
    assert events([window(0, bell=-0.3), window(3, bell=-0.2)]) == []


def test_what_comes_again_soon_is_the_same_and_later_another() -> None:
    assert events([window(0, bell=1), window(3), window(6, bell=1)]) == [("bell", 0, 9, 2)]
    assert events([window(0, bell=1), window(3), window(6), window(9, bell=1)]) == [("bell", 0, 3, 1), ("bell", 9, 12, 1)]


def test_two_sounds_at_once_are_two_events() -> None:
    assert sorted(events([window(0, bell=1, drum=0.5), window(1.5, bell=0.4, drum=2), window(3, bell=1)])) == [
        ("bell", 0, 6, 3), ("drum", 1.5, 4.5, 1),
    ]  # fmt: skip


def test_an_event_that_was_going_on_goes_on_after_a_restart() -> None:
    before = LiveEvent("mic", "bell", NOON, NOON + timedelta(seconds=6), 2, 1.5)
    (event,) = EventTracker("mic", [before]).add(window(6, bell=1.0))
    assert (event.onset, event.segments, event.score) == (NOON, 3, 1.5)


@given(st.lists(st.tuples(st.floats(0.1, 8), st.floats(-3, 3), st.floats(-3, 3)), max_size=40))
def test_every_named_window_lies_in_an_event_and_events_of_a_tag_lie_apart(steps: list[tuple[float, float, float]]) -> None:
    at, windows = 0.0, []
    for step, bell, drum in steps:
        at += step
        windows.append(window(at, bell, drum))
    found = events(windows)
    for one in windows:
        start = (one.started_at - NOON).total_seconds()
        assert one.tag == OTHER or any(tag == one.tag and onset <= start and start + 3 <= offset + 1e-6 for tag, onset, offset, _ in found)
    for tag in ("bell", "drum"):
        spans = sorted((onset, offset) for name, onset, offset, _ in found if name == tag)
        assert all(later[0] - earlier[1] > 3 - 1e-5 for earlier, later in itertools.pairwise(spans))
