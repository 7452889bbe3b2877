"""Taking takes in: once each, whole, judged, and nothing where nobody consents."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf

from soundmill.audio import read_pcm, to_pcm16, wav_bytes
from soundmill.catalog import Catalog, Erasures, Ledger, Prompts, Speakers, Takes, take_key
from soundmill.catalog.erasures import subject_hash
from soundmill.errors import ConsentNeeded, DiskFull, TakeRefused, UndecodableAudio, UnknownPrompts
from soundmill.lake import Lake
from soundmill.workflows.erasure import erase, finish_erasing_takes
from soundmill.workflows.takes import Sent, receive_take, speaker_for
from tests.conftest import tone, wav
from tests.soundmill.workflows.takes.reading import RATE, prompt_set, read, said, somebody


def test_a_take_is_stored_as_it_came_and_at_the_set_s_rate_with_its_row_in_the_ledger(lake: Lake, catalog: Catalog, data: Path) -> None:
    prompt_set(catalog, entities=2, sample_rate=24_000)
    who = somebody(catalog)
    Prompts(catalog).claim("digits", who[0].id)
    settings = {"echoCancellation": False, "noiseSuppression": False, "autoGainControl": False, "label": "headset", "odd": [1]}
    take = receive_take(lake, catalog, "digits", *who[:2], Sent("u1", said(data), datetime.now(UTC) - timedelta(minutes=5), settings))
    assert lake.read_bytes(take.path) == said(data)
    pcm, rate = read_pcm(lake.read_bytes(take.derived_path))
    assert (rate, len(pcm), take.samples) == (24_000, take.samples, round(24_000 * take.measures["seconds"]))
    assert take.derived_sha256 == hashlib.sha256(lake.read_bytes(take.derived_path)).hexdigest()
    assert (take.verdict, take.counts, take.state, take.entity) == ("good", True, "ready", "E1")
    ours = {"via": "page", "processed": False, "sample_rate": RATE, "gap": False}
    assert take.settings == {name: value for name, value in settings.items() if name != "odd"} | ours
    (item,) = Ledger(catalog).takes(take.day)
    assert (item.key, item.source, item.path, item.seconds) == (take.source, "digits", take.derived_path, take.seconds)
    assert take.day in Ledger(catalog).stale("transcripts")


def test_the_same_upload_again_is_the_same_take_and_all_at_once_are_one(folder_lake: Lake, catalog: Catalog, data: Path) -> None:
    prompt_set(catalog)
    who = somebody(catalog)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: read(folder_lake, catalog, data, who, "u0"), range(8)))
    assert len({one.key for one in found}) == 1
    assert Takes(catalog).listed()[1] == 1
    assert len([entry for entry in folder_lake.files("audio") if entry.path.endswith(".wav")]) == 2
    assert Prompts(catalog).progress("digits").by_takes == {1: 1, 0: 4}


def test_a_take_is_never_paired_with_another_sentence(folder_lake: Lake, sqlite_catalog: Catalog, data: Path) -> None:
    prompt_set(sqlite_catalog)
    speaker, consent, _ = somebody(sqlite_catalog)
    key = take_key(hashlib.sha256(said(data)).hexdigest(), "digits", "u0", speaker.id)
    for sent in (Sent("u1", said(data), key=key), Sent("u0", said(data, 1), key=key), Sent("u0", said(data)[:-2], key=key)):
        with pytest.raises(TakeRefused, match="its key"):
            receive_take(folder_lake, sqlite_catalog, "digits", speaker, consent, sent)
    assert receive_take(folder_lake, sqlite_catalog, "digits", speaker, consent, Sent("u0", said(data), key=key)).utterance == "u0"


@pytest.mark.parametrize(
    ("broken", "error"),
    [
        (b"", TakeRefused),
        (b"ID3 this is no WAV", TakeRefused),
        (wav(1.0)[:20_000], UndecodableAudio),
        (wav(0.0), UndecodableAudio),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", UndecodableAudio),
    ],
    ids=["nothing", "mp3", "cut short", "no samples", "a header alone"],
)
def test_what_is_no_take_is_refused_and_nothing_is_kept(
    folder_lake: Lake, sqlite_catalog: Catalog, broken: bytes, error: type[Exception]
) -> None:
    prompt_set(sqlite_catalog)
    speaker, consent, _ = somebody(sqlite_catalog)
    with pytest.raises(error):
        receive_take(folder_lake, sqlite_catalog, "digits", speaker, consent, Sent("u0", broken))
    assert list(folder_lake.files("audio")) == []
    assert Takes(sqlite_catalog).listed(state=None)[1] == 0


def test_a_sentence_or_a_set_that_is_not_there_is_said(folder_lake: Lake, sqlite_catalog: Catalog, data: Path) -> None:
    prompt_set(sqlite_catalog)
    speaker, consent, _ = somebody(sqlite_catalog)
    for name, utterance in (("digits", "u99"), ("none", "u0")):
        with pytest.raises(UnknownPrompts):
            receive_take(folder_lake, sqlite_catalog, name, speaker, consent, Sent(utterance, said(data)))


def test_a_full_disk_loses_nothing_and_the_next_try_is_taken(
    folder_lake: Lake, sqlite_catalog: Catalog, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompt_set(sqlite_catalog)
    who = somebody(sqlite_catalog)
    with pytest.raises(DiskFull):
        receive_take(folder_lake, sqlite_catalog, "digits", *who[:2], Sent("u0", said(data)), least_free=1 << 60)
    assert Takes(sqlite_catalog).listed(state=None)[1] == 0
    real, written = Lake.write_bytes, list[str]()

    def full(self: Lake, path: str, content: bytes) -> None:
        written.append(path)
        if len(written) == 2:
            raise OSError(28, "No space left on device")
        real(self, path, content)

    monkeypatch.setattr(Lake, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        read(folder_lake, sqlite_catalog, data, who, "u0")
    assert Takes(sqlite_catalog).listed()[1] == 0
    assert Prompts(sqlite_catalog).progress("digits").takes == 0
    take = read(folder_lake, sqlite_catalog, data, who, "u0")  # the same upload once more makes it whole, under the same name
    assert take.path == written[1]
    assert Takes(sqlite_catalog).listed()[1] == 1


def test_who_withdraws_while_a_take_is_written_gets_none_of_it(
    folder_lake: Lake, sqlite_catalog: Catalog, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompt_set(sqlite_catalog)
    who, real = somebody(sqlite_catalog), Lake.write_bytes

    def meanwhile(self: Lake, path: str, content: bytes) -> None:
        monkeypatch.setattr(Lake, "write_bytes", real)
        erase(folder_lake, sqlite_catalog, who[0])
        real(self, path, content)

    monkeypatch.setattr(Lake, "write_bytes", meanwhile)
    with pytest.raises(ConsentNeeded):
        read(folder_lake, sqlite_catalog, data, who, "u0")
    assert [entry.path for entry in folder_lake.files("audio") if entry.path.endswith(".wav")] == []


def test_sound_that_is_there_already_is_told_and_does_not_count(folder_lake: Lake, sqlite_catalog: Catalog, data: Path) -> None:
    prompt_set(sqlite_catalog)
    who = somebody(sqlite_catalog)
    read(folder_lake, sqlite_catalog, data, who, "u0")
    twice = read(folder_lake, sqlite_catalog, data, who, "u1")
    assert (twice.verdict, twice.counts, twice.reasons[0]["rule"]) == ("again", False, "same sound")


def test_a_take_of_no_use_stays_with_its_speaker_to_be_read_again(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    prompt_set(sqlite_catalog)
    speaker, consent, _ = somebody(sqlite_catalog)
    (held,) = Prompts(sqlite_catalog).claim("digits", speaker.id)
    hum = wav_bytes(to_pcm16(tone(2.0, rate=RATE, amplitude=0.001)), RATE)
    take = receive_take(folder_lake, sqlite_catalog, "digits", speaker, consent, Sent(held.utterance, hum, gap=True))
    assert (take.verdict, take.counts) == ("again", False)
    assert Prompts(sqlite_catalog).claim("digits", speaker.id) == [held]


@pytest.mark.parametrize(
    ("settings", "processed"),
    [
        ({"echoCancellation": False, "noiseSuppression": False, "autoGainControl": False}, False),
        ({"echoCancellation": False, "noiseSuppression": False, "autoGainControl": True}, True),
        ({"echoCancellation": "remote-only", "noiseSuppression": False, "autoGainControl": False}, True),
        ({"echoCancellation": False, "noiseSuppression": False, "autoGainControl": False, "voiceIsolation": True}, True),
        ({"echoCancellation": False}, None),
        ({}, None),
    ],
)
def test_whether_the_browser_changed_the_sound_is_kept(
    folder_lake: Lake, sqlite_catalog: Catalog, data: Path, settings: dict[str, Any], processed: bool | None
) -> None:
    prompt_set(sqlite_catalog)
    speaker, consent, _ = somebody(sqlite_catalog)
    take = receive_take(folder_lake, sqlite_catalog, "digits", speaker, consent, Sent("u0", said(data), settings=settings))
    assert take.settings["processed"] is processed


def test_a_clock_that_is_wrong_is_not_believed(folder_lake: Lake, sqlite_catalog: Catalog, data: Path) -> None:
    prompt_set(sqlite_catalog)
    who, now = somebody(sqlite_catalog), datetime.now(UTC)
    for number, (clock, believed) in enumerate(
        [
            (now - timedelta(days=3), True),
            (now + timedelta(minutes=10), True),
            (now + timedelta(days=1), False),
            (datetime(1970, 1, 2, tzinfo=UTC), False),
        ]
    ):
        sent = Sent("u0", said(data, number), clock)
        take = receive_take(folder_lake, sqlite_catalog, "digits", *who[:2], sent)
        assert (abs(take.recorded_at - clock) < timedelta(milliseconds=1)) == believed


def test_stereo_and_other_rates_are_kept_and_made_one(folder_lake: Lake, sqlite_catalog: Catalog, data: Path, tmp_path: Path) -> None:
    prompt_set(sqlite_catalog)
    samples, rate = sf.read(data / "speech" / "jfk_stereo_44k.flac")
    sf.write(tmp_path / "two.wav", samples[: 3 * rate], rate, subtype="PCM_16")
    speaker, consent, _ = somebody(sqlite_catalog)
    two = (tmp_path / "two.wav").read_bytes()
    take = receive_take(folder_lake, sqlite_catalog, "digits", speaker, consent, Sent("u0", two))
    pcm, made = read_pcm(folder_lake.read_bytes(take.derived_path))
    assert (made, pcm.ndim, len(pcm)) == (16_000, 1, 48_000)
    assert take.settings["sample_rate"] == 44_100
    assert np.abs(pcm).max() > 1000


def test_who_comes_by_the_original_s_page_has_a_consent_that_the_operator_vouches_for(sqlite_catalog: Catalog) -> None:
    prompt_set(sqlite_catalog, purposes=["train", "publish"])
    speaker, consent = speaker_for(sqlite_catalog, "alice", "digits")
    assert (consent.given, consent.purposes) == ("operator", ("train", "publish"))
    assert speaker_for(sqlite_catalog, "alice", "digits") == (speaker, consent)
    Speakers(sqlite_catalog).withdraw(speaker)
    assert speaker_for(sqlite_catalog, "alice", "digits")[0].id != speaker.id  # nothing is left by which she could be known


def test_a_take_that_was_deleted_does_not_come_back_when_it_is_sent_again(folder_lake: Lake, catalog: Catalog, data: Path) -> None:
    prompt_set(catalog)
    who = somebody(catalog)
    erase(folder_lake, catalog, read(folder_lake, catalog, data, who, "u0"))
    with pytest.raises(ConsentNeeded, match="was deleted"):
        read(folder_lake, catalog, data, who, "u0")
    assert read(folder_lake, catalog, data, who, "u0", 1).state == "ready"  # another reading is another take


def test_what_is_left_to_delete_of_a_withdrawn_take_is_never_a_living_one_s_file(
    folder_lake: Lake, catalog: Catalog, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompt_set(catalog)
    alice, consent = speaker_for(catalog, "alice", "digits")
    first = receive_take(folder_lake, catalog, "digits", alice, consent, Sent("u0", said(data)))
    with monkeypatch.context() as patched:

        def stuck(self: Lake, path: str) -> None:
            raise OSError(5, "Input/output error")

        patched.setattr(Lake, "delete", stuck)
        erase(folder_lake, catalog, alice)
    second = receive_take(folder_lake, catalog, "digits", *speaker_for(catalog, "alice", "digits"), Sent("u0", said(data, 1)))
    assert second.path != first.path
    assert finish_erasing_takes(folder_lake, catalog) == 1
    assert folder_lake.read_bytes(second.path) == said(data, 1)
    assert not folder_lake.exists(first.path)


def test_one_speaker_is_one_take_of_those_that_a_sentence_wants(folder_lake: Lake, catalog: Catalog, data: Path) -> None:
    prompt_set(catalog, takes=3)
    who = somebody(catalog)
    for number in range(3):
        read(folder_lake, catalog, data, who, "u0", number)
    told = Prompts(catalog).progress("digits")
    assert (told.takes, told.done) == (1, 0)
    assert Takes(catalog).counts_of("digits", who[0].id) == 1


def test_a_take_that_a_person_accepts_is_not_read_once_more(folder_lake: Lake, catalog: Catalog) -> None:
    prompt_set(catalog, number=1)
    speaker, consent, _ = somebody(catalog)
    Prompts(catalog).claim("digits", speaker.id)
    hum = wav_bytes(to_pcm16(tone(2.0, rate=RATE, amplitude=0.001)), RATE)
    take = receive_take(folder_lake, catalog, "digits", speaker, consent, Sent("u0", hum, gap=True))
    assert len(Prompts(catalog).claim("digits", speaker.id)) == 1
    Takes(catalog).review(take.key, "accepted", "eve", ())
    assert Prompts(catalog).claim("digits", speaker.id) == []


def test_a_browser_cannot_wave_its_takes_through(folder_lake: Lake, sqlite_catalog: Catalog, data: Path) -> None:
    prompt_set(sqlite_catalog)
    speaker, consent, _ = somebody(sqlite_catalog)
    odd = {"via": "recorder", "nan": float("nan"), "text": "a\0b", "gap": False, "processed": False}
    take = receive_take(folder_lake, sqlite_catalog, "digits", speaker, consent, Sent("u0", said(data), settings=odd, gap=True))
    assert (take.settings["via"], take.settings["gap"], take.settings["text"], take.counts) == ("page", True, "ab", False)
    assert "nan" not in take.settings


def test_a_file_that_claims_hours_is_refused_before_it_fills_the_memory(folder_lake: Lake, sqlite_catalog: Catalog) -> None:
    prompt_set(sqlite_catalog)
    speaker, consent, _ = somebody(sqlite_catalog)
    with pytest.raises(UndecodableAudio, match="no longer than"):
        receive_take(folder_lake, sqlite_catalog, "digits", speaker, consent, Sent("u0", wav_bytes(np.zeros(1_000_000, np.int16), 1000)))


def test_an_erasure_leaves_its_audit_row_whatever_happens_after_it(
    folder_lake: Lake, sqlite_catalog: Catalog, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompt_set(sqlite_catalog)
    take = read(folder_lake, sqlite_catalog, data, somebody(sqlite_catalog), "u0")

    def full(*_: object) -> bool:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Lake, "write_if_changed", full)
    assert erase(folder_lake, sqlite_catalog, take, "speaker").items == 1
    (audit,) = Erasures(sqlite_catalog).all()
    assert (audit.subject_sha256, audit.by, audit.items) == (subject_hash(take.key), "speaker", 1)
