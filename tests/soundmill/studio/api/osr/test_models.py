"""Models as the original's builder makes them, what they detect, the switch, and who may."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from soundmill.catalog import Accounts, ModelRegistry, open_catalog
from soundmill.osr.detections import DETECTIONS
from soundmill.studio.api.osr.words import written
from tests.catalogs import sqlite_in
from tests.home import DAYS, Home
from tests.soundmill.studio.api.osr.client import Client, osr

UTC = ZoneInfo("UTC")
PASSWORD = "a long one that nobody guesses"


@pytest.fixture
def client(built_home: Home, tmp_path: Path) -> Iterator[Client]:
    with osr(built_home, tmp_path) as client:
        yield client


def wanted(name: str = "", model_id: str = "", tags: list[str] | None = None, **days: str) -> dict[str, object]:
    uses = {str(DAYS[int(place[1:])]): use for place, use in days.items()}
    return {"days": uses, "tags": tags, "model_id": model_id, "model_name": name}


def test_a_model_is_fitted_tested_chosen_and_deleted(client: Client, built_home: Home) -> None:
    fitted = client.asked("/trainer/model/fit", wanted("the two", tags=["doorbell", "kettle"], d0="R", d1="Br", d2="E"))["modelId"]
    assert len(fitted) == 13
    info = client("/trainer/modelInfo")
    assert info == client.http.get("/osr/trainer/modelInfo").json()
    assert info[fitted]["model_name"] == "the-two"
    assert (info[fitted]["days_train"], info[fitted]["days_bg"]) == ([str(DAYS[0])], [str(DAYS[1])])
    assert info[fitted]["tags"] == ["doorbell", "kettle"]
    again = client.asked("/trainer/model/fit", wanted("other name", tags=["kettle", "doorbell"], d0="R", d1="Br"))["modelId"]
    assert again == fitted  # the same days and tags are the same model
    found = client.asked("/trainer/model/predict", wanted(model_id=fitted, d1="Be", d2="E"))
    assert found["tagsTrain"] == ["doorbell", "kettle", "other"]
    assert found["tagsTest"] == ["doorbell", "kettle", "knocking", "other"]
    assert [len(row) for row in found["confMat"]] == [4, 4, 4]
    right = found["confMat"][0][0] + found["confMat"][1][1] + found["confMat"][2][2] + found["confMat"][2][3]
    assert right > 0.8 * sum(map(sum, found["confMat"]))
    assert client(f"/detector/set/2025-01-01_00:00:00.000/{fitted}/null") is None
    champion = ModelRegistry(built_home.catalog).champion()
    assert champion is not None
    assert champion.name == "the-two"
    assert client.asked("/trainer/model/delete", {"model_id": fitted}) == {}
    assert fitted not in client("/trainer/modelInfo")
    assert client.asked("/trainer/model/delete", {"model_id": fitted}) == {}


def test_what_cannot_be_fitted_or_tested_is_one_line_and_leaves_no_name(client: Client, built_home: Home) -> None:
    before = set(ModelRegistry(built_home.catalog).specs())
    assert "marked R" in client.asked("/trainer/model/fit", wanted("none", d0="E"), 400)["detail"]
    assert "no day holds" in client.asked("/trainer/model/fit", wanted("none", tags=["whale"], d0="R"), 400)["detail"]
    assert "one of" in client.asked("/trainer/model/fit", wanted("none", d0="X"), 400)["detail"]
    assert "name" in client.asked("/trainer/model/fit", wanted("!", d0="R"), 400)["detail"]
    assert "keys" in client.asked("/trainer/model/fit", {"days": {}}, 400)["detail"]
    assert "JSON" in client("/trainer/model/fit/%7B", 400)["detail"]
    known = next(iter(client("/trainer/modelInfo")))
    assert "E or Be" in client.asked("/trainer/model/predict", wanted(model_id=known, d0="R"), 400)["detail"]
    assert client.asked("/trainer/model/predict", wanted(model_id="1" * 13, d0="E"), 404)
    assert "13 digits" in client.asked("/trainer/model/delete", {"model_id": "7"}, 400)["detail"]
    assert set(ModelRegistry(built_home.catalog).specs()) == before


def test_detections_are_those_of_the_champion_in_the_six_hours_before(client: Client, built_home: Home) -> None:
    rows = sorted(built_home.lake.read_days(DETECTIONS, [DAYS[0]]).to_pylist(), key=lambda row: row["started_at"])
    end = rows[-1]["started_at"] + timedelta(seconds=rows[-1]["seconds"])
    found = client(f"/detector/get/{written(end + timedelta(seconds=1), UTC).replace(' ', '_')}")
    assert [row["tag"] for row in found] == [row["tag"] for row in rows if row["started_at"] > end - timedelta(hours=6)]
    assert all(row["max_amp"] > 0 for row in found)
    assert client("/detector/get/2020-01-01_00:00:00.000") == []
    assert client(f"/detector/set/2025-01-01_00:00:00.000/{'1' * 13}/5", 404)
    assert client(f"/detector/set/2025-01-01_00:00:00.000/{'1' * 13}/soon", 400)


def test_the_capture_is_turned_on_and_off(client: Client) -> None:
    assert client("/dataCapture/get") == {"capture_state": False}
    assert client("/dataCapture/set/true") == {"capture_state": True}
    assert client("/dataCapture/get") == client.http.get("/capture/state").json() == {"capture_state": True}
    assert client("/dataCapture/set/maybe", 400)


def test_without_a_session_there_is_the_sign_in_page_or_json_and_with_one_everything(built_home: Home, tmp_path: Path) -> None:
    catalog = open_catalog(sqlite_in(tmp_path / "built"))
    Accounts(catalog).add("ann", PASSWORD, roles=["annotator"])
    catalog.close()
    with osr(built_home, tmp_path) as client:
        http = client.http
        assert client("/raw/allDays", 401) == {"detail": "sign in first"}
        page = http.post("/osr/raw/allDays", headers={"accept": "text/html"})
        assert (page.status_code, 'name="password"' in page.text) == (401, True)
        wrong = http.post("/osr/dashboard", data={"username": "ann", "password": "guess"})
        assert (wrong.status_code, 'name="password"' in wrong.text) == (401, True)
        signed = http.post("/osr/dashboard", data={"username": "ann", "password": PASSWORD})
        assert (signed.status_code, signed.headers["content-type"].split(";")[0]) == (200, "text/html")
        assert client("/raw/allDays") == [str(day) for day in DAYS]
        assert http.get("/osr/annotator").headers["location"] == "/annotate"
        assert client("/dataCapture/set/true", 403)  # that is for engineers
        http.get("/osr/logout")
        assert client("/raw/allDays", 401)
