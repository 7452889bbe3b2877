"""A client of the transcriber: signing up, logging in, sending a recording."""

from pathlib import Path
from typing import Any

import httpx

PASSWORD = "correct-horse-9"
ROWS = "/transcriber/api/v1/recordings/"
TWO_PAUSES = "three one four one five nine"


def sign_up(api: httpx.Client, name: str = "ann") -> dict[str, str]:
    """Headers of a new account."""
    assert api.post("/transcriber/auth/users/", json={"username": name, "password": PASSWORD}).status_code == 201
    return log_in(api, name)


def log_in(api: httpx.Client, name: str = "ann") -> dict[str, str]:
    answer = api.post("/transcriber/auth/token/login/", data={"username": name, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Token {answer.json()['auth_token']}"}


def post(
    api: httpx.Client, who: dict[str, str], sound: bytes | Path, query: str = "", headers: dict[str, str] | None = None, **fields: Any
) -> httpx.Response:
    content = sound if isinstance(sound, bytes) else sound.read_bytes()
    form = {"name": "Numbers", **fields}
    return api.post(ROWS + query, headers={**who, **(headers or {})}, data=form, files={"audio_file": ("sound.bin", content)})
