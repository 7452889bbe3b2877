"""Running assets in this process, recorded in the Dagster instance that `soundmill dev` shows."""

import errno
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
from filelock import FileLock

from assets.partitions import RANGE, RANGE_END, RANGE_START, models, releases, rounds
from sensors.sensors import PROCESS
from soundmill.catalog import is_dead, process_mark
from soundmill.settings import Settings

NAMED = {"model": models, "round": rounds, "release": releases}  # partitions that have names, by what one of them is called
_ROOT = Path(__file__).resolve().parent.parent
_NOT_IN_URLS = frozenset("?#%")  # which Dagster leaves as they are in its databases' URLs
_RUNNING = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]


class UnknownAsset(LookupError):
    """A name that no asset has, or assets that cannot run together."""


@dataclass(frozen=True)
class Materialized:
    """One asset, and one partition of it where it has any, with the asset's metadata."""

    asset: str
    partition: str | None
    metadata: dict[str, Any]


class RunFailed(RuntimeError):
    """A run ended with a failure; the message is the first one's."""


def dagster_home(settings: Settings) -> Path:
    """The folder of the Dagster instance: $DAGSTER_HOME where it is set, else one below the home.

    It is made where it is missing, and linked to this project's dagster.yaml. Raises `OSError` where that cannot be.
    """
    chosen = os.environ.get("DAGSTER_HOME")
    home = Path(chosen).expanduser().absolute() if chosen else (settings.home / "dagster").absolute()
    if set(str(home)) & _NOT_IN_URLS:
        raise OSError(
            errno.EINVAL, "Dagster opens no database in a folder with ?, # or % in its path: set DAGSTER_HOME to another", str(home)
        )
    is_theirs = chosen and home.exists()
    home.mkdir(parents=True, exist_ok=True)
    if is_theirs:
        return home
    link = home / "dagster.yaml"
    if not link.exists():
        link.unlink(missing_ok=True)  # one that led to a checkout that has moved
        try:
            link.symlink_to(_ROOT / "dagster.yaml")
        except FileExistsError:
            pass  # another command was faster
    return home


@contextmanager
def instance_of(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """The Dagster instance that commands and the UI share."""
    home = dagster_home(settings)
    with FileLock(home / ".opening"):  # two commands that make the tables of a new instance at once would collide
        instance = dg.DagsterInstance.from_config(str(home))
    with instance:
        yield instance


def materialize(
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    names: Sequence[str],
    *,
    days: Sequence[date] = (),
    name: str | None = None,
    log_level: str = "INFO",
) -> list[Materialized]:
    """Materialises assets for a range of days, for a model, a round or a release by name, or without partition, in order of the graph.

    Days go to runs of at most 31, as a backfill from the UI does. Raises `UnknownAsset`, `RunFailed`.
    """
    made_here = defs.resolve_asset_graph().materializable_asset_keys
    known = {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs() if spec.key in made_here}
    if unknown := sorted(set(names) - set(known)):
        raise UnknownAsset(f"no asset is called {', '.join(unknown)}; there are: {', '.join(sorted(known))}")
    kinds = {_kind(known[name]) for name in names}
    if len(kinds) > 1:
        raise UnknownAsset("assets by day, by model, by round, by release and without partition run separately")
    kind = kinds.pop()
    if kind == "day" and not days:
        raise UnknownAsset(f"{', '.join(names)}: which days? give --day, or --from and --to")
    partitions = known[names[0]].partitions_def if kind == "day" else None
    if partitions is not None and (strange := sorted(set(map(str, days)) - set(partitions.get_partition_keys()))):
        raise UnknownAsset(
            f"{strange[0]} is no partition: days run from {partitions.get_partition_keys()[0]} (SOUNDMILL_START_DATE) to today"
        )
    if kind in NAMED:
        if not name:
            raise UnknownAsset(f"{', '.join(names)}: which {kind}? give --{kind}")
        instance.add_dynamic_partitions(NAMED[kind].name or "", [name])
    found: list[Materialized] = []
    for tags, partition in _runs(kind, days, name):
        found += _run(defs, instance, names, tags, partition, log_level)
    return found


def _kind(spec: dg.AssetSpec) -> str:
    """`day`, `model`, `round`, `release`, or `none`."""
    if spec.partitions_def is None:
        return "none"
    if isinstance(spec.partitions_def, dg.DynamicPartitionsDefinition):
        return next(kind for kind, named in NAMED.items() if named.name == spec.partitions_def.name)
    return "day"


def _runs(kind: str, days: Iterable[date], name: str | None) -> Iterator[tuple[dict[str, str], str | None]]:
    if kind != "day":
        yield {}, name if kind in NAMED else None
        return
    most = RANGE.max_partitions_per_run or 1
    run: list[date] = []
    for day in [*sorted(set(days)), date.max]:
        if run and (day - run[-1] != timedelta(days=1) or len(run) == most):
            if len(run) == 1:
                yield {}, run[0].isoformat()
            else:
                yield {RANGE_START: run[0].isoformat(), RANGE_END: run[-1].isoformat()}, None
            run = []
        run.append(day)


def _run(
    defs: dg.Definitions, instance: dg.DagsterInstance, names: Sequence[str], tags: dict[str, str], partition: str | None, log_level: str
) -> list[Materialized]:
    job = defs.resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(
        run_config={"loggers": {"console": {"config": {"log_level": log_level}}}},
        instance=instance,
        asset_selection=[dg.AssetKey(name) for name in names],
        partition_key=partition,
        tags={**tags, PROCESS: process_mark()},
        raise_on_error=False,
    )
    if not result.success:
        raise RunFailed(_first_failure(result))
    found = []
    for event in result.get_asset_materialization_events():
        materialization = event.step_materialization_data.materialization
        facts = {name: _plain(value) for name, value in materialization.metadata.items()}
        found.append(Materialized(materialization.asset_key.to_user_string(), materialization.partition, facts))
    return found


def report_dead_runs(instance: dg.DagsterInstance) -> int:
    """Reports as failed the runs that a killed process left unfinished, so that their days are free; returns how many.

    Only for a moment when no daemon of this instance is running: runs that a daemon launched are its children, and are gone with it.
    """
    dead = 0
    for run in instance.get_runs(dg.RunsFilter(statuses=_RUNNING)):
        process = run.tags.get(PROCESS)
        if process is None or is_dead(process):
            instance.report_run_failed(run, "the process that ran it is gone")
            dead += 1
    return dead


def _first_failure(result: dg.ExecuteInProcessResult) -> str:
    for check in result.get_asset_check_evaluations():
        if check.blocking and not check.passed and check.severity == dg.AssetCheckSeverity.ERROR:
            return f"{check.asset_key.to_user_string()}: {check.check_name}: {check.description or 'did not pass'}"
    for event in result.all_events:
        if event.is_step_failure:
            data = event.step_failure_data
            if data.user_failure_data and data.user_failure_data.description:
                return f"{event.step_key}: {data.user_failure_data.description}"
            cause = data.error.cause if data.error and data.error.cause else data.error
            return f"{event.step_key}: {cause.message.strip() if cause else 'failed'}"
    return "the run failed before any step"


def _plain(value: dg.MetadataValue[Any]) -> Any:
    """Metadata as JSON knows it; schemas by their columns."""
    if isinstance(value, dg.TableSchemaMetadataValue):
        return {column.name: column.type for column in value.schema.columns}
    return value.value
