"""Telling people: a log line always, and a webhook where one is set."""

import logging
from typing import Any

log = logging.getLogger("soundmill.alerts")


def send_alert(webhook: str, text: str, *, good: bool = False, ca_file: str = "", **facts: Any) -> bool:
    """Logs the alert, as an error unless it is `good` news, and posts it; says whether the webhook took it.

    `webhook` is a URL that takes a JSON POST with a `text`, as Slack, Mattermost and many others do; empty: none. One that fails is
    logged and stops nothing. `ca_file`: see `tls_context`.
    """
    log.log(logging.INFO if good else logging.ERROR, text)
    if not webhook:
        return False
    import httpx

    from soundmill.tls import tls_context

    try:
        httpx.post(webhook, json={"text": text, **facts}, timeout=10, verify=tls_context(ca_file)).raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        log.warning("the alert webhook did not take the alert: %s", type(error).__name__)
        return False
    return True
