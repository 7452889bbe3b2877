"""Accounts of a studio, and signing in."""

from pathlib import Path

import httpx

from soundmill.catalog import Accounts, open_catalog
from soundmill.settings import Settings

PASSWORD = "a sound nobody knows"
PAGE = {"accept": "text/html"}


def accounts(folder: Path) -> Accounts:
    return Accounts(open_catalog(Settings(home=folder, _env_file=None).catalog_url))


def sign_in(client: httpx.Client, username: str, password: str = PASSWORD) -> httpx.Response:
    return client.post("/sign-in", data={"username": username, "password": password})
