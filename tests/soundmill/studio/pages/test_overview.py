"""The overview page."""

import httpx

from tests.conftest import wav
from tests.soundmill.studio.api.downloading import single
from tests.web import Web


def test_the_page_shows_hours_and_what_went_wrong(client: httpx.Client, web: Web) -> None:
    assert "Nothing has come in yet" in client.get("/").text
    single(client, conversation_id="<b>x</b>", audio_url=web.serve("/a", wav(2)))
    single(client, conversation_id="y", audio_url=web.url + "/gone")
    page = client.get("/").text
    assert "http_404" in page
    assert "<b>x" not in page
