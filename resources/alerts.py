"""Alerts for people, from assets and sensors."""

from typing import Any

import dagster as dg


class AlertsResource(dg.ConfigurableResource):
    """Sends alerts. `webhook` is a URL for `soundmill.alerts`; empty: they are only logged."""

    webhook: str = ""
    ca_file: str = ""

    def send(self, text: str, *, good: bool = False, **facts: Any) -> bool:
        """Logs the alert, as an error unless it is `good` news, and posts it; says whether the webhook took it."""
        from soundmill.alerts import send_alert

        return send_alert(self.webhook, text, good=good, ca_file=self.ca_file, **facts)
