"""Accounts of the transcriber: signing up, logging in, leaving."""

from pathlib import Path
from typing import Any

import httpx

from tests.soundmill.studio.api.transcriber.clients import PASSWORD, ROWS, log_in, post, sign_up
from tests.soundmill.studio.running import studio


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


def test_deleting_an_account_deletes_all_its_recordings(api: httpx.Client, strings: Path, tmp_path: Path) -> None:
    ann, bob = sign_up(api), sign_up(api, "bob")
    for who in (ann, ann, bob):
        post(api, who, strings / "one_digit.wav")
    api.request("DELETE", "/transcriber/auth/users/me/", headers=ann, json={"current_password": PASSWORD})
    assert len(list((tmp_path / "lake").rglob("*.wav"))) == 1
    assert len(api.get(ROWS, headers=bob).json()) == 1


def test_an_account_may_have_so_many_hours(tmp_path: Path, digits_model: Path, strings: Path) -> None:
    with studio(tmp_path, vosk_model=digits_model, transcriber_account_hours=0.001) as api:
        who = sign_up(api)
        first = post(api, who, strings / "all_ten.wav").json()
        assert "delete some of them first" in post(api, who, strings / "one_digit.wav").json()["audio_file"][0]
        api.delete(f"{ROWS}{first['uuid']}/", headers=who)
        assert post(api, who, strings / "one_digit.wav").status_code == 201


def test_accounts_have_the_routes_of_djoser(api: httpx.Client) -> None:
    who, _ = sign_up(api), sign_up(api, "bob")
    users = "/transcriber/auth/users/"

    def call(method: str, path: str, **fields: str) -> tuple[int, Any]:
        answer = api.request(method, users + path, headers=who, json=fields)
        return answer.status_code, answer.json() if answer.content else None

    _, me = call("GET", "me/")
    assert call("GET", "") == (200, [me])
    assert call("GET", f"{me['id']}/") == (200, me)
    assert call("GET", f"{me['id'] + 1}/")[0] == call("GET", "x/")[0] == 404
    for method, path, email in (("PUT", "me/", "a@b.example"), ("PATCH", f"{me['id']}/", "c@d.example")):
        assert call(method, path, email=email) == (200, {**me, "email": email})
    assert call("PATCH", "me/", email="nowhere") == (400, {"email": ["Enter a valid email address."]})
    required = ["This field is required."]
    assert call("POST", "set_password/") == (400, {"new_password": required, "current_password": required})
    assert call("POST", "set_password/", new_password="short1", current_password=PASSWORD)[1] == {
        "new_password": ["This password is too short. It must contain at least 8 characters."]
    }
    wrong = {"current_password": ["Invalid password."]}
    assert call("POST", "set_password/", new_password="other-horse-10", current_password="x") == (400, wrong)
    assert call("POST", "set_password/", new_password="other-horse-10", current_password=PASSWORD) == (204, None)
    assert call("POST", "set_username/", new_username="bob", current_password="other-horse-10") == (
        400, {"new_username": ["A user with that username already exists."]},
    )  # fmt: skip
    assert call("POST", "set_username/", new_username="anna", current_password="other-horse-10") == (204, None)
    assert call("GET", "me/")[1]["username"] == "anna"
    link = {"uid": "MQ", "token": "x"}
    no_user = {"uid": ["Invalid user id or user doesn't exist."]}
    for name in ("password", "username"):
        assert call("POST", f"reset_{name}/") == (400, {"email": required})
        assert call("POST", f"reset_{name}/", email="a@b.example") == (204, None)
        assert call("POST", f"reset_{name}_confirm/", **link) == (400, {f"new_{name}": required})
        assert call("POST", f"reset_{name}_confirm/", **link, **{f"new_{name}": "another-one-11"}) == (400, no_user)
    assert call("POST", "activation/", uid="MQ") == (400, {"token": required})
    assert call("POST", "activation/", **link) == (400, no_user)
    assert call("POST", "resend_activation/", email="a@b.example") == (400, None)
    assert call("DELETE", f"{me['id']}/", current_password="other-horse-10") == (204, None)


def test_what_is_missing_is_said_as_djoser_does(api: httpx.Client) -> None:
    required, refused = ["This field is required."], {"non_field_errors": ["Unable to log in with provided credentials."]}
    assert api.post("/transcriber/auth/users/", json={}).json() == {"username": required, "password": required}
    for given in ({}, {"username": "ann"}, {"password": PASSWORD}):
        answer = api.post("/transcriber/auth/token/login/", json=given)
        assert (answer.status_code, answer.json()) == (400, refused)


def test_routes_answer_with_and_without_a_slash(api: httpx.Client) -> None:
    sign_up(api)
    token = api.post("/transcriber/auth/token/login", json={"username": "ann", "password": PASSWORD})
    assert token.status_code == 200
    who = {"Authorization": f"Token {token.json()['auth_token']}"}
    for path in ("/transcriber", "/transcriber/auth/users/me", "/transcriber/api/v1/recordings", "/downloader", "/downloader/health/"):
        assert api.get(path, headers=who).status_code == 200
    assert api.get("/transcriber/api/v1", headers=who).json()["recordings"].endswith(ROWS)
