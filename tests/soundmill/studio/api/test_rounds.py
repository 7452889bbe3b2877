"""`/api/rounds`, as the page of a round asks it, by several people."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from soundmill.catalog import Accounts, Catalog, Rounds, RoundSession, open_catalog
from soundmill.studio.api.rounds import why_drawn
from tests.catalogs import sqlite_in
from tests.soundmill.catalog.test_rounds import NOON
from tests.soundmill.studio.running import studio

AT = "/api/rounds/owls"


def session(number: int, **values: object) -> RoundSession:
    start = NOON + timedelta(minutes=number)
    return RoundSession("owls", number, "garden", start, start + timedelta(minutes=1), **{"rule": "random", "wanted": 1, **values})  # type: ignore[arg-type]


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    catalog = open_catalog(sqlite_in(tmp_path))
    rounds = Rounds(catalog)
    rounds.define("owls", {"tags": ["owl"], "days": [str(NOON.date())], "shortest_seconds": 1.5})
    rounds.put("owls", [session(1), session(2)], "house/3")
    rounds.set_state("owls", "open")
    for name in ("ann", "bob"):
        Accounts(catalog).add(name, "three small owls sing", roles=["annotator"])
    return catalog


@pytest.fixture
def ann(catalog: Catalog, tmp_path: Path) -> Iterator[httpx.Client]:
    with studio(tmp_path) as client:
        client.post("/sign-in", data={"username": "ann", "password": "three small owls sing"})
        yield client


def test_a_session_is_drafted_handed_in_and_the_next_comes(ann: httpx.Client) -> None:
    task = ann.post(f"{AT}/claim").json()
    assert (task["number"], task["tags"], task["model"], task["why"]) == (1, ["owl"], "house/3", "drawn by chance")
    assert (task["end"] - task["start"], task["next"]) == (60_000, {"source": "garden", "start": task["end"], "end": task["end"] + 60_000})
    box = {"start": task["start"] + 1000, "end": task["start"] + 3000, "tag": "owl"}
    content = {"boxes": [box], "token": task["token"]}
    assert ann.put(f"{AT}/sessions/1/draft", json=content, headers={"if-match": "0"}).json()["version"] == 1
    assert ann.put(f"{AT}/sessions/1/draft", json=content, headers={"if-match": "0"}).status_code == 412
    again = ann.post(f"{AT}/claim").json()
    assert (again["number"], again["draft"]["version"], again["draft"]["labels"]["boxes"][0]["tag"]) == (1, 1, "owl")
    done = ann.post(f"{AT}/sessions/1", json=content).json()
    assert done == {"counts": True, "progress": {"sessions": 2, "done": 1, "held": 0, "adjudicate": 0, "mine": 1}}
    assert ann.post(f"{AT}/claim").json()["number"] == 2
    assert ann.get(f"{AT}/progress").json()["held"] == 1
    mine = ann.post(f"{AT}/claim?number=1").json()
    assert (mine["boxes"][0]["start"], mine["draft"]) == (box["start"], None)  # what was handed in can be looked at again


def test_nothing_tells_a_session_whose_answer_is_known_from_those_beside_it(ann: httpx.Client, catalog: Catalog) -> None:
    rounds = Rounds(catalog)
    rounds.set_state("owls", "new")
    rounds.put("owls", [session(1, rule="gold"), session(2, rule="margin", score=0.04)], "house/3")
    rounds.set_state("owls", "open")
    gold, other = (ann.post(f"{AT}/claim?number={number}").json() for number in (1, 2))
    told = {key for key in gold if gold[key] != other[key]}
    assert told == {"number", "start", "end", "held_until", "token", "next", "progress"}
    assert "gold" not in str(gold)


def test_two_people_are_given_two_sessions_and_the_late_one_is_told(ann: httpx.Client, catalog: Catalog) -> None:
    task = ann.post(f"{AT}/claim").json()
    with httpx.Client(base_url=ann.base_url) as bob:
        bob.post("/sign-in", data={"username": "bob", "password": "three small owls sing"})
        assert bob.post(f"{AT}/claim").json()["number"] == 2
        assert bob.post(f"{AT}/claim?number=1").json() is None  # it is ann's
        assert bob.post(f"{AT}/sessions/1", json={"boxes": [], "token": task["token"]}).status_code == 409
    late = NOON.replace(year=2040)
    other = Rounds(catalog).claim("owls", "cid", late)
    assert other is not None
    assert other.session.number == 1
    for version in ("0", "1"):  # a draft outlives its lease
        saved = ann.put(f"{AT}/sessions/1/draft", json={"boxes": [], "token": task["token"]}, headers={"if-match": version})
        assert saved.json()["version"] == int(version) + 1
    assert ann.post(f"{AT}/claim").json() is None  # nothing is left for now


def test_boxes_end_with_the_session_and_contradict_nothing(ann: httpx.Client, catalog: Catalog) -> None:
    task = ann.post(f"{AT}/claim").json()
    long = {"start": task["start"] - 9e5, "end": task["end"] + 9e5, "tag": "owl"}
    for wrong in ({"origin": "prediction"}, {"state": "kept"}, {"model_version": 10**30}):
        assert ann.post(f"{AT}/sessions/1", json={"boxes": [{**long, **wrong}], "token": task["token"]}).status_code == 400
    assert ann.post(f"{AT}/sessions/1", json={"boxes": [long], "token": task["token"]}).json()["counts"]
    (by,) = Rounds(catalog).submissions("owls").values()
    (box,) = by["ann"].boxes
    assert (box.start, box.end) == (NOON + timedelta(minutes=1), NOON + timedelta(minutes=2))


def test_skipping_needs_one_of_the_reasons(ann: httpx.Client) -> None:
    task = ann.post(f"{AT}/claim").json()
    assert ann.get("/api/rounds/skip-reasons").json()[0] == "bad audio"
    assert ann.post(f"{AT}/sessions/1/skip", json={"token": task["token"], "reason": "tired"}).status_code == 400
    assert ann.post(f"{AT}/sessions/1/skip", json={"token": task["token"], "reason": "unsure"}).status_code == 200
    assert ann.post(f"{AT}/claim").json()["number"] == 2


def test_without_a_person_nothing_is_told(ann: httpx.Client) -> None:
    with httpx.Client(base_url=ann.base_url) as nobody:
        assert nobody.post(f"{AT}/claim").status_code == 401


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"rule": "margin", "score": 0.04}, "0.04 apart"),
        ({"rule": "typical", "score": 0.25}, "25% of the sound"),
        ({"rule": "candidates", "score": 1.5}, "a margin of 1.50"),
        ({"rule": "audit", "probability": 0.02}, "heard nothing, to measure what it misses (2% of"),
        ({"rule": "random"}, "drawn by chance"),
    ],
)
def test_why_a_session_was_chosen_is_said_in_words(values: dict[str, object], says: str) -> None:
    assert says in why_drawn(session(1, **values))
