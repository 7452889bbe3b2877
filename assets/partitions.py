"""Partitions: days in UTC; models, labelling rounds and releases by name; and the one way in which an asset works through a run's days."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg

from soundmill.times import midnight, parse_day

if TYPE_CHECKING:
    from soundmill.catalog import Catalog

warnings.filterwarnings("ignore", category=dg.BetaWarning, message=".*backfill_policy.*")

# stands for the collection's days: `build_definitions` puts those that begin at SOUNDMILL_START_DATE in its place
days = dg.DailyPartitionsDefinition(start_date="2025-01-01", end_offset=1)
models = dg.DynamicPartitionsDefinition(name="models")
rounds = dg.DynamicPartitionsDefinition(name="rounds")
releases = dg.DynamicPartitionsDefinition(name="releases")
RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"  # tags of a run over a range
_LONGEST_WAIT = 12 * 3600  # seconds: for another run of the same day to end
RANGE = dg.BackfillPolicy.multi_run(max_partitions_per_run=31)  # a month is one run


@dataclass(frozen=True)
class Verdict:
    """What a check found on one day."""

    passed: bool
    facts: str = ""


@dataclass(frozen=True)
class DayOutcome:
    """What an asset says about one day: metadata, and a verdict for each of its checks."""

    metadata: Mapping[str, Any]
    checks: Mapping[str, Verdict] = field(default_factory=dict)


def for_each_day(
    context: dg.AssetExecutionContext,
    catalog: "Catalog",
    work: Callable[[date], DayOutcome],
    severity: Mapping[str, dg.AssetCheckSeverity] | None = None,
) -> dg.MaterializeResult:
    """Works through the run's days, one at a time under a lease of that asset and day, and gathers metadata and checks.

    A day that fails leaves the others alone; the run fails at the end and names it. Metadata goes to each day's own event.
    """
    from soundmill.catalog import lease

    name = context.asset_key.to_user_string()
    keys = list(context.partition_keys)
    outcomes: dict[str, DayOutcome] = {}
    failures: dict[str, Exception] = {}
    for number, key in enumerate(keys, 1):
        day = parse_day(key)
        try:
            if day > datetime.now(UTC).date():
                raise dg.Failure(f"{key} has not come yet: days are UTC days, to today")
            with lease(catalog, f"{name}/{key}", wait=_LONGEST_WAIT) as held:
                outcome = work(day)
                held.check()
        except Exception as error:  # whatever it is, the other days come first
            if len(keys) == 1:
                raise
            context.log.exception(f"{name} {key} failed")
            failures[key] = error
            continue
        start = midnight(day)
        window = {"window_start": start.isoformat(), "window_end": (start + timedelta(days=1)).isoformat()}
        outcomes[key] = DayOutcome({**window, **outcome.metadata}, outcome.checks)
        if len(keys) > 1:
            context.add_asset_metadata(outcomes[key].metadata, partition_key=key)
        context.log.info(f"{name} {key} ({number}/{len(keys)}): {outcome.metadata.get('status', 'done')}")
    if failures:
        for key, outcome in outcomes.items():  # the days that are done count as done
            context.log_event(dg.AssetMaterialization(context.asset_key, partition=key, metadata=outcome.metadata))
        lines = "; ".join(f"{key}: {type(error).__name__}: {error}" for key, error in failures.items())
        raise dg.Failure(f"{len(failures)} of {len(keys)} days failed: {lines}")
    return dg.MaterializeResult(
        metadata=outcomes[keys[0]].metadata if len(keys) == 1 else None,
        check_results=[_check(check, outcomes, severity or {}) for check in _names(outcomes)],
    )


def _names(outcomes: Mapping[str, DayOutcome]) -> list[str]:
    return sorted({check for outcome in outcomes.values() for check in outcome.checks})


def _check(name: str, outcomes: Mapping[str, DayOutcome], severity: Mapping[str, dg.AssetCheckSeverity]) -> dg.AssetCheckResult:
    verdicts = {key: outcome.checks[name] for key, outcome in outcomes.items() if name in outcome.checks}
    bad = {key: verdict.facts for key, verdict in verdicts.items() if not verdict.passed}
    facts: dict[str, Any] = {"days": len(verdicts), "days_failed": len(bad), **{key: bad[key] for key in list(bad)[:20]}}
    return dg.AssetCheckResult(
        check_name=name,
        passed=not bad,
        severity=severity.get(name, dg.AssetCheckSeverity.WARN),
        description="; ".join(f"{key}: {text}" for key, text in list(bad.items())[:3]) or None,
        metadata=facts,
    )
