"""Accounts of the transcriber: signing up, logging in, leaving."""

from pathlib import Path

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
