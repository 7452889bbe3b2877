"""Data to train on: a day's recordings with all that is known of them, as lhotse takes them."""

from datetime import date

import dagster as dg

from assets.capture import captured_segments
from assets.ingest import downloads
from assets.labels import annotations
from assets.metadata import counts_table, status
from assets.partitions import RANGE, DayOutcome, days, for_each_day
from assets.speech import transcripts
from resources import CatalogResource, LakeResource


@dg.asset(
    partitions_def=days,
    deps=[downloads, captured_segments, annotations, transcripts],
    group_name="datasets",
    kinds={"python"},
    backfill_policy=RANGE,
    code_version="1",
)
def cut_manifests(context: dg.AssetExecutionContext, lake: LakeResource, catalog: CatalogResource) -> dg.MaterializeResult:
    """A lhotse CutSet of the day: a cut for each file, its utterances with their words and times, and the sounds that people annotated."""
    from soundmill.workflows.cuts import cuts_folder, update_cuts

    store = lake.open()

    def update(day: date) -> DayOutcome:
        counts, changed = update_cuts(store, day, catalog.ledger().uploads(day))
        metadata = {
            "status": status(changed, sum(counts.values())),
            "dagster/row_count": sum(counts.values()),
            "path": dg.MetadataValue.path(store.address(f"{cuts_folder(day)}/cuts.jsonl.gz")),
        }
        return DayOutcome(metadata | ({"cuts": counts_table(counts, "made from")} if counts else {}))

    return for_each_day(context, catalog.open(), update)
