"""What every request passes: its origin, and the size of its body."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.soundmill.studio.running import studio


@pytest.fixture
def client(tmp_path: Path) -> Iterator[httpx.Client]:
    with studio(tmp_path, studio_origins="https://sound.example") as client:
        yield client


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 303),  # a program
        ({"sec-fetch-site": "same-origin"}, 303),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "https://sound.example"}, 303),  # the proxy that the settings name
    ],
)
def test_what_another_site_s_page_sends_is_refused(client: httpx.Client, headers: dict[str, str], status: int) -> None:
    assert client.post("/sign-out", headers=headers).status_code == status


def test_the_studio_s_own_pages_are_not_refused(client: httpx.Client) -> None:
    assert client.post("/sign-out", headers={"origin": str(client.base_url).rstrip("/")}).status_code == 303


ASKS = {"access-control-request-method": "POST", "access-control-request-headers": "content-type"}


@pytest.mark.parametrize("origin", ["http://localhost:5500", "http://127.0.0.1:9000", "https://sound.example"])
def test_an_original_s_own_page_may_be_served_from_elsewhere_on_this_machine_or_where_the_settings_say(
    client: httpx.Client, origin: str
) -> None:
    asked = client.options("/podcast/submit/session/owls/1", headers={"origin": origin, **ASKS})
    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (200, origin)
    told = client.get("/podcast/fetch/session/owls", headers={"origin": origin})
    assert (told.status_code, told.headers["access-control-allow-origin"]) == (400, origin)  # a page reads what is refused, too
    assert client.post("/podcast/submit/session/owls/1", json={}, headers={"origin": origin}).status_code == 400
    if "sound.example" not in origin:
        assert client.post("/sign-out", headers={"origin": origin}).status_code == 403  # of nothing else


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://evil.example", ""),
        ("null", ""),
        ("http://[", ""),
        ("http://localhost.evil.example", ""),
        ("http://localhost:1", "sound.example"),
    ],
)
def test_no_other_page_asks_an_original_s_api(client: httpx.Client, origin: str, host: str) -> None:
    named = {"host": host} if host else {}
    asked = client.options("/podcast/submit/session/owls/1", headers={"origin": origin, **ASKS, **named})
    assert "access-control-allow-origin" not in asked.headers
    assert client.post("/podcast/submit/session/owls/1", json={}, headers={"origin": origin, **named}).status_code == 403


def test_reading_is_allowed_from_anywhere(client: httpx.Client) -> None:
    assert client.get("/", headers={"origin": "https://evil.example", "sec-fetch-site": "cross-site"}).status_code == 200


def test_a_body_that_is_too_large_is_refused_whether_or_not_it_says_so(client: httpx.Client) -> None:
    body = b"x" * ((1 << 20) + 1)
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert client.post("/sign-in", content=body, headers=form).status_code == 413
    assert client.post("/sign-in", content=iter([body[: 1 << 19], body[1 << 19 :]]), headers=form).status_code == 413


def test_head_is_get_without_its_body(client: httpx.Client) -> None:
    for path in ("/sign-in", "/docs", "/downloader/health", "/openapi.json"):
        got, head = client.get(path), client.head(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == str(len(got.content))
    assert client.head("/nowhere").status_code == 404


def test_the_name_of_a_proxy_that_the_settings_know_is_a_name_of_the_studio(client: httpx.Client) -> None:
    assert client.get("/downloader/statistics", headers={"host": "sound.example"}).status_code == 200
    assert client.get("/downloader/statistics", headers={"host": "other.example"}).status_code == 421
