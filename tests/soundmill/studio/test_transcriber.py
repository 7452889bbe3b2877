"""The transcriber's HTTP API: what clients of mp3.ai know, what it refuses, what it keeps through kills, and many at once."""

import errno
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import pytest
import requests

from soundmill.audio import read_samples, wav_bytes
from soundmill.catalog import Accounts, Ledger, Uploads, open_catalog
from soundmill.speech import Transcript
from tests.conftest import wait_until
from tests.soundmill.studio.running import studio, studio_processes
from tests.web import Web

PASSWORD = "correct-horse-9"
ROWS = "/transcriber/api/v1/recordings/"
TWO_PAUSES = "three one four one five nine"


@pytest.fixture
def strings(data: Path) -> Path:
    return data / "digit-strings"


@pytest.fixture
def api(tmp_path: Path, digits_model: Path) -> Iterator[httpx.Client]:
    with studio(tmp_path, vosk_model=digits_model, download_allow="") as running:
        yield running


def sign_up(api: httpx.Client, name: str = "ann") -> dict[str, str]:
    """Headers of a new account."""
    assert api.post("/transcriber/auth/users/", json={"username": name, "password": PASSWORD}).status_code == 201
    return log_in(api, name)


def log_in(api: httpx.Client, name: str = "ann") -> dict[str, str]:
    answer = api.post("/transcriber/auth/token/login/", data={"username": name, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Token {answer.json()['auth_token']}"}


def post(
    api: httpx.Client, who: dict[str, str], sound: bytes | Path, query: str = "", headers: dict[str, str] | None = None, **fields: Any
) -> httpx.Response:
    content = sound if isinstance(sound, bytes) else sound.read_bytes()
    form = {"name": "Numbers", **fields}
    return api.post(ROWS + query, headers={**who, **(headers or {})}, data=form, files={"audio_file": ("sound.bin", content)})


def encoded(path: Path, suffix: str, codec: str) -> bytes:
    """A file in another codec."""
    samples, rate = read_samples(path, 48_000)
    target = io.BytesIO()
    with av.open(target, "w", format=suffix) as container:
        stream = container.add_stream(codec, rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None].astype(np.float32), format="fltp", layout="mono")
        frame.sample_rate = rate
        resampler = av.AudioResampler(
            format=stream.codec_context.format, layout="mono", rate=rate, frame_size=stream.codec_context.frame_size or 1024
        )
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    return target.getvalue()


def test_the_script_of_old_passes(api: httpx.Client, strings: Path) -> None:
    """Make an account, log in, post an mp3, read it, delete it, delete the account: by `requests`, with slashes as legacy."""
    base = f"{api.base_url}".rstrip("/") + "/transcriber"
    made = requests.post(f"{base}/auth/users/", data={"username": "tester", "password": PASSWORD}, timeout=30)
    assert (made.status_code, set(made.json())) == (201, {"email", "username", "id"})
    token = requests.post(f"{base}/auth/token/login/", data={"username": "tester", "password": PASSWORD}, timeout=30).json()["auth_token"]
    headers = {"Authorization": f"Token {token}"}
    files = {"audio_file": ("numbers.mp3", encoded(strings / "two_pauses.wav", "mp3", "libmp3lame"), "audio/mpeg")}
    form = {"name": "Numbers", "words": "one, four, ten", "get_timestamps": True}
    posted = requests.post(f"{base}/api/v1/recordings/", headers=headers, data=form, files=files, timeout=60)
    assert posted.status_code == 201, posted.text
    uuid = posted.json()["uuid"]
    read = requests.get(f"{base}/api/v1/recordings/{uuid}/", headers=headers, timeout=30)
    assert read.json() == posted.json()
    assert [one["uuid"] for one in requests.get(f"{base}/api/v1/recordings/", headers=headers, timeout=30).json()] == [uuid]
    files = {"audio_file": ("long.wav", wav_bytes(np.zeros(16_000 * 60, np.int16), 16_000))}  # two megabytes, to an address without a slash
    assert requests.post(f"{base}/api/v1/recordings", headers=headers, data=form, files=files, timeout=60).status_code == 201
    assert requests.delete(f"{base}/api/v1/recordings/{uuid}/", headers=headers, timeout=30).status_code == 204
    assert requests.delete(f"{base}/auth/users/me/", headers=headers, data={"current_password": PASSWORD}, timeout=30).status_code == 204
    assert requests.get(f"{base}/auth/users/me/", headers=headers, timeout=30).status_code == 401


def test_a_recording_says_what_was_said_and_when(api: httpx.Client, strings: Path) -> None:
    made = post(api, sign_up(api), strings / "two_pauses.wav", words=" One, four one,,ONE, ten ", get_timestamps="true").json()
    assert made["transcript"] == TWO_PAUSES
    assert made["words"] == ["one", "four one", "ten"]
    assert made["word_freqs"] == {"one": 2, "four one": 1, "ten": 0}
    assert len(made["timestamps"]) == sum(made["word_freqs"].values())
    assert set(made["timestamps"][0]) == {"word", "start", "end", "conf"}
    assert made["timestamps"][0] == {"word": "one", "start": pytest.approx(0.9, abs=0.15), "end": pytest.approx(1.2, abs=0.15), "conf": 1.0}
    scores = [made[f"sentiment_{label}"] for label in ("negative", "neutral", "positive")]
    assert sum(scores) == pytest.approx(1)
    assert [entry["text"] for entry in made["sentiment_along"]] == ["three one", "four one", "five nine"]
    assert (made["user"], made["status"], made["failure"], made["get_timestamps"]) == ("ann", "done", None, True)
    assert not any("audio" in name or "path" in name for name in made)


def test_it_is_the_same_on_postgresql(tmp_path: Path, digits_model: Path, strings: Path, postgres_url: str) -> None:
    with studio(tmp_path, vosk_model=digits_model, catalog=postgres_url) as api:
        who, key = sign_up(api), {"Idempotency-Key": "one"}
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _: post(api, who, strings / "two_pauses.wav", headers=key, words="four one"), range(4)))
        (made,) = {answer.text: answer.json() for answer in answers}.values()
        assert (made["transcript"], made["word_freqs"]) == (TWO_PAUSES, {"four one": 1})
        assert [one["uuid"] for one in api.get(f"{ROWS}?search=FOUR", headers=who).json()] == [made["uuid"]]
        assert post(api, who, strings / "one_digit.wav", name="a\0b").status_code == 400
        assert api.delete(f"{ROWS}{made['uuid']}/", headers=who).status_code == 204
        assert api.request("DELETE", "/transcriber/auth/users/me/", headers=who, json={"current_password": PASSWORD}).status_code == 204


def test_answers_in_the_shapes_of_old(api: httpx.Client, strings: Path) -> None:
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


def test_words_may_come_one_by_one_or_as_a_list(api: httpx.Client, strings: Path) -> None:
    who, file = sign_up(api), strings / "one_digit.wav"
    assert post(api, who, file, words=["six", "seven"]).json()["word_freqs"] == {"six": 0, "seven": 1}
    made = post(api, who, file, words='["seven", "eight"]').json()
    assert made["word_freqs"] == {"seven": 1, "eight": 0}
    assert post(api, who, file, words="[nonsense").json() == {"words": ["This is no list of words."]}
    assert api.post(f"{ROWS}{made['uuid']}/words/", headers=who, json={}).json() == {"words": ["This field is required."]}


def test_the_first_minute_is_enough_for_clients_of_old_only(api: httpx.Client, strings: Path) -> None:
    who = sign_up(api)
    samples, rate = read_samples(strings / "two_pauses.wav")
    long = wav_bytes((np.tile(samples, 10) * 32_767).astype(np.int16), rate)
    whole = post(api, who, long).json()
    assert whole["seconds"] == pytest.approx(68.57, abs=0.01)
    assert whole["transcript"].split() == TWO_PAUSES.split() * 10
    cropped = post(api, who, long, "?compat=1").json()
    assert api.get(f"{ROWS}{cropped['uuid']}/", headers=who).json()["seconds"] == 60.0
    assert 50 < len(cropped["transcript"].split()) < 60


@pytest.mark.parametrize(
    ("suffix", "codec"), [("mp3", "libmp3lame"), ("ogg", "libopus"), ("mp4", "aac"), ("flac", "flac"), ("webm", "libopus")]
)
def test_any_codec_will_do(api: httpx.Client, strings: Path, suffix: str, codec: str) -> None:
    assert (
        post(api, sign_up(api), encoded(strings / "all_ten.wav", suffix, codec)).json()["transcript"].startswith("zero one two three four")
    )


def test_silence_is_an_empty_transcript(api: httpx.Client, strings: Path) -> None:
    made = post(api, sign_up(api), strings / "silence.wav", words="one", get_timestamps="on").json()
    assert (made["status"], made["transcript"], made["word_freqs"], made["timestamps"]) == ("done", "", {"one": 0}, [])
    assert made["sentiment_neutral"] == 1.0


def test_what_cannot_be_used_is_refused_field_by_field_and_leaves_nothing(api: httpx.Client, strings: Path, tmp_path: Path) -> None:
    who, good = sign_up(api), strings / "one_digit.wav"
    assert post(api, who, good, name="x" * 33).json() == {"name": ["Ensure this field has no more than 32 characters."]}
    assert api.post(ROWS, headers=who, files={"audio_file": b"x"}).json() == {"name": ["This field is required."]}
    assert api.post(ROWS, headers=who, data={"name": "x"}).json() == {"audio_file": ["No file was submitted."]}
    assert post(api, who, b"").json() == {"audio_file": ["The submitted file is empty."]}
    assert post(api, who, b"<html>no sound</html>").json() == {"audio_file": ["the file holds html, not audio (not_audio)"]}
    assert post(api, who, good.read_bytes()[:3000]).status_code == 400
    assert post(api, who, good, get_timestamps="perhaps").json() == {"get_timestamps": ["Must be a valid boolean."]}
    assert post(api, who, good, fuzzy="2").status_code == post(api, who, good, stemming="klingon").status_code == 400
    assert "private" in post(api, who, good, webhook="http://127.0.0.1/x").json()["webhook"][0]
    assert post(api, who, good, "?compat=9").status_code == 400
    assert post(api, who, good, name="a\0b").status_code == 400
    assert api.get(ROWS, headers=who).json() == []
    assert not [path for path in (tmp_path / "lake").rglob("*") if path.is_file()]


def test_accounts_and_their_passwords(api: httpx.Client) -> None:
    def refused(**fields: str) -> dict[str, list[str]]:
        answer = api.post("/transcriber/auth/users/", json={"username": "bob", "password": PASSWORD, **fields})
        assert answer.status_code == 400
        found: dict[str, list[str]] = answer.json()
        return found

    assert refused(password="short1")["password"] == ["This password is too short. It must contain at least 8 characters."]
    assert refused(password="password")["password"] == ["This password is too common."]
    assert refused(password="8371940275")["password"] == ["This password is entirely numeric."]
    assert refused(username="alexandra", password="alexandra1")["password"] == ["The password is too similar to the username."]
    assert "username" in refused(username="a b")
    assert "email" in refused(email="nowhere")
    who = sign_up(api)
    assert refused(username="ann") == {"username": ["A user with that username already exists."]}
    assert api.get("/transcriber/auth/users/me/", headers=who).json()["username"] == "ann"
    wrong = api.post("/transcriber/auth/token/login/", json={"username": "ann", "password": "wrong-horse-9"})
    assert (wrong.status_code, wrong.json()) == (400, {"non_field_errors": ["Unable to log in with provided credentials."]})
    other = log_in(api)
    assert api.post("/transcriber/auth/token/logout/", headers=who).status_code == 204
    assert api.get(ROWS, headers=who).status_code == 401
    assert api.get(ROWS, headers=other).status_code == 200
    assert api.request("DELETE", "/transcriber/auth/users/me/", headers=other, json={"current_password": "no"}).status_code == 400
    assert api.request("DELETE", "/transcriber/auth/users/me/", headers=other, json={"current_password": PASSWORD}).status_code == 204
    assert api.get(ROWS, headers=other).status_code == 401


def test_passwords_and_tokens_are_kept_as_hashes_only(api: httpx.Client, tmp_path: Path) -> None:
    token = sign_up(api)["Authorization"].split()[1]
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("catalog.db*"))
    assert b"$argon2id$" in kept
    assert PASSWORD.encode() not in kept
    assert token.encode() not in kept


def test_guessing_a_password_is_slowed_down_for_that_name(api: httpx.Client) -> None:
    sign_up(api)
    sign_up(api, "bob")

    def guess(name: str, password: str = "guess-guess") -> httpx.Response:
        return api.post("/transcriber/auth/token/login/", json={"username": name, "password": password})

    assert [guess("ann").status_code for _ in range(10)] == [400] * 10
    refused = guess("ann", PASSWORD)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 301
    assert guess("bob", PASSWORD).status_code == 200


def test_without_a_good_token_nothing_is_told(api: httpx.Client) -> None:
    for headers in ({}, {"Authorization": "Token wrong"}, {"Authorization": "nonsense"}):
        for path in (ROWS, f"{ROWS}{'0' * 32}/", "/transcriber/auth/users/me/", "/transcriber/admin/recordings/"):
            answer = api.get(path, headers=headers)
            assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Token")
    assert api.get("/transcriber/admin/users/", headers=sign_up(api)).status_code == 403


def test_others_recordings_are_not_there(api: httpx.Client, strings: Path) -> None:
    ann, bob = sign_up(api), sign_up(api, "bob")
    place = f"{ROWS}{post(api, ann, strings / 'one_digit.wav').json()['uuid']}/"
    assert api.get(ROWS, headers=bob).json() == []
    for method, path in [("GET", ""), ("DELETE", ""), ("GET", "history/"), ("GET", "transcript/"), ("POST", "words/"), ("POST", "retry/")]:
        assert api.request(method, place + path, headers=bob).status_code == 404
    assert api.get(f"{ROWS}nonsense/", headers=bob).status_code == 404
    for method in ("PUT", "PATCH"):
        assert api.request(method, place, headers=ann).status_code == 405
    assert api.get(place, headers=ann).status_code == 200


def test_lists_are_the_newest_first_and_can_be_searched_and_paged(api: httpx.Client, strings: Path) -> None:
    who = sign_up(api)
    for number, name in enumerate(["one_digit", "three_digits", "silence"]):
        post(api, who, strings / f"{name}.wav", name=f"take {number}")

    def names(query: str = "") -> list[str]:
        return [one["name"] for one in api.get(ROWS + query, headers=who).json()]

    assert names() == ["take 2", "take 1", "take 0"]
    assert names("?search=eight") == ["take 1"]
    assert names("?search=TAKE 0") == ["take 0"]
    assert names("?user__username=ann") == names()
    assert names("?user__username=bob") == names("?status=failed") == names("?search=%25") == []
    page = api.get(f"{ROWS}?limit=1&offset=1", headers=who)
    assert (page.headers["X-Total-Count"], [one["name"] for one in page.json()]) == ("3", ["take 1"])


def test_deleting_removes_the_sound_and_says_so_in_the_ledger(api: httpx.Client, strings: Path, tmp_path: Path) -> None:
    who = sign_up(api)
    uuid = post(api, who, strings / "one_digit.wav").json()["uuid"]
    assert len(list((tmp_path / "lake").rglob("*.wav"))) == 1
    assert api.delete(f"{ROWS}{uuid}/", headers=who).status_code == 204
    assert api.get(f"{ROWS}{uuid}/", headers=who).status_code == 404
    assert not list((tmp_path / "lake").rglob("*.wav"))
    catalog = open_catalog(f"sqlite:///{tmp_path / 'catalog.db'}")
    item = Ledger(catalog).known([f"uploads/{uuid}"])[f"uploads/{uuid}"]
    assert (item.kind, item.state, item.path) == ("upload", "withdrawn", None)
    assert [change.action for change in Uploads(catalog).changes(uuid)] == ["created", "done", "deleted"]


def test_deleting_an_account_deletes_all_its_recordings(api: httpx.Client, strings: Path, tmp_path: Path) -> None:
    ann, bob = sign_up(api), sign_up(api, "bob")
    for who in (ann, ann, bob):
        post(api, who, strings / "one_digit.wav")
    api.request("DELETE", "/transcriber/auth/users/me/", headers=ann, json={"current_password": PASSWORD})
    assert len(list((tmp_path / "lake").rglob("*.wav"))) == 1
    assert len(api.get(ROWS, headers=bob).json()) == 1


def test_other_words_are_looked_for_without_hearing_again(api: httpx.Client, strings: Path, tmp_path: Path) -> None:
    who = sign_up(api)
    made = post(api, who, strings / "two_pauses.wav", words="one").json()
    for wav in (tmp_path / "lake").rglob("*.wav"):
        wav.unlink()  # nothing is left to hear
    place = f"{ROWS}{made['uuid']}/"
    again = api.post(f"{place}words/", headers=who, json={"words": ["nine", "fiver"], "fuzzy": 0.8, "get_timestamps": True}).json()
    assert again["word_freqs"] == {"nine": 1, "fiver": 1}
    assert [(entry["word"], entry["heard"]) for entry in again["timestamps"]] == [("fiver", "five"), ("nine", "nine")]
    assert again["last_updated"] > made["last_updated"]
    assert api.get(place, headers=who).json() == again
    actions = [entry["action"] for entry in api.get(f"{place}history/", headers=who).json()]
    assert actions == ["created", "done", "updated"]


def test_transcripts_come_as_subtitles_too(api: httpx.Client, strings: Path) -> None:
    who = sign_up(api)
    place = f"{ROWS}{post(api, who, strings / 'two_pauses.wav').json()['uuid']}/transcript/"
    assert "00:00:00,300 --> " in api.get(f"{place}?format=srt", headers=who).text
    assert api.get(f"{place}?format=vtt", headers=who).headers["content-type"].startswith("text/vtt")
    assert Transcript.from_json(api.get(place, headers=who).json()).text == TWO_PAUSES
    assert api.get(f"{place}?format=doc", headers=who).status_code == 400


def test_who_does_not_want_to_wait_is_told_when_it_is_done(tmp_path: Path, digits_model: Path, strings: Path, web: Web) -> None:
    with studio(tmp_path, vosk_model=digits_model) as api:
        who = sign_up(api)
        hook = web.serve("/hook", b"thanks")
        taken = post(api, who, strings / "all_ten.wav", "?async=1", webhook=hook)
        assert taken.status_code == 202
        assert taken.json()["status"] in ("queued", "running", "done")
        place = taken.headers["Location"]
        wait_until(lambda: api.get(place, headers=who).json()["webhook"] == "delivered", 30)
        done = api.get(place, headers=who).json()
        assert (done["status"], done["transcript"].split()[-1]) == ("done", "nine")
        assert web.times("/hook") == 1
        assert post(api, who, strings / "one_digit.wav", headers={"Prefer": "respond-async"}).status_code == 202


def test_the_same_request_with_a_key_is_made_once(api: httpx.Client, strings: Path) -> None:
    who, key = sign_up(api), {"Idempotency-Key": "take-1"}
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: post(api, who, strings / "one_digit.wav", headers=key), range(6)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["uuid"] for answer in answers}) == 1
    assert len(api.get(ROWS, headers=who).json()) == 1
    assert post(api, who, strings / "silence.wav", headers=key).status_code == 409
    assert post(api, sign_up(api, "bob"), strings / "silence.wav", headers=key).status_code == 201


def test_parts_can_be_switched_off(tmp_path: Path, strings: Path, digits_model: Path) -> None:
    with studio(tmp_path, transcription_enabled=False) as api:
        made = post(api, sign_up(api), strings / "one_digit.wav", words="seven").json()
        assert (made["status"], made["transcript"], made["word_freqs"], made["sentiment_neutral"]) == ("done", "", {"seven": 0}, 0.0)
    with studio(tmp_path, sentiment_enabled=False, vosk_model=digits_model) as api:
        made = post(api, log_in(api), strings / "one_digit.wav").json()
        assert (made["transcript"], made["sentiment_neutral"]) == ("seven", 0.0)


def test_without_a_model_recordings_are_refused_before_anything_is_stored(tmp_path: Path, strings: Path) -> None:
    with studio(tmp_path) as api:
        assert api.get("/transcriber/").json()["speech_model"] is None
        who = sign_up(api)
        answer = post(api, who, strings / "one_digit.wav")
        assert (answer.status_code, "soundmill pretrained fetch vosk-small-en" in answer.text) == (503, True)
        assert api.get(ROWS, headers=who).json() == []


def test_times_are_told_in_the_zone_of_the_settings(tmp_path: Path, strings: Path, digits_model: Path) -> None:
    with studio(tmp_path, timezone="America/Bogota", vosk_model=digits_model) as api:
        made = post(api, sign_up(api), strings / "one_digit.wav").json()
    assert made["creation_date"].endswith("-05:00")
    assert abs(datetime.fromisoformat(made["creation_date"]).timestamp() - datetime.now(UTC).timestamp()) < 60


def test_a_recording_that_fails_is_marked_so_and_can_be_tried_again(api: httpx.Client, strings: Path, tmp_path: Path) -> None:
    who = sign_up(api)
    uuid = post(api, who, strings / "one_digit.wav").json()["uuid"]
    catalog = open_catalog(f"sqlite:///{tmp_path / 'catalog.db'}")
    upload = Uploads(catalog).get(uuid)
    assert upload is not None
    wav = Path(tmp_path / "lake" / upload.path)
    kept = wav.read_bytes()
    wav.unlink()
    place = f"{ROWS}{uuid}/"
    assert api.post(f"{place}retry/", headers=who).status_code == 409
    _unfinished(catalog, uuid)
    wait_until(lambda: api.get(place, headers=who).json()["status"] == "failed", 30)
    failed = api.get(place, headers=who).json()
    assert (failed["failure"]["reason"], failed["transcript"], failed["sentiment_neutral"]) == ("audio_gone", "", 0.0)
    wav.write_bytes(kept)
    assert api.post(f"{place}retry/", headers=who).status_code == 202
    wait_until(lambda: api.get(place, headers=who).json()["status"] == "done", 30)
    assert api.get(place, headers=who).json()["transcript"] == "seven"


def _unfinished(catalog: Any, uuid: str) -> None:
    """As if a worker had been killed before it began."""
    from sqlalchemy import update

    from soundmill.catalog.schema import UploadRow

    with catalog.writing() as session:
        values = {"state": "queued", "claimed_by": None, "text": "", "transcript": None, "sentiment": None, "model": None}
        session.execute(update(UploadRow).where(UploadRow.uuid == uuid).values(**values))


def test_a_kill_during_the_work_loses_no_recording_and_makes_none_twice(tmp_path: Path, strings: Path, digits_model: Path) -> None:
    samples, rate = read_samples(strings / "all_ten.wav")
    long = wav_bytes((np.tile(samples, 80) * 32_767).astype(np.int16), rate)  # ten minutes
    settings = {"vosk_model": digits_model, "transcriber_workers": 1}
    with studio_processes(tmp_path, **settings) as (api, process):
        who = sign_up(api)
        places = [post(api, who, sound, "?async=1").headers["Location"] for sound in (long, (strings / "one_digit.wav").read_bytes())]
        wait_until(lambda: api.get(places[0], headers=who).json()["status"] == "running", 30)
        process.kill()
        process.wait(20)
    with studio_processes(tmp_path, **settings) as (api, _):
        wait_until(lambda: all(api.get(place, headers=who).json()["status"] == "done" for place in places), 120)
        whole = api.get(places[0], headers=who).json()
        assert whole["transcript"].split().count("seven") == pytest.approx(80, abs=1)
        assert api.get(places[1], headers=who).json()["transcript"] == "seven"
    catalog = open_catalog(f"sqlite:///{tmp_path / 'catalog.db'}")
    for place in places:
        actions = [change.action for change in Uploads(catalog).changes(place.split("/")[-2])]
        assert actions == ["created", "done"]


def test_two_hundred_clients_at_once_each_get_their_own(tmp_path: Path, strings: Path, digits_model: Path) -> None:
    files = [strings / f"{name}.wav" for name in ("one_digit", "three_digits", "five_digits", "silence")]
    said = ["seven", "four eight two", "six zero nine one five", ""]
    with studio_processes(tmp_path, workers=2, vosk_model=digits_model) as (api, _):
        who = {name: sign_up(api, f"client-{name}") for name in range(8)}

        def client(number: int) -> None:
            with httpx.Client(base_url=api.base_url, timeout=120) as own:
                made = post(own, who[number % 8], files[number % 4], name=f"take {number}")
                assert made.status_code == 201, made.text
                assert (made.json()["transcript"], made.json()["user"]) == (said[number % 4], f"client-{number % 8}")
                assert own.get(f"{ROWS}{made.json()['uuid']}/", headers=who[number % 8]).json() == made.json()

        with ThreadPoolExecutor(200) as pool:
            list(pool.map(client, range(200)))
        for name, headers in who.items():
            rows = api.get(ROWS, headers=headers).json()
            assert sorted(row["name"] for row in rows) == sorted(f"take {n}" for n in range(200) if n % 8 == name)


def test_admins_see_everybodys_recordings(api: httpx.Client, strings: Path, tmp_path: Path) -> None:
    ann, bob = sign_up(api), sign_up(api, "bob")
    for who in (ann, bob):
        post(api, who, strings / "one_digit.wav")
    assert Accounts(open_catalog(f"sqlite:///{tmp_path / 'catalog.db'}")).set_roles("bob", ["admin"])
    assert {row["user"] for row in api.get("/transcriber/admin/recordings/", headers=bob).json()} == {"ann", "bob"}
    assert [row["user"] for row in api.get("/transcriber/admin/recordings/?user__username=ann", headers=bob).json()] == ["ann"]
    assert {row["username"]: row["is_admin"] for row in api.get("/transcriber/admin/users/", headers=bob).json()} == {
        "ann": False,
        "bob": True,
    }


def test_large_files_are_refused_before_they_fill_anything(tmp_path: Path, digits_model: Path) -> None:
    with studio(tmp_path, vosk_model=digits_model, transcriber_max_megabytes=1) as api:
        assert post(api, sign_up(api), bytes(2 << 20)).status_code == 413


def test_curl_can_do_all_of_it(api: httpx.Client, strings: Path) -> None:
    token = sign_up(api)["Authorization"]
    command = ["curl", "-sS", "--fail-with-body", "-H", f"Authorization: {token}", "-F", "name=Numbers", "-F", "words=seven", "-F"]
    ran = subprocess.run(
        [*command, f"audio_file=@{strings / 'one_digit.wav'}", f"{api.base_url}{ROWS}"], capture_output=True, text=True, check=True
    )
    assert json.loads(ran.stdout)["word_freqs"] == {"seven": 1}


def test_no_input_that_the_description_allows_or_forbids_is_a_server_error(api: httpx.Client, strings: Path, tmp_path: Path) -> None:
    who = sign_up(api)
    assert Accounts(open_catalog(f"sqlite:///{tmp_path / 'catalog.db'}")).set_roles("ann", ["admin"])
    uuid = post(api, who, strings / "one_digit.wav", words="seven").json()["uuid"]
    config = tmp_path / "schemathesis.toml"
    config.write_text(f'[parameters]\n"path.uuid" = "{uuid}"\n')
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(config), "run", f"{api.base_url}/openapi.json",
        "--checks", "not_a_server_error", "-H", f"Authorization: {who['Authorization']}", "--include-path-regex", "^/transcriber",
        "--exclude-path-regex", "logout", "--exclude-method", "DELETE", "--phases", "coverage,fuzzing", "--max-examples", "12",
        "--no-color", "--generation-database", "none",
    ]  # fmt: skip
    ran = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert ran.returncode == 0, ran.stdout[-3000:]
    assert "passed" in ran.stdout
    assert api.get(f"{ROWS}{uuid}/", headers=who).status_code == 200


def test_the_page_of_recordings_shows_them_to_who_knows_the_studio_s_password(tmp_path: Path, strings: Path, digits_model: Path) -> None:
    with studio(tmp_path, vosk_model=digits_model, studio_password="open") as api:
        assert api.get("/recordings").status_code == 401
        shown = api.get("/recordings", auth=("me", "open")).text
        assert "/transcriber/auth/users/" in shown
        post(api, sign_up(api), strings / "one_digit.wav", name="<b>bold</b>", words="seven")
        shown = api.get("/recordings", auth=("me", "open")).text
        assert "&lt;b&gt;bold&lt;/b&gt;" in shown
        assert "seven 0.4 s" in shown
        assert "None found" in api.get("/recordings?search=eight", auth=("me", "open")).text
        assert 'href="/recordings?state=done"' in api.get("/", auth=("me", "open")).text


def test_nested_json_and_large_bodies_of_other_kinds_are_refused(api: httpx.Client) -> None:
    nested = '{"username": ' + "[" * 900 + "]" * 900 + ', "password": "x"}'
    headers = {"Content-Type": "application/json"}
    assert api.post("/transcriber/auth/token/login/", content=nested, headers=headers).json() == {"username": ["Not a valid string."]}
    large = json.dumps({"name": "x" * (2 << 20)})
    assert api.post(ROWS, content=large, headers={**sign_up(api), **headers}).status_code == 413
    assert api.post(ROWS, content=b"x", headers={**log_in(api), "Content-Type": "text/plain"}).status_code == 415


def test_of_many_guesses_at_once_ten_are_looked_at(api: httpx.Client) -> None:
    who = sign_up(api)
    guess = {"username": "ann", "password": "guess-guess"}
    with ThreadPoolExecutor(30) as pool:
        codes = list(pool.map(lambda _: api.post("/transcriber/auth/token/login/", json=guess).status_code, range(30)))
    assert codes.count(400) == 10
    assert codes.count(429) == 20
    assert api.request("DELETE", "/transcriber/auth/users/me/", headers=who, json={"current_password": PASSWORD}).status_code == 429


def test_a_full_disk_is_said_and_leaves_nothing(api: httpx.Client, strings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    who = sign_up(api)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(tmp_path))

    monkeypatch.setattr(os, "replace", full)
    answer = post(api, who, strings / "one_digit.wav")
    monkeypatch.undo()
    assert (answer.status_code, str(tmp_path) in answer.text) == (507, False)
    assert api.get(ROWS, headers=who).json() == []
    assert not list((tmp_path / "lake").rglob("*.wav"))


def test_an_account_may_have_so_many_hours(tmp_path: Path, digits_model: Path, strings: Path) -> None:
    with studio(tmp_path, vosk_model=digits_model, transcriber_account_hours=0.001) as api:
        who = sign_up(api)
        first = post(api, who, strings / "all_ten.wav").json()
        assert "delete some of them first" in post(api, who, strings / "one_digit.wav").json()["audio_file"][0]
        api.delete(f"{ROWS}{first['uuid']}/", headers=who)
        assert post(api, who, strings / "one_digit.wav").status_code == 201


def test_what_happened_to_a_recording_is_told_to_its_owner_after_it_is_deleted(api: httpx.Client, strings: Path) -> None:
    ann, bob = sign_up(api), sign_up(api, "bob")
    place = f"{ROWS}{post(api, ann, strings / 'one_digit.wav').json()['uuid']}/"
    api.delete(place, headers=ann)
    assert [entry["action"] for entry in api.get(f"{place}history/", headers=ann).json()] == ["created", "done", "deleted"]
    assert api.get(f"{place}history/", headers=bob).status_code == 404
