"""What the pages of models ask, over HTTP: definitions, checks, reports, tests, tries; who may; and refusals that say what to do."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import soundfile as sf

from soundmill.catalog import Accounts, Annotations, ModelRegistry
from soundmill.options import TrainingOptions
from soundmill.workflows.training import train_model
from tests.home import DAYS, Home
from tests.soundmill.studio.running import studio
from tests.soundmill.studio.signing_in import PASSWORD, sign_in

ISO = [day.isoformat() for day in DAYS]
SPEC = {"tags": ["doorbell", "kettle"], "train_days": ISO[:2], "test_days": ISO[2:]}


@pytest.fixture
def client(built_home: Home, tmp_path: Path) -> Iterator[httpx.Client]:
    with studio(tmp_path / "built", start_date=DAYS[0]) as client:
        yield client


def refused(answer: httpx.Response, code: int) -> str:
    assert answer.status_code == code, answer.text
    detail = str(answer.json()["detail"])
    assert "\n" not in detail
    return detail


def test_a_model_is_defined_changed_by_one_at_a_time_and_deleted(client: httpx.Client) -> None:
    assert client.post("/api/training/check", json={"spec": SPEC, "copies": True}).json()["refused"] is False
    made = client.put("/api/training/models/two", json={"spec": SPEC})
    assert made.status_code == 200, made.text
    assert "another model is called 'two'" in refused(client.put("/api/training/models/two", json={"spec": SPEC}), 400)
    changed = {"spec": {**SPEC, "tags": ["kettle"]}, "defined_at": made.json()["defined_at"]}
    assert client.put("/api/training/models/two", json=changed).json()["spec"]["tags"] == ["kettle"]
    assert "was changed meanwhile" in refused(client.put("/api/training/models/two", json=changed), 409)
    names = [one["name"] for one in client.get("/api/training/models").json()]
    assert names == ["house", "two"]
    (waiting,) = (one for one in client.get("/api/training/requests").json()["requests"] if one["model"] == "two")
    assert waiting["state"] == "waiting"
    assert client.delete("/api/training/models/two").status_code == 204
    refused(client.delete("/api/training/models/two"), 404)
    refused(client.get("/api/training/models/two"), 404)


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"train_days": "2025-01-01"}, "train_days"),
        ({"train_days": ISO, "test_days": ISO}, "would both train and test"),
        ({"tags": [["kettle"]]}, "tags"),
        ({"tags": ["kettel"]}, "did you mean 'kettle'"),
        ({"wings": 2}, "wings"),
        ({"extractor": "yamnet"}, "SOUNDMILL_EXTRACTORS"),
        ({"least_recall": "high"}, "least_recall"),
        ({"threshold_offsets": {"kettle": 1e9}}, "threshold_offsets"),
        ({"seed": 10**30}, "seed"),
    ],
)
def test_a_definition_that_cannot_be_is_refused_with_its_reason(client: httpx.Client, spec: dict[str, object], why: str) -> None:
    assert why in refused(client.put("/api/training/models/odd", json={"spec": spec}), 400)
    checked = client.post("/api/training/check", json={"spec": spec})
    assert checked.status_code == 200  # a check says it, and refuses nothing itself
    assert "cannot name a model" in refused(client.put("/api/training/models/a%20b", json={"spec": SPEC}), 400)


def test_numbers_without_end_are_refused_and_stored_nowhere(client: httpx.Client) -> None:
    body = '{"spec": {"regularisation": Infinity, "least_dbfs": -Infinity}}'
    answer = client.put("/api/training/models/odd", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert [one["name"] for one in client.get("/api/training/models").json()] == ["house"]


def test_days_and_a_split_are_suggested(client: httpx.Client) -> None:
    days = client.get("/api/training/days").json()
    assert [one["day"] for one in days] == ISO
    assert days[0]["tags"] == {"doorbell": 4, "kettle": 4, "knocking": 4}
    assert client.get("/api/training/days", params={"source": "nowhere"}).json() == []
    refused(client.get("/api/training/days", params={"from": "2025-01-03", "to": "2025-01-01"}), 400)
    split = client.post("/api/training/suggest", json={"spec": {"tags": ["kettle"]}}).json()
    assert sorted([*split["train_days"], *split["test_days"]]) == ISO
    assert "no sound of whale is labelled" in refused(client.post("/api/training/suggest", json={"spec": {"tags": ["whale"]}}), 400)


def test_a_report_holds_what_the_page_shows_and_the_original_sees_the_same(client: httpx.Client) -> None:
    report = client.get("/api/training/models/house/1/report").json()
    assert (report["champion"], report["current"], report["kept"]) == (True, True, True)
    confusion, rows, columns = (report["evaluation"][name] for name in ("confusion", "rows", "columns"))
    (old_id,) = client.get("/osr/trainer/modelInfo").json()
    asked = {"days": {ISO[2]: "E"}, "tags": None, "model_id": old_id, "model_name": ""}
    found = client.post(f"/osr/trainer/model/predict/{json.dumps(asked)}").json()
    assert found["tagsTrain"] == rows
    tagged = [columns.index(name) for name in found["tagsTest"]]
    assert [[row[at] for at in tagged] for row in confusion] == found["confMat"]
    settings = client.get("/api/training/settings").json()
    assert settings["sources"] == ["mic"]
    assert {one["name"] for one in settings["settings"]} >= {"extractor", "least_recall", "time_of_day"}
    assert all(one["about"] for one in settings["settings"])
    refused(client.get("/api/training/models/house/7/report"), 404)
    refused(client.get("/api/training/models/nobody/1/report"), 404)


def test_a_version_is_tested_on_other_days_but_not_on_its_own(client: httpx.Client) -> None:
    tested = client.post("/api/training/models/house/1/test", json={"days": ISO[2:]}).json()
    assert tested["evaluation"]["confusion"] == client.get("/api/training/models/house/1/report").json()["evaluation"]["confusion"]
    assert "house 1 was trained on" in refused(client.post("/api/training/models/house/1/test", json={"days": ISO[:1]}), 400)
    assert "no day to test on" in refused(client.post("/api/training/models/house/1/test", json={"days": []}), 400)


def test_versions_are_compared_promoted_and_their_thresholds_moved(client: httpx.Client, built_home: Home) -> None:
    built_home.define("two", tags=("doorbell", "kettle"), train_days=DAYS[:2], test_days=DAYS[2:])
    train_model(built_home.lake, built_home.catalog, "two", TrainingOptions())
    compared = client.get("/api/training/compare", params={"first": "house/1", "second": "two/1"}).json()
    assert compared["test_days"] == ISO[2:]
    assert {one["true"] for one in compared["differ"]} == {"knocking"}
    assert "no model version 'two/9'" in refused(client.get("/api/training/compare", params={"first": "house/1", "second": "two/9"}), 404)
    refused(client.get("/api/training/compare", params={"first": "", "second": "two/1"}), 404)
    assert "has not been evaluated" in refused(client.get("/api/training/models/two/1/report"), 404)
    for version, because in ((1, ""), (1, "  "), (0, "why not"), (10**20, "why not")):
        refused(client.post(f"/api/training/models/two/{version}/promote", json={"because": because}), 400)
    assert client.post("/api/training/models/two/1/promote", json={"because": "it is simpler"}).status_code == 204
    champion = ModelRegistry(built_home.catalog).champion()
    assert champion is not None
    assert (champion.name, champion.promoted_because) == ("two", "it is simpler (local user)")
    moved = client.put("/api/training/models/two/1/thresholds", json={"offsets": {"kettle": 0.5}})
    assert moved.json()["spec"]["threshold_offsets"] == {"kettle": 0.5}
    assert "defined anew" in refused(client.put("/api/training/models/two/1/thresholds", json={"offsets": {"kettle": 0.5}}), 400)


def test_a_group_of_new_sounds_is_labelled_by_who_asks(client: httpx.Client, built_home: Home) -> None:
    sounds = [one for one in client.get("/api/training/models/house/1/report").json()["sounds"] if one["true"] == "other"][:4]
    groups = [{"rank": 1, "sounds": 4, "novelty": 1.0, "nearest": "kettle", "compactness": 0.5, "members": sounds}]
    built_home.lake.write_bytes("reports/house/1/new_sounds.json", json.dumps(groups).encode())
    path = "/api/training/models/house/1/new-sounds"
    assert client.post(f"{path}/1/tag", json={"tag": " drip ", "keys": [sounds[0]["key"]]}).json() == {"labels": 1}
    assert client.post(f"{path}/1/tag", json={"tag": "drip"}).json() == {"labels": 3}
    (author,) = {one.author for one in Annotations(built_home.catalog).of_days(DAYS[2], DAYS[2]) if one.tag == "drip"}
    assert author == "local user"
    assert "no group 9" in refused(client.post(f"{path}/9/tag", json={"tag": "drip"}), 400)
    assert "is no tag" in refused(client.post(f"{path}/1/tag", json={"tag": "<b>"}), 400)


def test_the_champion_hears_a_file_that_is_kept_nowhere(client: httpx.Client, built_home: Home, tmp_path: Path) -> None:
    from soundmill.scene import RATE, kettle

    before = built_home.stored("audio", "landing", "tables")
    sound = np.concatenate([kettle(np.random.default_rng(3)), np.zeros(6 * RATE, np.float32)])
    sf.write(tmp_path / "tried.flac", sound, RATE)
    tried = client.post("/api/training/try", files={"audio": ("tried.flac", (tmp_path / "tried.flac").read_bytes())}).json()
    assert (tried["model"], tried["version"]) == ("house", 1)
    assert "kettle" in {one["tag"] for one in tried["verdicts"]}
    assert tried["verdicts"][-1]["silent"]
    assert set(tried["verdicts"][0]["margins"]) == {"doorbell", "kettle", "knocking"}
    assert tried["events"][0]["tag"] == "kettle"
    assert [one["start"] for one in tried["verdicts"]][:2] == [0.0, pytest.approx(3.001, abs=0.01)]
    assert built_home.stored("audio", "landing", "tables") == before
    assert refused(client.post("/api/training/try", files={"audio": ("text.wav", b"no sound at all")}), 400)


def test_without_a_champion_a_try_says_so(tmp_path: Path) -> None:
    with studio(tmp_path / "empty") as client:
        assert "there is no champion" in refused(client.post("/api/training/try", files={"audio": ("a.wav", b"x")}), 404)
        assert client.get("/api/training/models").json() == []


def test_annotators_look_and_engineers_decide(built_home: Home, tmp_path: Path) -> None:
    accounts = Accounts(built_home.catalog)
    for role in ("annotator", "engineer", "speaker"):
        accounts.add(f"the_{role}", PASSWORD, roles=[role])
    with studio(tmp_path / "built") as client:
        refused(client.get("/api/training/models"), 401)
        sign_in(client, "the_annotator")
        assert client.get("/api/training/models/house/1/report").status_code == 200
        assert client.post("/api/training/check", json={"spec": SPEC}).status_code == 200
        for method, path, body in (
            ("PUT", "/api/training/models/mine", {"spec": SPEC}),
            ("DELETE", "/api/training/models/house", None),
            ("POST", "/api/training/models/house/1/promote", {"because": "mine"}),
            ("PUT", "/api/training/models/house/1/thresholds", {"offsets": {"kettle": 1.0}}),
        ):
            refused(client.request(method, path, json=body), 403)
        client.cookies.clear()
        sign_in(client, "the_speaker")
        refused(client.get("/api/training/models"), 403)
