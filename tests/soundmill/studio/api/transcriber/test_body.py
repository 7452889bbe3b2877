"""Bodies of requests: forms, JSON and files, and which are refused."""

import json
from pathlib import Path

import httpx

from tests.soundmill.studio.api.transcriber.clients import ROWS, log_in, post, sign_up
from tests.soundmill.studio.running import studio


def test_words_may_come_one_by_one_or_as_a_list(api: httpx.Client, strings: Path) -> None:
    who, file = sign_up(api), strings / "one_digit.wav"
    assert post(api, who, file, words=["six", "seven"]).json()["word_freqs"] == {"six": 0, "seven": 1}
    made = post(api, who, file, words='["seven", "eight"]').json()
    assert made["word_freqs"] == {"seven": 1, "eight": 0}
    assert post(api, who, file, words="[nonsense").json() == {"words": ["This is no list of words."]}
    assert api.post(f"{ROWS}{made['uuid']}/words/", headers=who, json={}).json() == {"words": ["This field is required."]}


def test_what_cannot_be_used_is_refused_field_by_field_and_leaves_nothing(api: httpx.Client, strings: Path, tmp_path: Path) -> None:
    who, good = sign_up(api), strings / "one_digit.wav"
    assert post(api, who, good, name="x" * 33).json() == {"name": ["Ensure this field has no more than 32 characters."]}
    assert api.post(ROWS, headers=who, files={"audio_file": b"x"}).json() == {"name": ["This field is required."]}
    assert api.post(ROWS, headers=who, data={"name": "x"}).json() == {"audio_file": ["No file was submitted."]}
    assert post(api, who, b"").json() == {"audio_file": ["The submitted file is empty."]}
    assert post(api, who, b"<html>no sound</html>").json() == {"audio_file": ["the file holds html, not audio (not_audio)"]}
    assert post(api, who, good.read_bytes()[:30]).status_code == 400
    assert api.post(ROWS, headers=who, data={"name": "x", "audio_file": "text"}).json() == {
        "audio_file": ["The submitted data was not a file. Check the encoding type on the form."]
    }
    assert post(api, who, good, get_timestamps="perhaps").json() == {"get_timestamps": ["Must be a valid boolean."]}
    assert post(api, who, good, fuzzy="2").status_code == post(api, who, good, stemming="klingon").status_code == 400
    assert "private" in post(api, who, good, webhook="http://127.0.0.1/x").json()["webhook"][0]
    assert post(api, who, good, "?compat=9").status_code == 400
    assert post(api, who, good, name="a\0b").status_code == 400
    assert api.get(ROWS, headers=who).json() == []
    assert not [path for path in (tmp_path / "lake").rglob("*") if path.is_file()]


def test_large_files_are_refused_before_they_fill_anything(tmp_path: Path, digits_model: Path) -> None:
    with studio(tmp_path, vosk_model=digits_model, transcriber_max_megabytes=1) as api:
        assert post(api, sign_up(api), bytes(2 << 20)).status_code == 413


def test_nested_json_and_large_bodies_of_other_kinds_are_refused(api: httpx.Client) -> None:
    nested = '{"username": ' + "[" * 900 + "]" * 900 + ', "password": "x"}'
    headers = {"Content-Type": "application/json"}
    assert api.post("/transcriber/auth/token/login/", content=nested, headers=headers).json() == {"username": ["Not a valid string."]}
    large = json.dumps({"name": "x" * (2 << 20)})
    assert api.post(ROWS, content=large, headers={**sign_up(api), **headers}).status_code == 413
    assert api.post(ROWS, content=b"x", headers={**log_in(api), "Content-Type": "text/plain"}).status_code == 415
