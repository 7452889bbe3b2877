"""Data to train on: a day's recordings with all that is known of them, as lhotse takes them; and releases, which stay as they are."""

from datetime import date
from typing import Any

import dagster as dg

from assets.capture import captured_segments
from assets.failures import refused_in_one_line
from assets.ingest import downloads
from assets.labels import annotations
from assets.metadata import counts_table, figures_table, status
from assets.partitions import RANGE, DayOutcome, days, for_each_day, releases
from assets.prompts import prompted_takes
from assets.rounds import labelled_round
from assets.speech import transcripts
from resources import CatalogResource, LakeResource


@dg.asset(
    partitions_def=days,
    deps=[downloads, captured_segments, annotations, transcripts, prompted_takes],
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


@dg.asset(
    partitions_def=releases,
    deps=[
        dg.AssetDep(labelled_round, partition_mapping=dg.AllPartitionMapping()),
        dg.AssetDep(captured_segments, partition_mapping=dg.AllPartitionMapping()),
        dg.AssetDep(prompted_takes, partition_mapping=dg.AllPartitionMapping()),
    ],
    group_name="datasets",
    kinds={"python"},
    code_version="1",
    check_specs=[
        dg.AssetCheckSpec(
            "splits_apart", asset="dataset_release", description="No sound, and nothing that belongs together, is in two splits."
        ),
        dg.AssetCheckSpec("tags_in_each_split", asset="dataset_release", description="Every tag is in each split."),
        dg.AssetCheckSpec("sound_there", asset="dataset_release", description="The sound of every clip that was not withdrawn is there."),
    ],
)
def dataset_release(context: dg.AssetExecutionContext, lake: LakeResource, catalog: CatalogResource) -> dg.MaterializeResult:
    """An immutable data set: settled sessions of closed rounds, and takes of prompt sets, in splits. One that is made stays as it is."""
    from soundmill.releases.card import split_rows
    from soundmill.workflows.releases import inspect, make_release, opened

    store, name = lake.open(), context.partition_key
    with refused_in_one_line():
        made = make_release(store, catalog.open(), name)
        release = opened(store, catalog.open(), name)
        found = inspect(store, release)
    facts = made.facts
    metadata: dict[str, Any] = {
        "status": "made" if made.is_new else "unchanged",
        "sha256": made.content,
        "clips": facts["clips"],
        "hours": facts["hours"],
        "splits": figures_table(["split", "clips", "length", *facts["tags"]], split_rows(facts)),
        "licence": facts["licence"],
        **({"why": "; ".join(found.lacking)} if found.lacking else {}),
        "clips_withdrawn": release.gone,
        "path": dg.MetadataValue.path(store.address(release.folder)),
        "card": dg.MetadataValue.md(release.card),
    }
    return dg.MaterializeResult(
        metadata=metadata,
        check_results=[
            dg.AssetCheckResult(
                check_name="splits_apart", passed=not found.torn, metadata={"in_two_splits": ", ".join(found.torn[:20]) or "none"}
            ),
            dg.AssetCheckResult(
                check_name="tags_in_each_split",
                passed=not found.lacking,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={"lacking": "; ".join(found.lacking) or "none"},
            ),
            dg.AssetCheckResult(
                check_name="sound_there", passed=not found.missing, metadata={"missing": ", ".join(found.missing[:20]) or "none"}
            ),
        ],
    )
