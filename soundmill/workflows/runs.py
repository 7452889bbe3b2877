"""What Dagster runs, and what failed: asked of its web server, which people open from the studio."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from soundmill.errors import ServerUnavailable

_MOST = 30
_PATIENCE = 5.0  # seconds
UNDER_WAY = ("STARTED", "STARTING", "CANCELING", "QUEUED", "NOT_STARTED", "MANAGED")
_LISTS = ("under_way", "failed", "newest")
_RUNS = """
query Runs($limit: Int!, $under_way: [RunStatus!], $failed: [RunStatus!]) {
  under_way: runsOrError(limit: $limit, filter: {statuses: $under_way}) { ...found }
  failed: runsOrError(limit: $limit, filter: {statuses: $failed}) { ...found }
  newest: runsOrError(limit: $limit) { ...found }
}
fragment found on RunsOrError {
  __typename
  ... on Runs { results { runId jobName status creationTime startTime endTime tags { key value } assetSelection { path } } }
}
"""


@dataclass(frozen=True)
class RunNow:
    """A run. `what`: its assets and partitions, or its job; `link`: its page in Dagster; `by`: who started it."""

    id: str
    what: str
    status: str
    by: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    link: str


@dataclass(frozen=True)
class RunsNow:
    """Runs under way, failed ones, and the newest of all, each the newest first. `problem` says why there are none to see."""

    address: str
    problem: str
    under_way: list[RunNow]
    failed: list[RunNow]
    newest: list[RunNow]


def runs_now(address: str) -> RunsNow:
    """The runs that Dagster's web server at this address knows of."""
    address = address.rstrip("/")
    try:
        answer = ask_dagster(address, _RUNS, limit=_MOST, under_way=UNDER_WAY, failed=["FAILURE", "CANCELED"])
        under_way, failed, newest = ([_run(address, one) for one in answer[name]["results"]] for name in _LISTS)
    except ServerUnavailable as error:
        return _nothing(address, str(error))
    except (ValueError, KeyError, TypeError, AttributeError):
        return _nothing(address, not_dagster(address))
    return RunsNow(address, "", under_way, failed, newest)


def not_dagster(address: str) -> str:
    """What is said where something else answers."""
    return f"what answers at {address} is not Dagster's web server: set SOUNDMILL_DAGSTER_URL"


def ask_dagster(address: str, query: str, **variables: Any) -> dict[str, Any]:
    """What Dagster's web server at this address answers to a GraphQL query. Raises `ServerUnavailable` in words for people."""
    address = address.rstrip("/")
    try:
        asked = {"query": query, "variables": variables}
        answer = httpx.post(f"{address}/graphql", json=asked, timeout=_PATIENCE).raise_for_status().json()
        found: dict[str, Any] = answer["data"]
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        why = f"Dagster does not answer at {address} ({type(error).__name__}): start it, or set SOUNDMILL_DAGSTER_URL"
        raise ServerUnavailable(why) from None
    except (ValueError, KeyError, TypeError):
        raise ServerUnavailable(not_dagster(address)) from None
    if not isinstance(found, dict):
        raise ServerUnavailable(not_dagster(address))
    return found


def _nothing(address: str, problem: str) -> RunsNow:
    return RunsNow(address, problem, [], [], [])


def _run(address: str, run: dict[str, Any]) -> RunNow:
    tags = {tag["key"]: tag["value"] for tag in run["tags"]}
    assets = [part["path"][-1] for part in run["assetSelection"] or []]
    first, last = (tags.get(f"dagster/asset_partition_range_{end}") for end in ("start", "end"))
    partition = tags.get("dagster/partition") or (f"{first} to {last}" if first else "")
    what = ", ".join(assets[:3]) + (f" and {len(assets) - 3} more" if len(assets) > 3 else "") if assets else run["jobName"]
    by = next((f"{kind} {tags[key]}" for kind, key in _BEHIND.items() if key in tags), "")
    moments = [moment(run[name]) for name in ("creationTime", "startTime", "endTime")]
    created = moments[0] or datetime.now(UTC)
    return RunNow(
        run["runId"],
        f"{what} {partition}".strip(),
        run["status"].lower(),
        by,
        created,
        moments[1],
        moments[2],
        f"{address}/runs/{run['runId']}",
    )


_BEHIND = {"sensor": "dagster/sensor_name", "schedule": "dagster/schedule_name", "backfill": "dagster/backfill"}


def moment(seconds: float | None) -> datetime | None:
    """A time as Dagster gives it."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
