"""What becomes of the models that are defined, right now: asked of the registry, and of Dagster's web server."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from soundmill.catalog import Catalog, ModelRegistry
from soundmill.errors import ServerUnavailable
from soundmill.workflows.runs import UNDER_WAY, ask_dagster, moment, not_dagster

State = Literal["waiting", "queued", "fitting", "evaluating", "failed", "done"]
_FIT, _REPORT = "osr_model", "evaluation_report"
_SENSOR, _JOB = "model_requests", "model_chain"
_WITH_TAG = 'tags: [{{key: "dagster/partition", value: "{1}"}}]'
# rounds and releases may have the same name: their runs must not hide those of the model
_OF_A_MODEL = (
    f'm{{0}}: runsOrError(limit: 1, filter: {{{{pipelineName: "model_chain", {_WITH_TAG}}}}}) {{{{ ...found }}}} '
    f"a{{0}}: runsOrError(limit: 10, filter: {{{{{_WITH_TAG}}}}}) {{{{ ...found }}}}"
)
_ASK = """
query Requests {{
  {0}
  repositoriesOrError {{ ... on RepositoryConnection {{ nodes {{ sensors {{ name sensorState {{
    status ticks(limit: 1) {{ skipReason error {{ message }} }} }} }} }} }} }}
}}
fragment found on RunsOrError {{
  ... on Runs {{ results {{ runId jobName status creationTime assetSelection {{ path }} stepStats {{ stepKey status startTime }} }} }}
}}
"""
_WHY = """
query Why($run: ID!) { runOrError(runId: $run) { ... on Run { eventConnection(limit: 1000) { events {
  ... on ExecutionStepFailureEvent { error { message cause { message } } }
  ... on RunFailureEvent { error { message } }
} } } } }
"""
_LONGEST = 400  # letters of a failure


@dataclass(frozen=True)
class Request:
    """How far a defined model is. `text` is one line for people; `link` the page of its newest run in Dagster, empty where there is none;
    `since` when its state began."""

    model: str
    state: State
    text: str
    link: str = ""
    since: datetime | None = None


@dataclass(frozen=True)
class Requests:
    """Every defined model. `problem`: why Dagster cannot be asked, empty where it can."""

    problem: str
    requests: list[Request]


def requests_now(catalog: Catalog, address: str) -> Requests:
    """How far every defined model is; `address` is that of Dagster's web server."""
    registry = ModelRegistry(catalog)
    defined = registry.defined()
    fitted = {
        version.name: version.version
        for version in registry.versions()
        if version.card and version.name in defined and version.card["spec"] == defined[version.name][0]
    }
    if not defined:
        return Requests("", [])
    asked = " ".join(_OF_A_MODEL.format(at, name) for at, name in enumerate(defined))
    try:
        answer = ask_dagster(address, _ASK.format(asked))
        sensor = _sensor(answer)
        found = [
            _request(
                address,
                name,
                defined[name][1],
                fitted.get(name),
                _newest([*answer[f"m{at}"].get("results", ()), *answer[f"a{at}"].get("results", ())]),
                sensor,
            )
            for at, name in enumerate(defined)
        ]
    except (ServerUnavailable, KeyError, TypeError, AttributeError) as error:
        why = str(error) if isinstance(error, ServerUnavailable) else not_dagster(address)
        waits = [
            Request(name, "done" if name in fitted else "waiting", _fitted(fitted.get(name)) or "waits to be fitted") for name in defined
        ]
        return Requests(why, waits)
    return Requests("", found)


def _newest(runs: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The newest run that works on a model."""
    mine = [run for run in runs if run["jobName"] == _JOB or {part["path"][-1] for part in run["assetSelection"] or ()} & {_FIT, _REPORT}]
    return max(mine, key=lambda run: float(run["creationTime"]), default=None)


def _request(address: str, name: str, defined_at: datetime, version: int | None, run: dict[str, Any] | None, sensor: str) -> Request:
    link = f"{address.rstrip('/')}/runs/{run['runId']}" if run else ""
    created = moment(run["creationTime"]) if run else None
    if run and run["status"] in UNDER_WAY:
        steps = {step["stepKey"]: step for step in run["stepStats"]}
        if run["status"] != "STARTED" or not steps:
            return Request(name, "queued", "queued: it starts as soon as a worker is free", link, created)
        step = steps.get(_REPORT) or steps[_FIT] if _FIT in steps or _REPORT in steps else next(iter(steps.values()))
        is_report = step["stepKey"] == _REPORT
        text = "fitted, and being evaluated on its test days (step 2 of 2)" if is_report else "being fitted (step 1 of 2)"
        return Request(name, "evaluating" if is_report else "fitting", text, link, moment(step["startTime"]) or created)
    if run and run["status"] in {"FAILURE", "CANCELED"} and created and created >= defined_at:  # an older one is of no matter any more
        steps = {step["stepKey"]: step["status"] for step in run["stepStats"]}
        is_fitted = version is not None and steps.get(_FIT, "SUCCESS") == "SUCCESS"
        what = "fitted, but not evaluated" if is_fitted else "failed"
        kept = f"; version {version} stays" if version is not None and not is_fitted else ""
        return Request(name, "failed", f"{what}: {_why(address, run)}{kept}", link, created)
    if version is not None:
        return Request(name, "done", _fitted(version), link, created)
    return Request(name, "waiting", sensor, "", defined_at)


def _fitted(version: int | None) -> str:
    return "" if version is None else f"fitted: version {version}"


def _sensor(answer: dict[str, Any]) -> str:
    """What the sensor said when it last looked, and that it looks again."""
    sensors = {one["name"]: one["sensorState"] for node in answer["repositoriesOrError"].get("nodes", ()) for one in node["sensors"]}
    state = sensors.get(_SENSOR)
    if state is None:
        return f"waits for the sensor {_SENSOR}, which Dagster does not have loaded"
    if state["status"] != "RUNNING":
        return f"waits for the sensor {_SENSOR}, which is switched off: switch it on in Dagster"
    tick = (state["ticks"] or [{}])[0]
    if error := tick.get("error"):
        return f"the sensor {_SENSOR} failed, and tries again: {_one_line(error['message'])}"
    reason = tick.get("skipReason") or ""
    known = reason if "wait" in reason else ""
    return f"waits for the sensor, which looks every half minute{f': {known}' if known else ''}"


def _why(address: str, run: dict[str, Any]) -> str:
    if run["status"] == "CANCELED":
        return "somebody ended its run"
    events = ask_dagster(address, _WHY, run=run["runId"])["runOrError"].get("eventConnection", {}).get("events", ())
    errors = [event["error"] for event in events if event.get("error")]
    if not errors:
        return "its run ended without a word: see its page in Dagster"
    said = errors[0].get("cause") or errors[0]
    return _one_line(said["message"])


def _one_line(text: str) -> str:
    """An exception's message without its class."""
    line = " ".join(text.split())
    name, _, rest = line.partition(": ")
    line = rest if rest and " " not in name else line
    return line[:_LONGEST]
