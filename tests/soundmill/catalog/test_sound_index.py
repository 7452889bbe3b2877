"""What sound there is of a source, and when."""

from dataclasses import replace
from datetime import timedelta

from soundmill.catalog import Catalog, Ledger, SoundIndex
from tests.soundmill.catalog.test_ledger import DAY, START, recording, segment


def test_sources_and_days_count_what_is_stored(catalog: Catalog) -> None:
    ledger, index = Ledger(catalog), SoundIndex(catalog)
    assert (index.sources(), index.days("mic")) == ([], [])
    long = recording()
    ledger.record(long, [segment(long, 0), segment(long, 1, "silent"), segment(long, 2)])
    (source,) = index.sources()
    assert (source.source, source.first, source.last, source.segments, source.seconds) == (
        "mic",
        START,
        START + timedelta(seconds=6),
        2,
        6.0,
    )
    (day,) = index.days("mic")
    assert (day.day, day.segments, day.seconds) == (DAY, 2, 6.0)
    ledger.record(long, [segment(long, 0)])
    assert index.days("mic")[0].mark != day.mark


def test_what_reaches_into_a_span_is_found_also_when_it_began_long_before(catalog: Catalog) -> None:
    ledger, index = Ledger(catalog), SoundIndex(catalog)
    long = recording()
    half_an_hour = replace(segment(long, 0), seconds=1800.0)
    short = replace(segment(long, 1), started_at=START + timedelta(minutes=40))
    ledger.record(long, [half_an_hour, short])
    within = (START + timedelta(minutes=20), START + timedelta(minutes=21))
    assert [item.key for item in index.segments("mic", *within)] == [half_an_hour.key]
    assert [place.start for place in index.places("mic", *within)] == [START]
    assert index.places("mic", START + timedelta(minutes=31), START + timedelta(minutes=39)) == []
    assert index.places("porch", *within) == []
    assert index.mark("mic", *within) != index.mark("mic", START + timedelta(hours=3), START + timedelta(hours=4)) == "0"


def test_only_downloads_and_uploads_with_a_file_are_recordings(catalog: Catalog) -> None:
    ledger, index = Ledger(catalog), SoundIndex(catalog)
    call = replace(recording(), key="downloads/a/agent", kind="download", state="ready", path="audio/a.wav")
    ledger.record(call)
    ledger.record(replace(call, key="downloads/b/agent", state="quarantined", path=None))
    found = index.recording("downloads/a/agent")
    assert found is not None
    assert found[0].path == "audio/a.wav"
    assert index.recording("downloads/b/agent") is None
    assert index.recording("landing/mic/2026-01-05/a.wav") is None
