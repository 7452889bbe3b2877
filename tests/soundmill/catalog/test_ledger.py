"""The ledger: one row for each piece of audio, counts that add up."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from soundmill.catalog import Catalog, Item, Ledger

DAY = date(2026, 1, 5)
START = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)


def recording(name: str = "a.wav", **values: object) -> Item:
    base = Item(
        key=f"landing/mic/2026-01-05/{name}", kind="recording", source="mic", day=DAY, state="cut", fingerprint="1", landed=DAY, seconds=9.0
    )
    return replace(base, **values)  # type: ignore[arg-type]


def segment(parent: Item, number: int, state: str = "ready", **values: object) -> Item:
    base = Item(
        key=f"{parent.key}#{number}",
        kind="segment",
        source="mic",
        day=DAY,
        state=state,  # type: ignore[arg-type]
        fingerprint="1",
        parent=parent.key,
        started_at=START + timedelta(seconds=3 * number),
        seconds=3.0,
        path=f"audio/{number}.wav" if state == "ready" else None,
        measures={"max_amp": 1000 + number},
    )
    return replace(base, **values)  # type: ignore[arg-type]


def test_an_item_comes_back_as_it_was_written(catalog: Catalog) -> None:
    ledger = Ledger(catalog)
    whole = recording(
        state="quarantined",
        reason="truncated",
        message="half is there",
        transient=True,
        attempts=2,
        next_attempt_at=START,
        started_at=START,
    )
    ledger.record(whole)
    assert ledger.landed(DAY) == {whole.key: whole}
    assert ledger.quarantined(DAY) == [whole]


def test_each_second_is_counted_once(catalog: Catalog) -> None:
    ledger = Ledger(catalog)
    long = recording()
    ledger.record(long, [segment(long, 0), segment(long, 1, "silent"), segment(long, 2)])
    ledger.record(recording("b.wav", state="quarantined", seconds=0.0))
    counts = {count.state: (count.items, count.seconds) for count in ledger.counts()}
    assert counts == {"ready": (2, 6.0), "silent": (1, 3.0), "quarantined": (1, 0.0)}
    assert sum(seconds for _, seconds in counts.values()) == long.seconds
    assert ledger.ready_seconds_by_day() == {DAY: 6.0}
    assert ledger.counts(date(2026, 1, 6)) == []


def test_recording_again_replaces_what_an_earlier_attempt_made(catalog: Catalog) -> None:
    ledger = Ledger(catalog)
    long = recording()
    ledger.record(long, [segment(long, n) for n in range(3)])
    assert ledger.paths_in_use({"audio/0.wav", "audio/2.wav", "audio/9.wav"}, "") == {"audio/0.wav", "audio/2.wav"}
    assert ledger.paths_in_use({"audio/0.wav"}, long.key) == set()
    ledger.record(long, [segment(long, 0)])
    assert [item.key for item in ledger.parts(long.key)] == [f"{long.key}#0"]
    assert [item.key for item in ledger.segments(DAY)] == [f"{long.key}#0"]


def test_many_segments_go_in_one_transaction(catalog: Catalog) -> None:
    ledger = Ledger(catalog)
    long = recording(seconds=3 * 1700)
    ledger.record(long, [segment(long, n) for n in range(1700)])
    assert len(ledger.segments(DAY, "ready")) == 1700
    ledger.record(long, [])
    assert ledger.segments(DAY) == []


def test_ready_segments_are_found_by_what_they_have_sound_of(catalog: Catalog) -> None:
    ledger = Ledger(catalog)
    long = recording()
    ledger.record(long, [segment(long, n) for n in range(3)])

    def over(start: float, seconds: float, source: str = "mic", but_by: str = "") -> list[str]:
        found = ledger.ready_over(source, START + timedelta(seconds=start), seconds, but_by)
        return [item.key.rpartition("#")[2] for item in found]

    assert over(3, 3) == ["1"]
    assert over(1, 3) == ["0", "1"]
    assert over(2.999, 3) == ["1"]  # who overlaps by a millisecond is a neighbour
    assert over(9, 3) == over(0, 3, "porch") == over(0, 9, but_by=long.key) == []


def test_days_with_items_due_for_another_attempt_are_found(catalog: Catalog) -> None:
    ledger = Ledger(catalog)
    waiting = recording(state="quarantined", reason="truncated", transient=True, attempts=2, next_attempt_at=START)
    ledger.record(waiting)
    assert ledger.retryable(START - timedelta(seconds=1), 5) == {}
    assert ledger.retryable(START, 5) == {DAY: "1 items, 2 attempts"}
    assert ledger.retryable(START, 2) == {}
    ledger.record(replace(waiting, transient=False))
    assert ledger.retryable(START, 5) == {}


def test_days_reached_into_go_stale_with_the_item_itself(catalog: Catalog) -> None:
    ledger = Ledger(catalog)
    ledger.record(recording(), [], stale=("segments", [date(2026, 1, 6)]))
    assert ledger.processed("segments")[date(2026, 1, 6)].startswith("stale ")


def test_a_day_that_went_stale_meanwhile_stays_stale(catalog: Catalog) -> None:
    ledger = Ledger(catalog)
    assert ledger.mark_processed("segments", DAY, "one", None)
    before = ledger.processed("segments")[DAY]
    ledger.record(recording(), [], stale=("segments", [DAY]))
    assert not ledger.mark_processed("segments", DAY, "two", before)
    stale = ledger.processed("segments")[DAY]
    assert stale.startswith("stale ")
    assert ledger.mark_processed("segments", DAY, "two", stale)
    assert ledger.processed("segments") == {DAY: "two"}
