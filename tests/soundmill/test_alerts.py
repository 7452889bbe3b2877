"""Alerts are logged always, and posted where a webhook is set; one that fails stops nothing."""

import json
import logging

import pytest

from soundmill.alerts import send_alert
from tests.web import Web, reply


def test_bad_news_is_an_error_in_the_log_and_good_news_is_not(web: Web, caplog: pytest.LogCaptureFixture) -> None:
    hook = web.on("/hook", lambda _, connection: reply(connection, "204 No Content"))
    with caplog.at_level(logging.INFO, "soundmill.alerts"):
        assert send_alert(hook, "the microphone is dead", source="porch")
        assert send_alert(hook, "the target is reached", good=True)
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("ERROR", "the microphone is dead"),
        ("INFO", "the target is reached"),
    ]
    assert [json.loads(asked.body) for asked in web.asked] == [
        {"text": "the microphone is dead", "source": "porch"},
        {"text": "the target is reached"},
    ]


def test_a_webhook_that_fails_stops_nothing_and_its_address_stays_secret(web: Web, caplog: pytest.LogCaptureFixture) -> None:
    refuses = web.on("/secret-token", lambda _, connection: reply(connection, "500 Internal Server Error"))
    for url in (refuses, "http://127.0.0.1:1/secret-token", "http://[broken/secret-token"):
        assert not send_alert(url, "oh no")
    assert "secret-token" not in caplog.text
    assert not send_alert("", "oh no")
