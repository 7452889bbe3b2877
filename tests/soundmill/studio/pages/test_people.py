"""The page of accounts."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from soundmill.catalog import Accounts, open_catalog
from soundmill.settings import Settings
from tests.soundmill.studio.running import studio

PASSWORD = "a sound nobody knows"


@pytest.fixture
def accounts(tmp_path: Path) -> Accounts:
    known = Accounts(open_catalog(Settings(home=tmp_path, _env_file=None).catalog_url))
    known.add("ann", PASSWORD, roles=["admin"])
    return known


@pytest.fixture
def admin(accounts: Accounts, tmp_path: Path) -> Iterator[httpx.Client]:
    with studio(tmp_path) as client:
        client.post("/sign-in", data={"username": "ann", "password": PASSWORD})
        yield client


def test_people_are_added_changed_and_removed(admin: httpx.Client, accounts: Accounts) -> None:
    added = admin.post("/people", data={"username": "bob", "password": PASSWORD, "roles": ["annotator", "speaker"]})
    assert added.status_code == 303
    bob = accounts.named("bob")
    assert bob is not None
    assert set(bob.roles) == {"annotator", "speaker"}
    assert "bob" in admin.get("/people").text
    admin.post("/people/roles", data={"username": "bob", "roles": ["engineer"]})
    assert accounts.named("bob").roles == ("engineer",)  # type: ignore[union-attr]
    admin.post("/people/password", data={"username": "bob", "password": "another sound altogether"})
    assert accounts.login("bob", "another sound altogether", "127.0.0.1")
    assert admin.post("/people/remove", data={"username": "bob", "confirm": "bo"}).status_code == 400
    assert accounts.named("bob") is not None
    assert admin.post("/people/remove", data={"username": "bob", "confirm": "bob"}).status_code == 303
    assert accounts.named("bob") is None


@pytest.mark.parametrize(
    ("path", "data", "says"),
    [
        ("/people", {"username": "ann", "password": PASSWORD, "roles": ["engineer"]}, "already"),
        ("/people", {"username": "bob", "password": "password", "roles": ["engineer"]}, "too common"),
        ("/people", {"username": "bob", "password": PASSWORD}, "role"),
        ("/people", {"username": "bob", "password": PASSWORD, "roles": ["king"]}, "king"),
        ("/people/roles", {"username": "ann", "roles": ["engineer"]}, "admin"),  # the last one
        ("/people/remove", {"username": "ann", "confirm": "ann"}, "another admin"),
    ],
)
def test_what_cannot_be_is_refused_on_the_page(admin: httpx.Client, accounts: Accounts, path: str, data: dict[str, str], says: str) -> None:
    answer = admin.post(path, data=data)
    assert answer.status_code == 400
    assert says in answer.text
    assert [(account.username, account.roles) for account in accounts.all()] == [("ann", ("admin",))]


def test_a_name_is_shown_as_text_whatever_it_holds(admin: httpx.Client) -> None:
    assert "<script>" not in admin.post("/people", data={"username": "<script>", "password": "x", "roles": ["client"]}).text
