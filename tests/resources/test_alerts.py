"""The alerts that assets and sensors send."""

import json

from resources import AlertsResource
from tests.web import Web, reply


def test_an_alert_goes_to_the_webhook_of_the_settings(web: Web) -> None:
    hook = web.on("/hook", lambda _, connection: reply(connection, "200 OK"))
    assert AlertsResource(webhook=hook).send("run 7 failed", run_id="7")
    assert json.loads(web.asked[0].body) == {"text": "run 7 failed", "run_id": "7"}
    assert not AlertsResource().send("nobody is told")
