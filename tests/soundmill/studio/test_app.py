"""The application as a whole."""

import re
from pathlib import Path

import httpx
from fastapi.testclient import TestClient

from soundmill.settings import Settings
from soundmill.studio.app import create_app


def test_the_description_knows_no_422(client: httpx.Client) -> None:
    described = client.get("/openapi.json").json()
    responses = {code for path in described["paths"].values() for operation in path.values() for code in operation["responses"]}
    assert "422" not in responses
    assert "/downloader/download/dual" in described["paths"]
    page = client.get("/docs").text
    for source in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert source.startswith("/"), source  # nothing from the internet
        assert client.get(source).status_code == 200


def test_bad_input_is_a_400_in_the_shape_of_its_api(client: httpx.Client) -> None:
    answer = client.post("/downloader/download/single", data={})
    assert (answer.status_code, set(answer.json())) == (400, {"detail"})
    assert "conversation_id" in answer.json()["detail"]
    account = client.post("/transcriber/auth/users/", json={"username": "ann"})
    assert (account.status_code, account.json()) == (400, {"password": ["This field is required."]})


def test_documentation_and_style_come_from_this_machine(client: httpx.Client) -> None:
    page = client.get("/docs").text
    assert "cdn." not in page
    sheet = client.get("/sign-in").text.split('rel="stylesheet" href="')[1].split('"')[0]
    assert client.get(sheet).headers["content-type"].startswith("text/css")


def test_browsers_find_the_icon_where_they_look_for_it(client: httpx.Client) -> None:
    assert client.get("/favicon.ico", follow_redirects=True).headers["content-type"].startswith("image/svg")


def test_two_applications_on_one_home_close_what_they_opened(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, _env_file=None)  # type: ignore[call-arg]
    for _ in range(2):
        with TestClient(create_app(settings)) as client:
            assert client.get("/downloader/health").json()["status"] == "healthy"
