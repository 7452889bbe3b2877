"""Calls to URLs that strangers gave."""

import json
import time

import pytest

from soundmill.errors import FetchFailed
from soundmill.ingest.webhook import call
from tests.web import Web, reply

LOCAL = ("127.0.0.1",)


def test_any_2xx_is_an_answer_and_the_body_is_json(web: Web) -> None:
    call(web.on("/done", lambda _, connection: reply(connection, "204 No Content")), {"uuid": "a"}, LOCAL)
    assert json.loads(web.asked[0].body) == {"uuid": "a"}
    assert "soundmill" in web.asked[0].headers["user-agent"].lower()


@pytest.mark.parametrize(("status", "transient"), [(404, False), (410, False), (302, False), (429, True), (503, True)])
def test_other_answers_say_whether_to_try_again(web: Web, status: int, transient: bool) -> None:
    url = web.on("/done", lambda _, connection: reply(connection, f"{status} X", Location=web.url + "/elsewhere"))
    with pytest.raises(FetchFailed) as caught:
        call(url, {}, LOCAL)
    assert (caught.value.code, caught.value.transient) == (f"http_{status}", transient)
    assert web.times("/elsewhere") == 0  # redirects are not followed


def test_nobody_inside_is_called_without_leave(web: Web) -> None:
    with pytest.raises(FetchFailed):
        call(web.url + "/done", {})
    assert web.asked == []


def test_who_is_slow_or_away_is_tried_again_later(web: Web) -> None:
    slow = web.on("/done", lambda _, connection: time.sleep(1))
    for url in (slow, "http://127.0.0.1:1/"):
        with pytest.raises(FetchFailed) as caught:
            call(url, {}, LOCAL, seconds=0.3)
        assert caught.value.transient
