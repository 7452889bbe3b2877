"""The transcriber's HTTP API: what clients of mp3.ai know, what it refuses, what it keeps through kills, and many at once."""

import io
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import pytest
import requests

from soundmill.audio import read_samples, wav_bytes
from soundmill.catalog import Accounts, Ledger, Uploads, open_catalog
from tests.conftest import wait_until
from tests.soundmill.studio.api.transcriber.clients import PASSWORD, ROWS, TWO_PAUSES, post, sign_up
from tests.soundmill.studio.running import studio, studio_processes
from tests.web import Web


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


def test_the_original_s_script_passes(api: httpx.Client, strings: Path) -> None:
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


def test_the_first_minute_is_enough_for_legacy_clients_only(api: httpx.Client, strings: Path) -> None:
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


def test_other_words_are_looked_for_without_transcribing_again(api: httpx.Client, strings: Path, tmp_path: Path) -> None:
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


def test_without_a_model_recordings_are_refused_before_anything_is_stored(tmp_path: Path, strings: Path) -> None:
    with studio(tmp_path) as api:
        assert api.get("/transcriber/").json()["speech_model"] is None
        who = sign_up(api)
        answer = post(api, who, strings / "one_digit.wav")
        assert (answer.status_code, "soundmill pretrained fetch vosk-small-en" in answer.text) == (503, True)
        assert api.get(ROWS, headers=who).json() == []


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
            with httpx.Client(base_url=api.base_url, timeout=120, verify=False) as own:  # 200 stores of certificates would be all the work
                made = post(own, who[number % 8], files[number % 4], name=f"take {number}")
                assert made.status_code == 201, made.text
                assert (made.json()["transcript"], made.json()["user"]) == (said[number % 4], f"client-{number % 8}")
                assert own.get(f"{ROWS}{made.json()['uuid']}/", headers=who[number % 8]).json() == made.json()

        with ThreadPoolExecutor(200) as pool:
            list(pool.map(client, range(200)))
        for name, headers in who.items():
            rows = api.get(ROWS, headers=headers).json()
            assert sorted(row["name"] for row in rows) == sorted(f"take {n}" for n in range(200) if n % 8 == name)


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


def test_what_happened_to_a_recording_is_shown_to_its_owner_after_it_is_deleted(api: httpx.Client, strings: Path) -> None:
    ann, bob = sign_up(api), sign_up(api, "bob")
    place = f"{ROWS}{post(api, ann, strings / 'one_digit.wav').json()['uuid']}/"
    api.delete(place, headers=ann)
    assert [entry["action"] for entry in api.get(f"{place}history/", headers=ann).json()] == ["created", "done", "deleted"]
    assert api.get(f"{place}history/", headers=bob).status_code == 404
