"""A set's folder as the original recorder kept it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from soundmill.catalog import Catalog, Prompts, Speakers, Takes
from soundmill.errors import UnknownPrompts
from soundmill.lake import Lake
from soundmill.workflows.erasure import erase
from soundmill.workflows.takes import Sent, export_original, receive_take, speaker_for, write_original
from tests.soundmill.workflows.takes.reading import metadata, prompt_set, read, said, somebody


def test_metadata_has_every_field_of_the_original_and_several_takes_of_a_sentence(lake: Lake, sqlite_catalog: Catalog, data: Path) -> None:
    prompt_set(sqlite_catalog, entities=2, takes=2)
    alice, consent = speaker_for(sqlite_catalog, "alice", "digits")
    Speakers(sqlite_catalog).describe(alice, "Scottish", "")
    alice = Speakers(sqlite_catalog).get(alice.id)
    when = datetime.now(UTC).replace(microsecond=0)
    receive_take(lake, sqlite_catalog, "digits", alice, consent, Sent("u1", said(data), when))
    other = read(lake, sqlite_catalog, data, somebody(sqlite_catalog), "u1", 1)
    held = Prompts(sqlite_catalog).claim("digits", alice.id)
    write_original(lake, sqlite_catalog, "digits")
    found = metadata(lake)
    assert found["u1.wav"] == {
        "sentence_text": "sentence number 1 of this set",
        "entity_text": "Thing E1",
        "entity_id": "E1",
        "recording_id": "u1",
        "engine": "human",
        "accent": "Scottish",
        "user": "alice",
        "recorded_at": when.isoformat(),
    }
    assert sorted(found) == ["u1.wav", Path(other.path).name]
    assert found[Path(other.path).name]["recording_id"] == "u1"
    assert list(found) == sorted(found)
    assert lake.read_bytes("audio/takes/digits/recordings/u1_alice.wav") == said(data)
    assert lake.read_bytes("audio/takes/digits/active_utterances.txt") == f"{held[0].utterance}\n".encode()


def test_names_from_anywhere_stay_in_their_folder(folder_lake: Lake, sqlite_catalog: Catalog, data: Path) -> None:
    prompt_set(sqlite_catalog)
    for number, name in enumerate(["../../x", "a/b", "Ann é", "x" * 150, "..", "a_b"]):
        take = receive_take(
            folder_lake, sqlite_catalog, "digits", *speaker_for(sqlite_catalog, name, "digits"), Sent("u0", said(data, number))
        )
        assert Path(take.path).parent == Path("audio/takes/digits/recordings")
        assert folder_lake.read_bytes(take.path)
    assert len({take.path for take in Takes(sqlite_catalog).listed()[0]}) == 6


def test_an_export_is_brought_up_to_date_and_loses_what_was_withdrawn(
    folder_lake: Lake, sqlite_catalog: Catalog, data: Path, tmp_path: Path
) -> None:
    prompt_set(sqlite_catalog)
    ann, ben = somebody(sqlite_catalog), somebody(sqlite_catalog)
    read(folder_lake, sqlite_catalog, data, ann, "u0")
    read(folder_lake, sqlite_catalog, data, ben, "u1", 1)
    assert export_original(folder_lake, sqlite_catalog, "digits", tmp_path / "out") == 2
    assert len(list((tmp_path / "out" / "recordings").glob("*.wav"))) == 2
    erase(folder_lake, sqlite_catalog, ann[0])
    assert export_original(folder_lake, sqlite_catalog, "digits", tmp_path / "out") == 1
    (left,) = (tmp_path / "out" / "recordings").glob("*.wav")
    assert left.read_bytes() == said(data, 1)
    assert ann[0].id not in (tmp_path / "out" / "metadata.json").read_text()
    with pytest.raises(UnknownPrompts):
        export_original(folder_lake, sqlite_catalog, "none", tmp_path / "out")
