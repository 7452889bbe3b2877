"""A client of the downloader's HTTP API: hands over a list call by call, and keeps what became of each."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx

from soundmill.catalog import Wanted
from soundmill.errors import RequestListRefused, ServerUnavailable
from soundmill.ingest.pairs import AGENT, CUSTOMER
from soundmill.ingest.requests import read_requests

_TIMED_OUT = 408


def submit(
    text: str,
    name: str,
    server: str,
    *,
    delay: float = 1.0,
    timeout: float = 120.0,
    token: str = "",
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Posts each call of a list (`name` is its file) to `server`/download/dual, with `delay` seconds between two.

    Returns counts and details as the original batch client wrote them. A call that takes longer than `timeout` seconds has failed with
    status 408; the server may still finish it. Raises `ServerUnavailable`, `RequestListRefused`.
    """
    calls: dict[str, dict[str, Wanted]] = {}
    found = read_requests(text)
    for one in found.wanted:
        calls.setdefault(one.conversation, {})[one.speaker] = one
    if strange := [one.conversation for one in found.wanted if one.speaker not in (AGENT, CUSTOMER)]:
        raise RequestListRefused(f"only calls with an agent and a customer can be handed over, unlike {strange[0]}")
    began = datetime.now().astimezone()
    details: list[dict[str, Any]] = [
        {"conversation_id": line, "success": False, "status_code": None, "duration_seconds": 0.0, "response": {"detail": line}}
        for line in found.refused
    ]
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        client = httpx.Client(base_url=server.rstrip("/") + "/", timeout=timeout, headers=headers)
    except (httpx.InvalidURL, UnicodeError) as error:
        raise ServerUnavailable(f"the address or the token cannot be used: {error}") from None
    with client:
        _check_health(client, server)
        for line in found.refused:
            say(line)
        for number, (conversation, sides) in enumerate(calls.items()):
            if number:
                time.sleep(delay)
            details.append(_hand_over(client, conversation, sides))
            response = details[-1]["response"]
            failed = f"failed ({details[-1]['status_code']}): {response.get('detail', response)}"
            outcome = response.get("status") if details[-1]["success"] else failed
            say(f"{number + 1}/{len(calls)} {conversation}: {outcome}")
    skipped = sum(detail["response"].get("status") == "skipped" for detail in details if detail["success"])
    successful = sum(detail["success"] for detail in details) - skipped
    return {
        "start_time": began.isoformat(),
        "end_time": datetime.now().astimezone().isoformat(),
        "csv_file": name,
        "total_conversations": len(details),
        "successful": successful,
        "skipped": skipped,
        "failed": len(details) - successful - skipped,
        "details": details,
    }


def _check_health(client: httpx.Client, server: str) -> None:
    try:
        answer = client.get("health", timeout=10)
        healthy = answer.status_code == httpx.codes.OK and answer.json().get("status") == "healthy"
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise ServerUnavailable(f"{server} does not answer: {error}") from None
    if not healthy:
        raise ServerUnavailable(f"{server} is not healthy: it answers {answer.status_code}")


def _hand_over(client: httpx.Client, conversation: str, sides: dict[str, Wanted]) -> dict[str, Any]:
    form = {"conversation_id": conversation, **{f"audio_url_{side}": one.url for side, one in sides.items()}}
    began, response = time.monotonic(), dict[str, Any]()
    try:
        answer = client.post("download/dual", data=form)
        status = answer.status_code
        response = answer.json()
    except httpx.TimeoutException:
        status, response = _TIMED_OUT, {"detail": f"not done within {client.timeout.read:g} s"}
    except httpx.HTTPError as error:
        status, response = 0, {"detail": f"the server went away: {error}"}
    except ValueError:
        response = {"detail": answer.text[:500]}
    return {
        "conversation_id": conversation,
        "success": status == httpx.codes.OK,
        "status_code": status,
        "duration_seconds": round(time.monotonic() - began, 3),
        "response": response,
    }
