"""The original recorder's API, as its page and scripts ask it."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from soundmill.catalog import Catalog, Speakers, Takes, open_catalog
from soundmill.catalog.schema import PromptRow
from tests.catalogs import sqlite_in
from tests.conftest import wait_until
from tests.soundmill.studio.running import studio
from tests.soundmill.workflows.takes.reading import prompt_set, said

ANY = httpx.BasicAuth("any", "thing")


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    opened = open_catalog(sqlite_in(tmp_path))
    prompt_set(opened, number=3, entities=3)
    yield opened
    opened.close()


@pytest.fixture
def client(tmp_path: Path, catalog: Catalog) -> Iterator[httpx.Client]:
    with studio(tmp_path, recorder_sets="digits") as client:
        client.auth = ANY
        yield client


def ask(client: httpx.Client, user: str = "alice", skip: str = "") -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/recorder/get-sentence{skip and f'?skip={skip}'}", headers={"X-Username": user}).json()
    return found


def upload(client: httpx.Client, data: bytes, user: str = "alice", **form: str) -> httpx.Response:
    values = {"sampleRate": "48000", "accent": "Scottish", **form}
    return client.post("/recorder/upload-audio", headers={"X-Username": user}, files={"audio": ("recording.wav", data)}, data=values)


def test_a_session_of_the_original_from_its_first_sentence_to_its_last(
    client: httpx.Client, catalog: Catalog, data: Path, tmp_path: Path
) -> None:
    first = ask(client)
    assert first == {"sentence": "sentence number 0 of this set", "count": "0", "status": 0}
    assert ask(client) == first  # on reload the same
    assert ask(client, "bob")["sentence"] == "sentence number 1 of this set"  # never one in two hands
    assert ask(client, skip="true")["sentence"] == "sentence number 2 of this set"
    assert ask(client, "eve")["sentence"] == "sentence number 0 of this set"  # which alice has let go of
    assert ask(client, "dan") == {"sentence": None, "count": "0", "status": 2}
    answer = upload(client, said(data))
    assert (answer.status_code, answer.json()["status"]) == (200, 2)  # what is left is in others' hands
    assert "message" in answer.json()
    assert ask(client)["count"] == "1"
    assert upload(client, said(data, 1), "bob").json()["status"] == 2
    assert upload(client, said(data, 2), "eve").json()["status"] == 2
    assert ask(client, "dan")["status"] == 2
    folder = tmp_path / "lake" / "audio" / "takes" / "digits"
    wait_until(lambda: (folder / "metadata.json").exists() and len(json.loads((folder / "metadata.json").read_text())) == 3, 10)
    entry = json.loads((folder / "metadata.json").read_text())["u2.wav"]
    assert (entry["user"], entry["accent"], entry["entity_id"], entry["engine"]) == ("alice", "Scottish", "E2", "human")
    assert (folder / "recordings" / "u2_alice.wav").read_bytes() == said(data)
    (consent,) = Speakers(catalog).consents(Speakers(catalog).of_username("alice").id)
    assert consent.given == "operator"


def test_skip_keeps_the_sentence_where_there_is_no_other(client: httpx.Client) -> None:
    ask(client, "bob")
    ask(client, "eve")
    last = ask(client)
    assert ask(client, skip="true") == last
    assert ask(client, skip="false") == last


def test_a_bad_upload_is_an_error_of_status_1_and_does_not_count(client: httpx.Client, catalog: Catalog, data: Path) -> None:
    ask(client)
    for broken in (b"", b"no sound", said(data)[:100]):
        answer = upload(client, broken)
        assert (answer.status_code, answer.json()["status"]) == (200, 1)
        assert answer.json()["error"]
    assert client.post("/recorder/upload-audio", headers={"X-Username": "alice"}, data={"sampleRate": "1"}).json()["status"] == 1
    assert ask(client)["count"] == "0"
    assert Takes(catalog).listed(state=None)[1] == 0


def test_an_upload_whose_answer_was_lost_is_not_stored_under_the_next_sentence(client: httpx.Client, catalog: Catalog, data: Path) -> None:
    ask(client)
    upload(client, said(data))
    assert upload(client, said(data)).json()["status"] == 0
    assert upload(client, said(data, 1)).json()["status"] == 1  # read once more: she takes it for the sentence that she sees
    assert [one.utterance for one in Takes(catalog).listed()[0]] == ["u0"]
    ask(client)
    assert upload(client, said(data)).json()["status"] == 0  # the same file, for a sentence that she has seen
    assert [one.utterance for one in Takes(catalog).listed()[0]] == ["u0", "u1"]
    assert ask(client)["count"] == "2"


def test_what_the_page_cannot_tell_counts_and_is_left_for_reviewers(client: httpx.Client, catalog: Catalog, data: Path) -> None:
    ask(client)
    soft = said(data)[:44] + bytes(len(said(data)) - 44)
    assert upload(client, soft).json()["status"] == 0
    (take,) = Takes(catalog).listed(show="todo")[0]
    assert (take.verdict, take.counts) == ("again", True)
    assert ask(client)["count"] == "1"


@pytest.mark.parametrize("headers", [{}, {"X-Username": ""}, {"X-Username": "x" * 200}])
def test_who_sends_no_name_and_cannot_be_told_apart_is_asked_for_one(client: httpx.Client, headers: dict[str, str]) -> None:
    assert client.get("/recorder/get-sentence", headers=headers).status_code == 401


def test_a_browser_without_a_name_is_known_by_its_marks(client: httpx.Client, catalog: Catalog) -> None:
    marks = {"User-Agent": "Mozilla/5.0", "Accept-Language": "en"}
    first = client.get("/recorder/get-sentence", headers=marks).json()
    assert client.get("/recorder/get-sentence", headers=marks).json() == first
    assert client.get("/recorder/get-sentence", headers={**marks, "Accept-Language": "de"}).json()["sentence"] != first["sentence"]
    import hashlib

    said_so = json.dumps({"ip": "127.0.0.1", "language": "en", "user_agent": "Mozilla/5.0"}, sort_keys=True)
    assert Speakers(catalog).named(hashlib.sha256(said_so.encode()).hexdigest()[:16]) is not None


def test_on_this_machine_any_credentials_will_do_but_none_will_not(client: httpx.Client) -> None:
    client.auth = None
    for path in ("/recorder/", "/recorder/get-sentence", "/recorder/api/record/digits"):
        answer = client.get(path)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Basic")
    client.auth = ANY
    assert client.get("/recorder/").status_code == 200
    assert client.get("/recorder", follow_redirects=True).status_code == 200
    assert "digits" in client.get("/recorder/digits/").text


def test_a_password_is_both_name_and_password(tmp_path: Path, catalog: Catalog) -> None:
    with studio(tmp_path, recorder_sets="digits", recorder_password="grüße") as client:
        for name, password, status in (("grüße", "grüße", 200), ("any", "grüße", 401), ("grüße", "any", 401)):
            coded = base64.b64encode(f"{name}:{password}".encode()).decode()
            assert client.get("/recorder/", headers={"Authorization": f"Basic {coded}"}).status_code == status
            assert client.get("/recorder/api/record/digits", headers={"Authorization": f"Basic {coded}"}).status_code == status
        assert client.get("/recorder/get-sentence").status_code == 401


def test_several_sets_have_their_own_paths_and_others_none(tmp_path: Path, catalog: Catalog, data: Path) -> None:
    prompt_set(catalog, "words", number=1)
    prompt_set(catalog, "hidden", number=1)
    with studio(tmp_path, recorder_sets="digits,words") as client:
        client.auth, headers = ANY, {"X-Username": "alice"}
        assert client.get("/recorder/words/get-sentence", headers=headers).json()["status"] == 0
        files = {"audio": ("recording.wav", said(data))}
        assert client.post("/recorder/words/upload-audio", headers=headers, files=files).json()["status"] == 2
        assert [one.set for one in Takes(catalog).listed()[0]] == ["words"]
        assert client.get("/recorder/hidden/get-sentence", headers=headers).status_code == 404
    with studio(tmp_path) as client:
        client.auth = ANY
        assert client.get("/recorder/get-sentence", headers=headers).status_code == 404
        assert "--recorder" in client.get("/recorder/get-sentence", headers=headers).json()["detail"]


def test_its_own_page_may_be_served_from_elsewhere_on_this_machine(client: httpx.Client) -> None:
    asks = {"Origin": "http://localhost:9999", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-username"}
    answer = client.options("/recorder/upload-audio", headers=asks)
    assert answer.headers["access-control-allow-origin"] == "http://localhost:9999"
    assert (
        "access-control-allow-origin"
        not in client.options("/recorder/upload-audio", headers={**asks, "Origin": "http://evil.example"}).headers
    )


def test_a_take_is_never_stored_under_a_sentence_that_its_speaker_has_not_seen(client: httpx.Client, catalog: Catalog, data: Path) -> None:
    seen = ask(client)
    past = datetime.now(UTC) - timedelta(hours=1)
    with catalog.writing() as session:
        session.execute(update(PromptRow).values(held_until=past))
    assert upload(client, said(data)).json()["status"] == 0  # her time is over, but nobody else came
    ask(client)
    with catalog.writing() as session:
        session.execute(update(PromptRow).values(held_until=past))
    assert ask(client, "bob")["sentence"] == "sentence number 1 of this set"
    answer = upload(client, said(data, 1)).json()
    assert (answer["status"], "load the page again" in answer["error"]) == (1, True)
    assert [(one.utterance, one.text) for one in Takes(catalog).listed()[0]] == [("u0", seen["sentence"])]


def test_skip_goes_on_through_sentences_of_one_entity_and_round(tmp_path: Path, catalog: Catalog) -> None:
    prompt_set(catalog, "one", number=3, entities=1)
    with studio(tmp_path, recorder_sets="one") as client:
        client.auth = ANY
        found = [ask(client)["sentence"], *(ask(client, skip="true")["sentence"] for _ in range(3))]
    assert [one.split()[2] for one in found] == ["0", "1", "2", "0"]


def test_the_password_opens_the_sets_that_are_served_and_no_other(tmp_path: Path, catalog: Catalog) -> None:
    prompt_set(catalog, "secret")
    with studio(tmp_path, recorder_sets="digits", recorder_password="x") as client:
        client.auth = httpx.BasicAuth("x", "x")
        assert client.get("/recorder/api/record/digits").status_code == 200
        assert client.get("/recorder/api/record/secret").status_code == 404
