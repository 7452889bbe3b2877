"""What the page of a prompt set asks, and speakers of their recordings."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from soundmill.catalog import Catalog, Prompts, Takes, open_catalog, take_key
from tests.catalogs import sqlite_in
from tests.soundmill.studio.running import studio
from tests.soundmill.studio.signing_in import PASSWORD, accounts
from tests.soundmill.workflows.takes.reading import prompt_set, said


@pytest.fixture
def client(tmp_path: Path) -> Iterator[httpx.Client]:
    with studio(tmp_path) as client:
        yield client


@pytest.fixture
def catalog(tmp_path: Path, client: httpx.Client) -> Iterator[Catalog]:
    opened = open_catalog(sqlite_in(tmp_path))
    yield opened
    opened.close()


class Reader:
    """A speaker, as their browser asks."""

    def __init__(self, client: httpx.Client, name: str = "digits", base: str = "/api/record") -> None:
        self.client, self.name, self.base, self.headers = client, name, base, dict[str, str]()
        text = self("GET").json()["consent_sha256"]
        given = self("POST", "consent", json={"purposes": ["train"], "of_age": True, "text_sha256": text}).json()
        self.id = given["speaker"]
        self.headers = {"X-Speaker": given["secret"]}

    def __call__(self, method: str, path: str = "", **given: Any) -> httpx.Response:
        return self.client.request(method, f"{self.base}/{self.name}" + (f"/{path}" if path else ""), headers=self.headers, **given)

    def send(self, utterance: str, data: bytes, key: str | None = None, **form: Any) -> httpx.Response:
        key = key or take_key(hashlib.sha256(data).hexdigest(), self.name, utterance, self.id)
        values = {"utterance": utterance, "recorded_at": "1767607200000", "settings": json.dumps({"label": "headset"}), **form}
        return self("PUT", f"takes/{key}", files={"audio": ("take.wav", data)}, data=values)

    def mine(self, method: str = "GET", path: str = "") -> httpx.Response:
        return self.client.request(method, f"/api/my-recordings{path}", headers=self.headers)


def test_consent_comes_before_the_first_sentence_and_a_take_goes_all_the_way(client: httpx.Client, catalog: Catalog, data: Path) -> None:
    prompt_set(catalog, purposes=["train", "publish"])
    about = client.get("/api/record/digits").json()
    assert (about["speaker"], about["has_consented"], list(about["purposes"])) == (None, False, ["train", "publish"])
    assert client.post("/api/record/digits/claim").status_code == 404
    agreed = {"purposes": [], "of_age": True, "text_sha256": about["consent_sha256"]}
    assert client.post("/api/record/digits/consent", json=agreed).status_code == 410
    assert client.post("/api/record/digits/consent", json={**agreed, "text_sha256": "another"}).status_code == 409
    reader = Reader(client)
    held = reader("POST", "claim?number=3").json()
    assert [one["utterance"] for one in held["prompts"]] == ["u0", "u1", "u2"]
    reader("PUT", "speaker", json={"accent": "Scottish", "microphone": "headset"})
    first = reader.send("u0", said(data))
    assert (first.status_code, first.json()["verdict"], first.json()["mine"]) == (200, "good", 1)
    assert reader.send("u0", said(data)).json() == first.json()  # sent again, it is the same
    told = reader("GET").json()
    assert (told["has_consented"], told["mine"], told["takes"], told["accent"]) == (True, 1, 1, "Scottish")
    (take,) = Takes(catalog).listed()[0]
    assert (take.accent, take.microphone, take.settings["label"]) == ("Scottish", "headset", "headset")


def test_a_take_that_is_damaged_or_of_another_sentence_is_refused(client: httpx.Client, catalog: Catalog, data: Path) -> None:
    prompt_set(catalog)
    reader = Reader(client)
    key = take_key(hashlib.sha256(said(data)).hexdigest(), "digits", "u0", reader.id)
    assert reader.send("u1", said(data), key).status_code == 400
    assert reader.send("u0", b"no sound").status_code == 400
    assert reader.send("u99", said(data)).status_code == 404
    assert reader.send("u0", said(data), settings="[1]").status_code == 400
    assert reader.send("u0", said(data), recorded_at="nan").status_code == 400
    assert Takes(catalog).listed(state=None)[1] == 0
    assert reader.send("u0", said(data), key).status_code == 200


def test_a_body_larger_than_a_take_can_be_is_refused(client: httpx.Client, catalog: Catalog) -> None:
    prompt_set(catalog)
    assert Reader(client).send("u0", b"RIFF" + bytes(64 << 20)).status_code == 413


def test_a_speaker_hears_deletes_and_withdraws_what_is_theirs_and_nothing_else(client: httpx.Client, catalog: Catalog, data: Path) -> None:
    prompt_set(catalog)
    ann, ben = Reader(client), Reader(client)
    first, second = ann.send("u0", said(data)).json(), ann.send("u1", said(data, 1)).json()
    theirs = ben.send("u2", said(data, 2)).json()
    told = ann.mine().json()
    assert [one["text"] for one in told["takes"]] == ["sentence number 0 of this set", "sentence number 1 of this set"]
    assert told["consents"][0]["purposes"] == ["train"]
    assert ann.mine(path=f"/{first['key']}.wav").content == said(data)
    assert ann.mine(path=f"/{theirs['key']}.wav").status_code == 404
    assert ann.mine("DELETE", f"/{theirs['key']}").status_code == 404
    assert ann.mine("DELETE", f"/{first['key']}").json()["takes"] == 1
    assert [one["key"] for one in ann.mine().json()["takes"]] == [second["key"]]
    assert ann.mine("DELETE").json()["takes"] == 1
    told = ann.mine().json()
    assert (told["takes"], told["withdrawn_at"] is not None) == ([], True)
    assert ann.send("u3", said(data, 3)).status_code == 410  # what waited in the browser is not taken any longer
    assert ann("POST", "claim").status_code == 410
    assert [one.key for one in Takes(catalog).listed()[0]] == [theirs["key"]]
    assert client.get("/api/my-recordings", headers={"X-Speaker": "guess"}).status_code == 404
    assert client.get("/api/my-recordings").status_code == 404


def test_what_is_left_at_the_door_is_given_back(client: httpx.Client, catalog: Catalog) -> None:
    prompt_set(catalog, number=2)
    ann, ben = Reader(client), Reader(client)
    assert len(ann("POST", "claim?number=5").json()["prompts"]) == 2
    assert ben("POST", "claim").json()["prompts"] == []
    assert ben("POST", "again", json={"utterance": "u0"}).status_code == 409
    assert ann("POST", "skip", json={"utterance": "u0", "reason": "it has a mistake"}).status_code == 204
    assert ann("POST", "skip", json={"utterance": "u0", "reason": "tired"}).status_code == 409
    assert ann("POST", "release").status_code == 204
    assert len(ben("POST", "claim?number=5").json()["prompts"]) == 2


def test_reviewers_hear_and_overrule(client: httpx.Client, catalog: Catalog, data: Path) -> None:
    prompt_set(catalog)
    take = Reader(client).send("u0", said(data)).json()
    assert client.get("/api/takes/digits").json()["number"] == 0  # nothing that a person ought to hear
    found = client.get("/api/takes/digits?show=good").json()
    assert (found["number"], found["takes"][0]["measures"]["snr"] > 20) == (1, True)
    assert client.get(f"/api/takes/digits/{take['key']}.wav").content == said(data)
    assert client.post(f"/api/takes/digits/{take['key']}", json={"review": "rejected"}).json()["counts"] is False
    assert client.post(f"/api/takes/digits/{take['key']}", json={"review": "wonderful"}).status_code == 400
    assert client.get("/api/takes/none").status_code == 404
    assert client.get(f"/api/takes/other/{take['key']}.wav").status_code == 404


def test_speakers_read_and_only_reviewers_review(tmp_path: Path, data: Path) -> None:
    known = accounts(tmp_path)
    for role in ("admin", "speaker", "annotator", "client"):
        known.add(f"the_{role}", PASSWORD, roles=[role])
    with studio(tmp_path) as client:
        prompt_set(open_catalog(sqlite_in(tmp_path)))
        assert client.get("/api/record/digits").status_code == 401
        for role, read, review in (("speaker", 200, 403), ("annotator", 200, 200), ("client", 403, 403)):
            client.auth = httpx.BasicAuth(f"the_{role}", PASSWORD)
            assert client.get("/api/record/digits").status_code == read
            assert client.get("/api/takes/digits").status_code == review
        client.auth = None
        assert client.get("/api/my-recordings").status_code == 404  # a secret is enough for what is one's own


def test_fifty_speakers_at_once_read_five_hundred_sentences(client: httpx.Client, catalog: Catalog, data: Path) -> None:
    """No sentence to two, none twice, every take there, and the counts right."""
    prompt_set(catalog, number=500, order="random", entities=60)
    sounds = [said(data, number) for number in range(9)]

    def work(number: int) -> list[str]:
        with httpx.Client(base_url=client.base_url, timeout=120) as mine:
            reader, done = Reader(mine), list[str]()
            while len(done) < 6:
                (held, *_) = reader("POST", "claim?number=2").json()["prompts"]
                data = sounds[len(done)] + bytes(0)
                tagged = data[:44] + bytes([number, len(done)]) + data[46:]  # everybody's sound is their own
                answer = reader.send(held["utterance"], tagged)
                assert answer.status_code == 200, answer.text
                done.append(held["utterance"])
            reader("POST", "release")
            return done

    with ThreadPoolExecutor(50) as pool:
        read = [one for done in pool.map(work, range(50)) for one in done]
    assert max(Counter(read).values()) == 1
    takes = Takes(catalog).listed(limit=1000)[0]
    assert sorted(one.utterance for one in takes) == sorted(read)
    assert len(takes) == 300
    told = Prompts(catalog).progress("digits")
    assert (told.takes, told.by_takes) == (sum(one.counts for one in takes), {0: 500 - told.takes, 1: told.takes})
    for one in {take.speaker for take in takes}:
        entities = [take.entity for take in takes if take.speaker == one and take.counts]
        assert len(entities) == len(set(entities))  # each entity once a speaker
