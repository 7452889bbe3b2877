"""Annotations: a day's labels as they stand in the catalog, kept as a snapshot that later assets are made from."""

from collections import Counter
from datetime import date
from typing import Any

import dagster as dg

from assets.metadata import counts_table, preview, status, table_facts
from assets.partitions import RANGE, DayOutcome, Verdict, days, for_each_day
from resources import CatalogResource, LakeResource, StudioResource

catalog_labels = dg.AssetSpec(
    "catalog_labels",
    group_name="labels",
    description="Labels in the catalog, changed one at a time by annotators and by `soundmill labels import`.",
)
REVISIONS = "annotations"


@dg.asset(
    partitions_def=days,
    deps=[catalog_labels],
    group_name="labels",
    kinds={"sqlalchemy", "parquet"},
    backfill_policy=RANGE,
    code_version="1",
    check_specs=[dg.AssetCheckSpec("no_very_long_labels", asset="annotations", description="No annotation is longer than ten minutes.")],
)
def annotations(
    context: dg.AssetExecutionContext, lake: LakeResource, catalog: CatalogResource, studio: StudioResource
) -> dg.MaterializeResult:
    """The day's annotations (source, start, end, tag, author) as an immutable snapshot, and its rejected predictions."""
    from soundmill.catalog import Annotations, Labels
    from soundmill.labelling.snapshot import ANNOTATIONS, write_snapshot

    store, ledger, labels = lake.open(), catalog.ledger(), Annotations(catalog.open())

    def update(day: date) -> DayOutcome:
        previous = ledger.processed(REVISIONS).get(day)
        revision = labels.revisions().get(day)
        found = labels.of_days(day, day)
        rejected = Labels(catalog.open()).rejected(day, day)
        changed = write_snapshot(store, day, found, rejected)
        if revision is not None:
            ledger.mark_processed(REVISIONS, day, revision, previous)
        long = [a for a in found if (a.end - a.start).total_seconds() > 600]
        metadata: dict[str, Any] = {
            "status": status(changed, len(found)),
            "annotated_seconds": round(sum((a.end - a.start).total_seconds() for a in found), 3),
            "rejected_predictions": len(rejected),
            "by_tag": counts_table(Counter(a.tag for a in found), "tag"),
            **table_facts(ANNOTATIONS, len(found), store.address(store.table_path(ANNOTATIONS, day))),
        }
        if found:
            metadata["preview"] = preview(
                store.read_days(ANNOTATIONS, [day]),
                ["source", "start", "end", "tag", "author"],
                lambda row: studio.moment(row["source"], row["start"], (row["end"] - row["start"]).total_seconds()),
            )
        facts = f"{len(long)} longer than ten minutes" + (f", the first {long[0].tag} at {long[0].start:%H:%M:%S}" if long else "")
        return DayOutcome(metadata, {"no_very_long_labels": Verdict(not long, facts)})

    return for_each_day(context, catalog.open(), update)
