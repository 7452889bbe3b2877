"""A day's labels over HTTP: read, drafted, handed in."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest

from soundmill.catalog import Annotations, Labels, open_catalog
from tests.catalogs import sqlite_in
from tests.soundmill.studio.running import studio
from tests.soundmill.studio.signing_in import PASSWORD, accounts
from tests.soundmill.workflows.listening.recording import DAY, NOON

AT = NOON.timestamp() * 1000
BOX: dict[str, Any] = {"start": AT + 1000.125, "end": AT + 2500.5, "tag": "owl", "low": 300, "high": 900.5}
REJECTED = {
    "start": AT + 9000, "end": AT + 12_000, "tag": "fox", "origin": "prediction", "state": "rejected",
    "model": "yard", "model_version": 3, "score": 1.25,
}  # fmt: skip


@pytest.fixture
def client(tmp_path: Path) -> Iterator[httpx.Client]:
    sqlite_in(tmp_path)
    with studio(tmp_path) as client:
        yield client


def test_labels_that_are_handed_in_come_back_with_their_origin_and_count_as_annotations(client: httpx.Client, tmp_path: Path) -> None:
    before = client.get(f"/api/labels/mic/{DAY}").json()
    assert (before["boxes"], before["version"], before["draft"], before["annotator"]) == ([], 0, None, "local user")
    reviewed = [{"start": AT, "end": AT + 60_000, "tags": ["owl", "fox"]}]
    saved = client.post(f"/api/labels/mic/{DAY}", json={"boxes": [BOX, REJECTED], "reviewed": reviewed, "based_on": 0})
    assert (saved.status_code, saved.json()) == (200, {"version": 1, "changed": 1})
    after = client.get(f"/api/labels/mic/{DAY}").json()
    assert [{name: box[name] for name in BOX} for box in after["boxes"][:1]] == [BOX]
    assert {name: after["boxes"][1][name] for name in REJECTED} == REJECTED
    assert (after["reviewed"], after["tags"]) == (reviewed, ["owl"])
    catalog = open_catalog(sqlite_in(tmp_path))
    (annotation,) = Annotations(catalog).of_days(DAY, DAY)
    assert (annotation.tag, annotation.author, annotation.low_hz) == ("owl", "local user", 300)
    assert [box.tag for *_, box in Labels(catalog).rejected(DAY, DAY)] == ["fox"]
    assert client.get("/api/label-counts/mic").json() == {str(DAY): {"owl": 1}}
    assert client.get("/api/tags").json() == ["owl"]
    catalog.close()


def test_what_is_handed_in_again_takes_the_place_of_what_was_and_the_history_stays(client: httpx.Client, tmp_path: Path) -> None:
    client.post(f"/api/labels/mic/{DAY}", json={"boxes": [BOX], "based_on": 0})
    second = client.post(f"/api/labels/mic/{DAY}", json={"boxes": [{**BOX, "tag": "fox"}], "based_on": 1}).json()
    assert second == {"version": 2, "changed": 2}
    assert [box["tag"] for box in client.get(f"/api/labels/mic/{DAY}").json()["boxes"]] == ["fox"]
    catalog = open_catalog(sqlite_in(tmp_path))
    assert [len(one.boxes) for one in Labels(catalog).history("local user", "mic")] == [1, 1]
    catalog.close()


def test_labels_that_were_handed_in_elsewhere_meanwhile_are_not_overwritten(client: httpx.Client) -> None:
    client.post(f"/api/labels/mic/{DAY}", json={"boxes": [BOX], "based_on": 0})
    stale = client.post(f"/api/labels/mic/{DAY}", json={"boxes": [], "based_on": 0})
    assert stale.status_code == 412
    assert len(client.get(f"/api/labels/mic/{DAY}").json()["boxes"]) == 1
    same = client.post(f"/api/labels/mic/{DAY}", json={"boxes": [BOX], "based_on": 0})  # as when the answer got lost
    assert (same.status_code, same.json()["version"]) == (200, 1)


def test_a_draft_survives_and_goes_when_its_labels_are_handed_in(client: httpx.Client) -> None:
    place, content = f"/api/drafts/mic/{DAY}", {"boxes": [BOX], "reviewed": [], "based_on": 0}
    assert client.put(place, json=content).json()["version"] == 1
    assert client.put(place, json=content, headers={"if-match": "0"}).status_code == 412
    assert client.put(place, json=content, headers={"if-match": "1"}).json()["version"] == 2
    draft = client.get(f"/api/labels/mic/{DAY}").json()["draft"]
    assert (draft["version"], draft["labels"]["boxes"][0]["tag"]) == (2, "owl")
    client.post(f"/api/labels/mic/{DAY}", json=content)
    assert client.get(f"/api/labels/mic/{DAY}").json()["draft"] is None
    client.put(place, json=content)
    assert client.delete(place).status_code == 204
    assert client.get(f"/api/labels/mic/{DAY}").json()["draft"] is None


IMPOSSIBLE = [
    {**BOX, "tag": "no\nline"},
    {**BOX, "end": BOX["start"] - 1},
    {**BOX, "low": 900, "high": 300},
    {**BOX, "start": AT - 86_400_000, "end": AT - 86_399_000},
    {**BOX, "state": "perhaps"},
    {**BOX, "start": "noon"},
    {**BOX, "start": 1e300},
]


def test_a_label_that_cannot_be_is_refused_by_name_and_nothing_is_stored(client: httpx.Client) -> None:
    for box in IMPOSSIBLE:
        answer = client.post(f"/api/labels/mic/{DAY}", json={"boxes": [BOX, box], "based_on": 0})
        assert answer.status_code == 400, box
        assert isinstance(answer.json()["detail"], str)
    assert client.get(f"/api/labels/mic/{DAY}").json()["boxes"] == []


def test_people_see_each_other_s_labels_and_change_their_own(tmp_path: Path) -> None:
    known = accounts(tmp_path)
    for name, role in (("ann", "annotator"), ("eve", "engineer"), ("cli", "client")):
        known.add(name, PASSWORD, roles=[role])
    with studio(tmp_path) as client:
        place = f"/api/labels/mic/{DAY}"
        assert client.get(place).status_code == 401
        assert client.get(place, auth=("cli", PASSWORD)).status_code == 403
        client.post(place, json={"boxes": [BOX]}, auth=("ann", PASSWORD))
        found = client.get(place, auth=("eve", PASSWORD)).json()
        assert (found["boxes"], [(one["author"], one["tag"]) for one in found["others"]]) == ([], [("ann", "owl")])
        client.post(place, json={"boxes": []}, auth=("eve", PASSWORD))
        assert len(client.get(place, auth=("ann", PASSWORD)).json()["boxes"]) == 1


def test_without_a_model_nothing_is_predicted_and_an_unknown_one_is_a_404(client: httpx.Client) -> None:
    span = f"from={AT}&to={AT + 1000}"
    assert client.get("/api/models").json() == []
    assert client.get(f"/api/predictions/mic?{span}").json() == []
    assert client.get(f"/api/predictions/mic?{span}&model=owls/7").status_code == 404
    assert client.get(f"/api/predictions/mic?from={AT}&to={AT + 1e9}").status_code == 400
    assert client.get(f"/api/levels/mic/{date(2026, 1, 5)}").json() == {"start": [], "max_amp": []}
