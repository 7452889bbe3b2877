"""Answers in the shapes that clients of mp3.ai know."""

import json
from datetime import UTC, datetime
from pathlib import Path

import httpx

from soundmill.speech import Transcript
from tests.soundmill.studio.api.transcriber.clients import ROWS, TWO_PAUSES, post, sign_up
from tests.soundmill.studio.running import studio


def test_answers_in_the_shapes_of_the_original(api: httpx.Client, strings: Path) -> None:
    who = sign_up(api)
    fields = {"words": "one, four,ten", "get_timestamps": "True"}
    first = post(api, who, strings / "two_pauses.wav", "?compat=1", **fields).json()
    assert json.loads(first["words"]) == ["one", "four", "ten"]
    assert json.loads(first["word_freqs"]) == {"one": 2, "four": 1}
    assert first["timestamps"].startswith("[{'word': 'one', 'start': ")
    later = api.get(f"{ROWS}{first['uuid']}/?compat=2", headers=who).json()
    assert later["words"] == "one, four,ten"
    assert later["word_freqs"] == {"one": 2, "four": 1}
    assert len(later["timestamps"]) == 3
    assert set(later) == set(first) == {
        "uuid", "user", "name", "words", "word_freqs", "get_timestamps", "timestamps", "transcript", "sentiment_negative",
        "sentiment_neutral", "sentiment_positive", "creation_date", "last_updated",
    }  # fmt: skip
    assert post(api, who, strings / "two_pauses.wav", words="one").json()["timestamps"] == []


def test_base_urls_and_a_setting_mean_the_shapes_of_old(api: httpx.Client, strings: Path, tmp_path: Path, digits_model: Path) -> None:
    who = sign_up(api)
    made = post(api, who, strings / "two_pauses.wav", words="one, ten").json()
    place = f"api/v1/recordings/{made['uuid']}"
    first, last = (api.get(f"/transcriber/{version}/{place}/", headers=who).json() for version in ("v1", "v2"))
    assert (first["words"], first["word_freqs"], first["timestamps"]) == ('["one", "ten"]', '{"one": 2}', "")
    assert (last["words"], last["word_freqs"], last["timestamps"]) == ("one, ten", {"one": 2}, "")
    assert api.get(f"/transcriber/v1/{place}/?compat=0", headers=who).json()["words"] == ["one", "ten"]
    assert api.get("/transcriber/v1/api/v1/recordings.json", headers=who).json() == [first]
    assert api.get(f"/transcriber/{place}.json", headers=who).json()["uuid"] == made["uuid"]
    assert api.get("/transcriber/v3/api/v1/recordings/", headers=who).status_code == 404
    with studio(tmp_path, vosk_model=digits_model, transcriber_compat="2") as later:
        assert later.get(f"/transcriber/{place}/", headers=who).json() == last


def test_transcripts_come_as_subtitles_too(api: httpx.Client, strings: Path) -> None:
    who = sign_up(api)
    place = f"{ROWS}{post(api, who, strings / 'two_pauses.wav').json()['uuid']}/transcript/"
    assert "00:00:00,300 --> " in api.get(f"{place}?format=srt", headers=who).text
    assert api.get(f"{place}?format=vtt", headers=who).headers["content-type"].startswith("text/vtt")
    assert Transcript.from_json(api.get(place, headers=who).json()).text == TWO_PAUSES
    assert api.get(f"{place}?format=doc", headers=who).status_code == 400


def test_times_are_given_in_the_zone_of_the_settings(tmp_path: Path, strings: Path, digits_model: Path) -> None:
    with studio(tmp_path, timezone="America/Bogota", vosk_model=digits_model) as api:
        made = post(api, sign_up(api), strings / "one_digit.wav").json()
    assert made["creation_date"].endswith("-05:00")
    assert abs(datetime.fromisoformat(made["creation_date"]).timestamp() - datetime.now(UTC).timestamp()) < 60
