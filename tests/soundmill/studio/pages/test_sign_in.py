"""The sign-in page: where it leads, and the session that it opens."""

import base64
from pathlib import Path

import httpx
import pytest

from soundmill.studio.auth import COOKIE
from tests.soundmill.studio.running import studio
from tests.soundmill.studio.signing_in import PAGE, PASSWORD, sign_in


def test_with_people_a_browser_is_led_to_the_sign_in_page_and_back(people: httpx.Client) -> None:
    answer = people.get("/recordings?state=failed", headers=PAGE)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2Frecordings%3Fstate%3Dfailed")
    assert people.get("/recordings").status_code == 401
    data = {"username": "the_engineer", "password": PASSWORD, "next": "/recordings?state=failed"}
    assert people.post("/sign-in", data=data).headers["location"] == "/recordings?state=failed"
    assert people.get("/recordings", headers=PAGE).status_code == 200


@pytest.mark.parametrize(
    "where", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/\nSet-Cookie: a=b"]
)
def test_signing_in_leads_nowhere_else(people: httpx.Client, where: str) -> None:
    answer = people.post("/sign-in", data={"username": "the_engineer", "password": PASSWORD, "next": where})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_the_cookie_is_out_of_a_script_s_reach_and_not_sent_from_other_sites(people: httpx.Client) -> None:
    cookie = sign_in(people, "the_engineer").headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie


def test_signing_out_ends_the_session_on_the_server(people: httpx.Client) -> None:
    sign_in(people, "the_engineer")
    cookie = people.cookies[COOKIE]
    assert people.post("/sign-out").headers["location"] == "/sign-in"
    assert people.get("/", headers={**PAGE, "cookie": f"{COOKIE}={cookie}"}).status_code == 303


def test_the_studio_s_password_signs_in_without_a_name_and_guesses_are_limited(tmp_path: Path) -> None:
    with studio(tmp_path, studio_password="open sesame please") as client:
        assert client.get("/", headers=PAGE).status_code == 303
        assert client.get("/", auth=("", "open sesame please")).status_code == 200  # as programs do
        assert sign_in(client, "", "open sesame please").status_code == 303
        assert client.get("/people", headers=PAGE).status_code == 200
        client.cookies.clear()
        answers = [sign_in(client, "", "wrong").status_code for _ in range(12)]
        assert answers[0] == 401
        assert answers[-1] == 429
        assert client.get("/", auth=("", "open sesame please")).status_code == 429


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_a_password_may_hold_any_letters(tmp_path: Path, encoding: str) -> None:
    with studio(tmp_path, studio_password="pässwörd-1") as client:
        header = base64.b64encode("x:pässwörd-1".encode(encoding)).decode()
        assert client.get("/recordings", headers={"authorization": f"Basic {header}"}).status_code == 200
        for wrong in ("x:passwort", "no colon"):
            header = base64.b64encode(wrong.encode()).decode()
            assert client.get("/recordings", headers={"authorization": f"Basic {header}"}).status_code == 401
        assert client.get("/recordings", headers={"authorization": "Basic !!!"}).status_code == 401
        assert sign_in(client, "", "pässwörd-1").status_code == 303
