"""Sensors: new audio, changed labels, requested models, failed runs."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

import dagster as dg

from assets.features import annotation_features
from assets.labels import REVISIONS
from assets.partitions import RANGE, RANGE_END, RANGE_START, models, releases, rounds
from resources import AlertsResource, CatalogResource, CollectionResource, DownloadsResource, LakeResource, SpeechResource
from sensors.jobs import (
    day_chain,
    detections_chain,
    downloads_chain,
    draw_round,
    labels_chain,
    make_release,
    model_chain,
    settle_round,
    speech_chain,
)
from sensors.plan import Cursor, RoundLabels, day_ranges, plan_days, plan_detections, plan_models
from soundmill.errors import NoSpeechModel
from soundmill.fingerprint import digest
from soundmill.times import days_between

if TYPE_CHECKING:
    from soundmill.catalog import Round, Rounds

PROCESS = ".dagster/soundmill_process"  # tag of runs that a command executes itself; the UI shows no tags that begin so
_INPUT = ".dagster/soundmill_input"
_PRIORITY = "dagster/priority"  # runs that people ask for have 0, and go first
_MOST_FAILURES = 3
_MOST_BACKFILL_RUNS = 4  # asked for in one tick
_LONGEST_RANGE = RANGE.max_partitions_per_run or 1
_ON = dg.DefaultSensorStatus.RUNNING
_IN_VAIN = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def _sensor(**options: Any) -> Callable[[Callable[..., Any]], dg.SensorDefinition]:
    """`dg.sensor`, with the docstring for the description that the UI lists, on by default."""
    return lambda work: dg.sensor(description=" ".join((work.__doc__ or "").split()), default_status=_ON, **options)(work)


@_sensor(job=day_chain, minimum_interval_seconds=15)
def new_audio(
    context: dg.SensorEvaluationContext, lake: LakeResource, catalog: CatalogResource, collection: CollectionResource
) -> dg.SensorResult | dg.SkipReason:
    """Runs the days whose landing folders changed, or whose broken files are due for another attempt: one run at a time per day,
    what arrives meanwhile waits for the next. A run that failed is asked for again, three times in all."""
    from soundmill.capture import landing_by_day
    from soundmill.capture.segmenter import ASSET as SEGMENTS_ASSET

    ledger = catalog.ledger()
    current, misplaced = landing_by_day(lake.open())
    for day, mark in ledger.retryable(datetime.now(UTC), collection.max_attempts).items():
        current[day] = f"{current.get(day, '')} retry: {mark}"
    note = f"; {misplaced} files lie outside landing/{{source}}/{{date}}/" if misplaced else ""
    return _ask_for_days(context, collection, current, ledger.processed(SEGMENTS_ASSET), SEGMENTS_ASSET, note)


@_sensor(job=downloads_chain, minimum_interval_seconds=15)
def download_requests(
    context: dg.SensorEvaluationContext, catalog: CatalogResource, collection: CollectionResource, fetching: DownloadsResource
) -> dg.SensorResult | dg.SkipReason:
    """Runs the days on which requests are due: new ones, and those whose time for another attempt has come; and days whose tables
    are to be made again because files came in over HTTP."""
    from soundmill.catalog import DownloadQueue
    from soundmill.ingest.downloader import ASSET as DOWNLOADS_ASSET

    ledger, options = catalog.ledger(), fetching.options()
    reached = options.stop_at_hours is not None and catalog.collection().ready_seconds() / 3600 >= options.stop_at_hours
    processed = ledger.processed(DOWNLOADS_ASSET)
    due = {} if reached else DownloadQueue(catalog.open()).due_days(datetime.now(UTC))
    note = f"; the target of {options.stop_at_hours:g} h is reached, and SOUNDMILL_STOP_AT_TARGET is on" if reached else ""
    return _ask_for_days(context, collection, {**processed, **due}, processed, DOWNLOADS_ASSET, note)


@_sensor(job=speech_chain, minimum_interval_seconds=30)
def new_speech(
    context: dg.SensorEvaluationContext, catalog: CatalogResource, collection: CollectionResource, speech: SpeechResource
) -> dg.SensorResult | dg.SkipReason:
    """Transcribes days whose recordings are new or changed, and all days anew when the speech model, the keywords or the sentiment model
    change."""
    from soundmill.speech.loading import load_transcriber
    from soundmill.speech.tables import TRANSCRIPTS
    from soundmill.workflows.transcription import speech_marks

    ledger, options, why = catalog.ledger(), speech.options(), ""
    try:
        is_able = load_transcriber(options) is not None
    except NoSpeechModel as error:
        is_able, why = False, f"; {error}"
    # what was deleted is to go from the tables even where nothing can be transcribed
    # also days whose sound is gone: their tables are to lose it
    with_sound = catalog.collection().days() if is_able else set()
    current = {day: mark for day, mark in speech_marks(ledger, options).items() if day in with_sound} if is_able else {}
    return _ask_for_days(context, collection, current, ledger.processed(TRANSCRIPTS.name), TRANSCRIPTS.name, why, in_ranges=True)


@_sensor(job=labels_chain, minimum_interval_seconds=30)
def changed_annotations(
    context: dg.SensorEvaluationContext, catalog: CatalogResource, collection: CollectionResource
) -> dg.SensorResult | dg.SkipReason:
    """Runs the days whose annotations changed in the catalog."""
    from soundmill.catalog import Annotations

    current = Annotations(catalog.open()).revisions()
    return _ask_for_days(context, collection, current, catalog.ledger().processed(REVISIONS), REVISIONS)


@_sensor(job=model_chain, minimum_interval_seconds=30)
def model_requests(
    context: dg.SensorEvaluationContext, catalog: CatalogResource, collection: CollectionResource
) -> dg.SensorResult | dg.SkipReason:
    """Adds a partition for each model defined in the catalog, and fits and evaluates those whose specification is new, or for which a
    labelling round has brought labels."""
    from soundmill.catalog import Annotations, ModelRegistry, Rounds
    from soundmill.labelling.spec import AUTHOR, RoundSpec

    annotations, registry = Annotations(catalog.open()), ModelRegistry(catalog.open())
    days, marks = collection.days.get_partition_keys(), annotations.marks_by_author(AUTHOR)
    plan = plan_models(
        registry.specs(),
        [(version.name, version.card["spec"], version.card["data"].get("rounds", {})) for version in registry.versions() if version.card],
        rounds={
            one.name: RoundLabels(of.tags, of.sources, [day.isoformat() for day in of.days], marks[one.name])
            for one in Rounds(catalog.open()).all()
            if one.name in marks and (of := RoundSpec.of(one))
        },
        known=context.instance.get_dynamic_partitions(models.name or ""),
        tags=annotations.tags(),
        annotated={day: mark for day, mark in annotations.revisions().items() if str(day) in days},
        in_snapshot=catalog.ledger().processed(REVISIONS),
        features_in_flight=len(days_in_flight(context.instance, annotation_features.key.to_user_string(), days)),
        created={name: str(moment) for name, moment in registry.created().items()},
    )
    if plan.waits:
        return dg.SkipReason(plan.waits)
    wanted = {name: mark for name, mark in plan.run.items() if not _is_done(context.instance, name, mark)}
    requests = [request for name, mark in wanted.items() if (request := _request(context.instance, name, mark))]
    if not requests and not plan.added and not plan.removed:
        return dg.SkipReason(plan.skipped(given_up=len(wanted), after=_MOST_FAILURES))
    changes = _changes(models, plan.added, plan.removed)
    return dg.SensorResult(run_requests=requests, dynamic_partitions_requests=changes)


@_sensor(jobs=[draw_round, settle_round], minimum_interval_seconds=30)
def round_requests(context: dg.SensorEvaluationContext, catalog: CatalogResource) -> dg.SensorResult | dg.SkipReason:
    """Adds a partition for each labelling round in the catalog, draws the sessions of new ones, and settles those that were closed."""
    from soundmill.catalog import Rounds

    store = Rounds(catalog.open())
    there = store.all()
    wanted = [(draw_round, one.name, f"draw {one.created_at}") for one in there if one.state == "new" and one.population is None]
    wanted += [(settle_round, one.name, _settled_from(store, one)) for one in there if one.state == "closed"]
    requests = [request for job, name, mark in wanted if (request := _request(context.instance, name, mark, job.name))]
    changes = _partition_changes(context.instance, rounds, {one.name for one in there})
    if not requests and not changes:
        return dg.SkipReason(f"{len(there)} rounds, none of them new or newly closed")
    return dg.SensorResult(run_requests=requests, dynamic_partitions_requests=changes)


@_sensor(job=make_release, minimum_interval_seconds=30)
def release_requests(context: dg.SensorEvaluationContext, catalog: CatalogResource) -> dg.SensorResult | dg.SkipReason:
    """Adds a partition for each release in the catalog, and makes those that are defined and not made yet, once their rounds
    are closed."""
    from soundmill.catalog import Releases, Rounds

    there = Releases(catalog.open()).all()
    closed = {one.name for one in Rounds(catalog.open()).all() if one.state == "closed"}
    due = [one for one in there if one.content is None]
    wanted = [(one.name, f"make {one.created_at}") for one in due if closed.issuperset(one.spec["rounds"])]
    requests = [request for name, mark in wanted if (request := _request(context.instance, name, mark))]
    changes = _partition_changes(context.instance, releases, {one.name for one in there})
    if not requests and not changes:
        return dg.SkipReason(f"{len(there)} releases; {len(due) - len(wanted)} wait for their rounds to be closed, none else is new")
    return dg.SensorResult(run_requests=requests, dynamic_partitions_requests=changes)


@_sensor(job=detections_chain, minimum_interval_seconds=30)
def new_champion(
    context: dg.SensorEvaluationContext, catalog: CatalogResource, collection: CollectionResource
) -> dg.SensorResult | dg.SkipReason:
    """Makes the detections of past days anew when another model has become the champion, the newest days first; those of the model
    before are kept under its version. Days of training clips or of the demo alone are left out."""
    from soundmill.capture.segmenter import ASSET as SEGMENTS_ASSET
    from soundmill.catalog import ModelRegistry
    from soundmill.osr.detections import DETECTIONS

    ledger, champion = catalog.ledger(), ModelRegistry(catalog.open()).champion()
    if champion is None:
        return dg.SkipReason("no champion model yet")
    label, days = f"{champion.name}/{champion.version}", collection.days.get_partition_keys()
    in_flight = {key for asset in (SEGMENTS_ASSET, DETECTIONS.name) for key in days_in_flight(context.instance, asset, days)}
    segmented = catalog.collection().days() & ledger.processed(SEGMENTS_ASSET).keys()
    plan = plan_detections(label, segmented, ledger.processed(DETECTIONS.name), days, in_flight, _LONGEST_RANGE)
    if not plan.wanted:
        return dg.SkipReason(f"every segmented day has detections by {label}")
    asked = (_range_request(context.instance, first, last, label) for first, last in plan.ranges)
    requests = list(islice(filter(None, asked), _MOST_BACKFILL_RUNS))
    if not requests:
        return dg.SkipReason(
            f"{plan.wanted} days wait for detections by {label}: runs on them are in flight, or failed {_MOST_FAILURES} times"
        )
    return dg.SensorResult(run_requests=requests)


@dg.run_failure_sensor(
    default_status=_ON, minimum_interval_seconds=15, description="Logs each failed run and posts it to the alert webhook."
)
def failed_runs(context: dg.RunFailureSensorContext, alerts: AlertsResource) -> None:
    """Logs each failed run and posts it to the alert webhook."""
    run = context.dagster_run
    partition = run.tags.get("dagster/partition", "")
    where = f" {partition}" if partition else ""
    alerts.send(
        f"Soundmill: {run.job_name}{where} failed: {context.failure_event.message}",
        run_id=run.run_id,
        job=run.job_name,
        partition=partition,
    )


def _ask_for_days(
    context: dg.SensorEvaluationContext,
    collection: CollectionResource,
    current: Mapping[date, str],
    processed: Mapping[date, str],
    asset: str,
    note: str = "",
    *,
    in_ranges: bool = False,
) -> dg.SensorResult | dg.SkipReason:
    days = set(collection.days.get_partition_keys())
    in_flight, cursor = days_in_flight(context.instance, asset, days), Cursor.parse(context.cursor)
    plan = plan_days(current, processed, in_flight, days, cursor, time.time(), collection.run_spacing_seconds)
    if plan.outside:
        note += f"; no partition for {', '.join(map(str, plan.outside[:5]))}: see SOUNDMILL_START_DATE, or the clock of the source"
    ranges = day_ranges(plan.run, _LONGEST_RANGE) if in_ranges else [(day, day) for day in plan.run]
    asked = [_request_for(context.instance, first, last, plan.run, in_ranges) for first, last in ranges]
    requests = [request for request in asked if request]
    if len(requests) < len(asked):
        note += f"; {len(asked) - len(requests)} runs failed {_MOST_FAILURES} times and wait for a change, or for you"
    if not requests:
        waiting = f"{len(plan.waiting)} changed days wait for a run in flight or for the spacing" if plan.waiting else "nothing changed"
        return dg.SkipReason(waiting + note)
    if note:
        context.log.warning(note.removeprefix("; "))
    return dg.SensorResult(run_requests=requests, cursor=plan.cursor.text())


def _request_for(instance: dg.DagsterInstance, first: date, last: date, marks: Mapping[date, str], in_ranges: bool) -> dg.RunRequest | None:
    """A request for one day, or for a range of them, whose tables may be wanted again as they were."""
    if not in_ranges:
        return _request(instance, first.isoformat(), marks[first])
    mark = digest(marks[day] for day in days_between(first, last))
    return _range_request(instance, first, last, marks[first] if first == last else mark)


_Changes = list[dg.AddDynamicPartitionsRequest | dg.DeleteDynamicPartitionsRequest]


def _partition_changes(instance: dg.DagsterInstance, definition: dg.DynamicPartitionsDefinition, there: set[str]) -> _Changes:
    """What makes Dagster's partitions those that are there."""
    known = set(instance.get_dynamic_partitions(definition.name or ""))
    return _changes(definition, sorted(there - known), sorted(known - there))


def _changes(definition: dg.DynamicPartitionsDefinition, added: Sequence[str], removed: Sequence[str]) -> _Changes:
    return [*([definition.build_add_request(added)] if added else []), *([definition.build_delete_request(removed)] if removed else [])]


def _settled_from(store: "Rounds", one: "Round") -> str:
    """What a closed round is settled from: it is settled anew when something disputed was decided."""
    return f"settle {one.closed_at} {store.decided_mark(one.name)}"


def _request(instance: dg.DagsterInstance, partition: str, mark: str, job: str | None = None) -> dg.RunRequest | None:
    """A request for what `mark` stands for; a new one where the last one failed, none where it failed too often."""
    tags = {_INPUT: digest([partition, mark]), _PRIORITY: "-1"}
    failures = instance.get_runs_count(
        dg.RunsFilter(tags={_INPUT: tags[_INPUT]}, statuses=[dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED])
    )
    if failures >= _MOST_FAILURES:
        return None
    # Dagster remembers a key for ever, whatever became of its run
    return dg.RunRequest(
        partition_key=partition, run_key=f"{partition} {mark}" + (f" attempt {failures + 1}" if failures else ""), tags=tags, job_name=job
    )


def _is_done(instance: dg.DagsterInstance, partition: str, mark: str) -> bool:
    """Whether a run did what `mark` stands for."""
    return bool(instance.get_runs_count(dg.RunsFilter(tags={_INPUT: digest([partition, mark])}, statuses=[dg.DagsterRunStatus.SUCCESS])))


def _repeatable_request(instance: dg.DagsterInstance, partition: str, mark: str) -> dg.RunRequest | None:
    """As `_request`, for what may be wanted again after it was done, as when settings go back to what they were: the number of runs that
    are over is part of the key."""
    request = _request(instance, partition, mark)
    if request is None:
        return None
    runs = instance.get_runs_count(dg.RunsFilter(tags={_INPUT: request.tags[_INPUT]}))
    return dg.RunRequest(run_key=f"{request.run_key} run {runs + 1}", partition_key=partition, tags=dict(request.tags))


def _range_request(instance: dg.DagsterInstance, first: date, last: date, mark: str) -> dg.RunRequest | None:
    """As `_repeatable_request`, for one run over a range of days: a former champion may come back."""
    request = _repeatable_request(instance, first.isoformat(), f"{mark} to {last}")
    if request is None or first == last:
        return request
    ends = {RANGE_START: first.isoformat(), RANGE_END: last.isoformat()}
    return dg.RunRequest(run_key=request.run_key, tags={**request.tags, **ends})


def is_in_flight(instance: dg.DagsterInstance, asset: dg.AssetKey) -> bool:
    """Whether a run that has not ended works on an asset without partitions."""
    return any(run.asset_selection and asset in run.asset_selection for run in _unfinished(instance))


def _unfinished(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    """Runs that have not ended, but for those of commands that were killed: these never will."""
    from soundmill.catalog import is_dead

    runs = instance.get_runs(dg.RunsFilter(statuses=_UNFINISHED))
    return [run for run in runs if not ((process := run.tags.get(PROCESS)) and is_dead(process))]


def days_in_flight(instance: dg.DagsterInstance, asset: str, days: Collection[str]) -> Collection[str]:
    """Those of the days on which a run that has not ended works on the asset."""
    busy: set[str] = set()
    for run in _unfinished(instance):
        chosen = run.asset_selection
        if chosen is not None and dg.AssetKey(asset) not in chosen:
            continue
        if key := run.tags.get("dagster/partition"):
            busy.add(key)
        first, last = run.tags.get(RANGE_START), run.tags.get(RANGE_END)
        if first and last:
            busy.update(key for key in days if first <= key <= last)
    return busy


SENSORS = [
    new_audio,
    download_requests,
    new_speech,
    changed_annotations,
    model_requests,
    round_requests,
    release_requests,
    new_champion,
    failed_runs,
]
