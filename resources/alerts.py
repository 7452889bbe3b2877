"""Alerts for people, from assets and sensors."""

from typing import Any

import dagster as dg

from soundmill.alerts import send_alert
from soundmill.settings import Settings


class AlertsResource(dg.ConfigurableResource):
    """Sends alerts. `webhook` is a URL for `soundmill.alerts`; empty means SOUNDMILL_ALERT_WEBHOOK, whose value never shows in the
    UI."""

    webhook: str = ""

    def send(self, text: str, *, good: bool = False, **facts: Any) -> bool:
        """Logs the alert, as an error unless it is `good` news, and posts it; says whether the webhook took it."""
        return send_alert(self.webhook or _webhook_of_settings(), text, good=good, **facts)


def _webhook_of_settings() -> str:
    secret = Settings().alert_webhook
    return secret.get_secret_value() if secret else ""
