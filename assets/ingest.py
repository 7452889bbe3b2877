"""Downloads: what was asked for by URL, as 16 kHz mono WAVs with their quality, in pairs where they are the two sides of a call."""

from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg

from assets.metadata import counts_table, preview, status, table_facts
from assets.partitions import RANGE, DayOutcome, Verdict, days, for_each_day
from resources import CatalogResource, CollectionResource, DownloadsResource, LakeResource

if TYPE_CHECKING:
    from soundmill.ingest.downloader import Outcome
    from soundmill.ingest.downloads import DayOfDownloads
    from soundmill.lake import Lake


download_queue = dg.AssetSpec(
    "download_queue",
    group_name="ingest",
    description="Requests to fetch audio by URL, in the catalog: added by `soundmill download add`, by the HTTP API, and from Python.",
)


@dg.asset(
    partitions_def=days,
    deps=[download_queue],
    group_name="ingest",
    kinds={"python", "parquet"},
    backfill_policy=RANGE,
    code_version="1",
    check_specs=[
        dg.AssetCheckSpec("all_16khz_mono", asset="downloads", description="Every file is there, whole, at 16 kHz and mono."),
        dg.AssetCheckSpec("pairs_agree", asset="downloads", description="The two sides of each call have one length, and take turns."),
        dg.AssetCheckSpec("nothing_silent", asset="downloads", description="No file is silent from end to end."),
        dg.AssetCheckSpec("few_failed", asset="downloads", description="Few of the day's requests failed."),
    ],
)
def downloads(
    context: dg.AssetExecutionContext,
    lake: LakeResource,
    catalog: CatalogResource,
    collection: CollectionResource,
    fetching: DownloadsResource,
) -> dg.MaterializeResult:
    """The files asked for on the day, fetched and converted to 16 kHz mono WAV; with quality, pairs, RTTM and lhotse manifests.

    Only requests that are due are worked on. What fails goes to quarantine with a reason and stops nothing.
    """
    from soundmill.ingest.downloads import update_downloads

    store = lake.open()

    def update(day: date) -> DayOutcome:
        done = 0

        def progress(outcome: "Outcome") -> None:
            nonlocal done
            done += 1
            request = outcome.request
            if outcome.failure:
                context.log.info(f"{request.conversation} {request.speaker}: {outcome.failure.code}, {outcome.failure}")
            if done % 50 == 0:
                context.log.info(f"{day}: {done} requests worked on")

        result = update_downloads(store, catalog.open(), day, fetching.options(), progress)
        return DayOutcome(_metadata(store, day, result), _verdicts(result, collection))

    return for_each_day(context, catalog.open(), update, severity={"all_16khz_mono": dg.AssetCheckSeverity.ERROR})


def _metadata(store: "Lake", day: date, result: "DayOfDownloads") -> dict[str, Any]:
    from soundmill.catalog.quarantine import quarantine_path
    from soundmill.ingest.downloader import ASSET
    from soundmill.ingest.downloads import DOWNLOADS, manifests_folder
    from soundmill.ingest.pairs import PAIRS

    ready = result.states.get("ready", 0)
    there = ready + result.states.get("duplicate", 0)
    metadata: dict[str, Any] = {
        "status": _status(result, there),
        "attempts": result.attempts,
        "files": there,
        "hours": round(result.seconds.get("ready", 0.0) / 3600, 4),
        "pairs": len(result.pairs),
        "quarantined": result.states.get("quarantined", 0),
        **table_facts(DOWNLOADS, there, store.address(store.table_path(DOWNLOADS, day))),
    }
    if result.requests:
        metadata["requests_by_state"] = counts_table(result.requests, "state")
    if result.states:
        metadata["items_by_state"] = counts_table(result.states, "state")
    if result.reasons:
        metadata["quarantine_reasons"] = counts_table(result.reasons, "reason")
        metadata["quarantine"] = dg.MetadataValue.path(store.address(quarantine_path(ASSET, day)))
    if there:
        metadata["manifests"] = dg.MetadataValue.path(store.address(manifests_folder(day)))
        columns = [
            "conversation",
            "speaker",
            "state",
            "duplicate_of",
            "seconds",
            "speech_ratio",
            "clipped",
            "original_codec",
            "original_rate",
        ]
        metadata["preview"] = preview(store.read_days(DOWNLOADS, [day]), columns)
    if result.pairs:
        columns = ["conversation", "agent_seconds", "customer_seconds", "agent_speech", "customer_speech", "both_speech", "problem"]
        metadata["pairs_preview"] = preview(store.read_days(PAIRS, [day]), columns)
    return metadata


def _status(result: "DayOfDownloads", there: int) -> str:
    if result.target_reached:
        return "target reached"
    return "nothing usable" if result.states and not there else status(result.changed, there)


def _verdicts(result: "DayOfDownloads", collection: CollectionResource) -> dict[str, Verdict]:
    odd = [f"{pair.conversation}: {pair.problem}" for pair in result.pairs if pair.problem]
    total, bad = sum(result.requests.values()), sum(result.requests.get(state, 0) for state in ("failed", "waiting"))
    share = bad / total if total else 0.0
    reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(result.reasons.items()))
    return {
        "all_16khz_mono": Verdict(not result.damaged, _some(result.damaged)),
        "pairs_agree": Verdict(not odd, f"{len(odd)} of {len(result.pairs)}: {_some(odd)}"),
        "nothing_silent": Verdict(not result.silent, _some(result.silent)),
        "few_failed": Verdict(share <= collection.quarantine_warn_share, f"{bad} of {total} requests ({share:.0%}): {reasons}"),
    }


def _some(lines: Any, most: int = 5) -> str:
    return "; ".join(lines[:most]) + (f" and {len(lines) - most} more" if len(lines) > most else "")
