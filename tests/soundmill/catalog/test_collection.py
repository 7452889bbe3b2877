"""The collection: training clips and the demo are in the ledger, and count nowhere."""

from dataclasses import replace
from datetime import timedelta

from soundmill.catalog import DEMO, TRAINING_CLIPS, AudioCollection, Catalog, Ledger
from soundmill.catalog.collection import without
from tests.soundmill.catalog.test_ledger import DAY, recording, segment

CLIPS_DAY = DAY - timedelta(days=400)


def test_what_is_set_apart_is_in_no_count_of_the_collection(catalog: Catalog) -> None:
    ledger, collection = Ledger(catalog), AudioCollection(catalog)
    mine = recording()
    ledger.record(mine, [segment(mine, 0), segment(mine, 1, "silent")])
    clip = replace(mine, key="landing/yard_50%/2024-12-01/a.wav", source="yard_50%", day=CLIPS_DAY)
    ledger.record(clip, [replace(segment(clip, 0, day=CLIPS_DAY), source="yard_50%", seconds=5.0)])
    assert collection.ready_seconds() == 8.0
    collection.set_apart("landing/yard_50%/", TRAINING_CLIPS)
    collection.set_apart("landing/yard_50%/", TRAINING_CLIPS)  # the same again
    assert collection.ready_seconds() == 3.0
    assert {count.source for count in collection.counts()} == {"mic"}
    assert collection.ready_seconds_by_day() == {DAY: 3.0}
    assert collection.days() == {DAY}
    assert collection.ready_seconds_apart() == {TRAINING_CLIPS: 5.0}
    assert collection.sources_apart() == {"yard_50%"}
    assert sum(count.seconds for count in ledger.counts() if count.state == "ready") == 8.0  # the ledger has all


def test_a_source_whose_name_begins_alike_is_not_set_apart(catalog: Catalog) -> None:
    ledger, collection = Ledger(catalog), AudioCollection(catalog)
    other = replace(recording(), key="landing/mic-2/2026-01-05/a.wav", source="mic-2")
    ledger.record(other, [segment(other, 0)])
    collection.set_apart("landing/mic/", DEMO)
    assert collection.ready_seconds() == 3.0
    assert collection.ready_seconds_apart() == {}


def test_calls_are_set_apart_by_how_their_names_begin(catalog: Catalog) -> None:
    collection = AudioCollection(catalog)
    collection.set_apart("downloads/demo-call-", DEMO)
    mine, demo = (replace(recording(), key=key, kind="download") for key in ("downloads/a/agent", "downloads/demo-call-1/agent"))
    assert without(collection.apart(), [mine, demo]) == [mine]
    assert collection.sources_apart() == set()
