"""Who may ask the transcriber, and how guessing is slowed down."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from tests.soundmill.studio.api.transcriber.clients import PASSWORD, ROWS, post, sign_up


def test_guessing_a_password_is_slowed_down_for_that_name(api: httpx.Client) -> None:
    sign_up(api)
    sign_up(api, "bob")

    def guess(name: str, password: str = "guess-guess") -> httpx.Response:
        return api.post("/transcriber/auth/token/login/", json={"username": name, "password": password})

    assert [guess("ann").status_code for _ in range(10)] == [400] * 10
    refused = guess("ann", PASSWORD)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 10
    assert guess("bob", PASSWORD).status_code == 200


def test_without_a_good_token_nothing_is_answered(api: httpx.Client) -> None:
    for headers in ({}, {"Authorization": "Token wrong"}, {"Authorization": "nonsense"}):
        for path in (ROWS, f"{ROWS}{'0' * 32}/", "/transcriber/auth/users/me/", "/transcriber/admin/recordings/"):
            answer = api.get(path, headers=headers)
            assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Token")
    assert api.get("/transcriber/admin/users/", headers=sign_up(api)).status_code == 403


def test_others_recordings_are_not_there(api: httpx.Client, strings: Path) -> None:
    ann, bob = sign_up(api), sign_up(api, "bob")
    place = f"{ROWS}{post(api, ann, strings / 'one_digit.wav').json()['uuid']}/"
    assert api.get(ROWS, headers=bob).json() == []
    for method, path in [("GET", ""), ("DELETE", ""), ("GET", "history/"), ("GET", "transcript/"), ("POST", "words/"), ("POST", "retry/")]:
        assert api.request(method, place + path, headers=bob).status_code == 404
    assert api.get(f"{ROWS}nonsense/", headers=bob).status_code == 404
    for method in ("PUT", "PATCH"):
        assert api.request(method, place, headers=ann).status_code == 405
    assert api.get(place, headers=ann).status_code == 200


def test_of_many_guesses_at_once_ten_are_looked_at(api: httpx.Client) -> None:
    who = sign_up(api)
    guess = {"username": "ann", "password": "guess-guess"}
    with ThreadPoolExecutor(30) as pool:
        codes = list(pool.map(lambda _: api.post("/transcriber/auth/token/login/", json=guess).status_code, range(30)))
    assert codes.count(400) == 10
    assert codes.count(429) == 20
    assert api.request("DELETE", "/transcriber/auth/users/me/", headers=who, json={"current_password": PASSWORD}).status_code == 429
