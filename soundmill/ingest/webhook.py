"""Webhooks: a POST to a URL that a stranger gave, and so to nobody inside."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from soundmill.errors import FetchFailed
from soundmill.ingest.addresses import AddressPolicy, guarded_transport
from soundmill.ingest.statuses import is_transient

_AGENT = "Soundmill (webhook)"


def call(url: str, body: Mapping[str, Any], allow: Sequence[str] = (), seconds: float = 30, ca_file: str = "") -> None:
    """Posts JSON and takes any 2xx for an answer; redirects are not followed. Raises `FetchFailed`, which says whether to try again."""
    policy = AddressPolicy(allow)
    policy.check_url(url)

    async def post() -> int:
        transport = guarded_transport(policy, ca_file=ca_file)
        client = httpx.AsyncClient(transport=transport, timeout=seconds, trust_env=False, headers={"User-Agent": _AGENT})
        async with client, client.stream("POST", url, json=dict(body)) as answer:
            return answer.status_code  # nobody needs what else it says

    try:
        status = asyncio.run(asyncio.wait_for(post(), seconds))
    except FetchFailed:
        raise
    except Exception as error:  # noqa: BLE001  # whatever a stranger's URL and server bring about
        raise FetchFailed("connection_failed", f"{type(error).__name__}: {error}", transient=True) from None
    if not 200 <= status < 300:
        raise FetchFailed(f"http_{status}", f"it answers {status}", transient=is_transient(status))
