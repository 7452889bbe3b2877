"""Every page: headers that keep strangers' scripts out, and links to what its reader may open."""

import httpx

from tests.soundmill.studio.signing_in import PAGE, sign_in


def test_no_page_runs_a_stranger_s_script_or_is_kept(client: httpx.Client) -> None:
    for address in ("/", "/recordings", "/people", "/sign-in"):
        answer = client.get(address, headers=PAGE)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["cache-control"] == "no-store"
        assert " style=" not in answer.text
        assert "<script>" not in answer.text


def test_nobody_is_led_where_they_may_not_go(people: httpx.Client) -> None:
    sign_in(people, "the_engineer")
    page = people.get("/", headers=PAGE).text
    assert 'href="/recordings"' in page
    assert 'href="/people"' not in page
    sign_in(people, "the_admin")
    assert 'href="/people"' in people.get("/", headers=PAGE).text
    assert sign_in(people, "the_client").headers["location"] == "/docs"
