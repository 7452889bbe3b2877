"""Who may open what: nobody signs in on this machine alone; with people there are sessions, roles and tokens."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import update

from soundmill.catalog import open_catalog
from soundmill.catalog.schema import AccountSessionRow
from soundmill.settings import Settings
from soundmill.studio.auth import is_loopback
from tests.soundmill.studio.running import studio
from tests.soundmill.studio.signing_in import PAGE, PASSWORD, accounts, sign_in


def test_on_this_machine_alone_nobody_signs_in(tmp_path: Path) -> None:
    with studio(tmp_path) as client:
        page = client.get("/people", headers=PAGE)
        assert page.status_code == 200
        assert "local user" in page.text


def test_a_request_under_another_name_is_not_the_local_user_s(tmp_path: Path) -> None:
    with studio(tmp_path) as client:  # as a page would that points its own name at this machine
        for path in ("/people", "/", "/downloader/statistics", "/capture/stations"):
            assert client.get(path, headers={"host": "evil.example", "accept": "application/json"}).status_code == 421, path


def test_clients_of_the_transcriber_lock_nobody_out(tmp_path: Path) -> None:
    accounts(tmp_path).add("somebody", PASSWORD, roles=["client"])
    with studio(tmp_path) as client:
        assert client.get("/", headers=PAGE).status_code == 200


@pytest.mark.parametrize(
    ("role", "pages"),
    [
        ("admin", {"/": 200, "/recordings": 200, "/people": 200}),
        ("engineer", {"/": 200, "/recordings": 200, "/people": 403}),
        ("speaker", {"/": 403, "/recordings": 403, "/people": 403}),
    ],
)
def test_a_role_opens_its_pages_and_no_others(people: httpx.Client, role: str, pages: dict[str, int]) -> None:
    sign_in(people, f"the_{role}")
    assert {page: people.get(page, headers=PAGE).status_code for page in pages} == pages


def test_who_lacks_a_role_reads_so_on_a_page_and_can_sign_out(people: httpx.Client) -> None:
    sign_in(people, "the_speaker")
    page = people.get("/people", headers=PAGE).text
    assert "It is for admin. You are signed in as the_speaker: speaker." in page
    assert "/sign-out" in page
    assert people.get("/people").json() == {"detail": "this page is for admin; you are speaker"}


def test_a_session_ends_after_an_hour_without_a_request(people: httpx.Client, tmp_path: Path) -> None:
    sign_in(people, "the_engineer")
    catalog = open_catalog(Settings(home=tmp_path, _env_file=None).catalog_url)
    for minutes, status in ((59, 200), (61, 303)):
        with catalog.writing() as session:
            session.execute(update(AccountSessionRow).values(seen_at=datetime.now(UTC) - timedelta(minutes=minutes)))
        assert people.get("/", headers=PAGE).status_code == status


def test_an_engineer_s_token_opens_the_apis_and_a_client_s_does_not(people: httpx.Client, tmp_path: Path) -> None:
    known = accounts(tmp_path)
    for role, status in (("engineer", 200), ("admin", 200), ("client", 401)):
        token = known.login(f"the_{role}", PASSWORD, "127.0.0.1")
        assert people.get("/downloader/storage/info", headers={"authorization": f"Bearer {token}"}).status_code == status
    assert people.get("/downloader/storage/info").status_code == 401


@pytest.mark.parametrize(
    ("host", "is_ours"),
    [
        ("localhost", True),
        ("LOCALHOST.", True),
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("[::1]", True),
        ("0.0.0.0", False),
        ("192.168.1.2", False),
        ("localhost.evil.example", False),
        ("", False),
    ],
)
def test_what_counts_as_this_machine_alone(host: str, is_ours: bool) -> None:
    assert is_loopback(host) is is_ours
