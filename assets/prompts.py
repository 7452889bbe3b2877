"""Prompted speech: a day's takes, judged, once a recogniser of their language has heard them."""

from collections import Counter
from datetime import date
from typing import Any

import dagster as dg

from assets.metadata import counts_table, links, status, table_facts
from assets.partitions import RANGE, DayOutcome, Verdict, days, for_each_day
from assets.speech import catalog_takes, transcripts
from resources import CatalogResource, LakeResource, SpeechResource, StudioResource

_MOST_BAD, _FEW = 0.2, 5


@dg.asset(
    partitions_def=days,
    deps=[catalog_takes, transcripts],
    group_name="prompts",
    kinds={"sqlalchemy", "parquet"},
    backfill_policy=RANGE,
    code_version="1",
    check_specs=[
        dg.AssetCheckSpec(
            "few_bad_takes", asset="prompted_takes", description="Of five takes or more, at most a fifth are to be read again, or rejected."
        ),
        dg.AssetCheckSpec("microphones_untouched", asset="prompted_takes", description="No browser changed the sound of a take."),
    ],
)
def prompted_takes(
    context: dg.AssetExecutionContext, lake: LakeResource, catalog: CatalogResource, speech: SpeechResource, studio: StudioResource
) -> dg.MaterializeResult:
    """The day's takes, a row each, with verdict, measures and review. What was withdrawn is deleted wherever it still is."""
    from soundmill.workflows.erasure import finish_erasing_takes
    from soundmill.workflows.takes import PROMPTED_TAKES, update_takes

    store, records, ledger = lake.open(), catalog.open(), catalog.ledger()
    left = finish_erasing_takes(store, records)
    if left:
        context.log.info(f"deleted what was left of {left} withdrawn takes")

    def update(day: date) -> DayOutcome:
        previous = ledger.processed(PROMPTED_TAKES.name).get(day)
        rows, changed = update_takes(store, records, day, speech.options().language)
        ledger.mark_processed(PROMPTED_TAKES.name, day, "made", previous)
        bad, processed = sum(not row["counts"] for row in rows), sum(row["processed"] is True for row in rows)
        metadata: dict[str, Any] = {
            "status": status(changed, len(rows)),
            "takes": len(rows),
            "takes_that_count": len(rows) - bad,
            "minutes": round(sum(row["seconds"] for row in rows if row["counts"]) / 60, 2),
            "speakers": len({row["speaker"] for row in rows}),
            **table_facts(PROMPTED_TAKES, len(rows), store.address(store.table_path(PROMPTED_TAKES, day))),
        }
        if rows:  # counts alone: Dagster's log keeps for ever what people delete
            metadata["verdicts"] = counts_table(Counter(row["review"] or row["verdict"] for row in rows), "verdict")
            metadata["by_set"] = counts_table(Counter(row["set"] for row in rows), "set")
            metadata["hear_them"] = links({name: studio.takes(name) for name in sorted({row["set"] for row in rows})})
            metadata["reasons"] = counts_table(Counter(rule for row in rows for rule in row["reasons"]), "not good because of")
        verdicts = {
            "few_bad_takes": Verdict(len(rows) < _FEW or bad <= _MOST_BAD * len(rows), f"{bad} of {len(rows)} takes do not count"),
            "microphones_untouched": Verdict(not processed, f"{processed} of {len(rows)} takes were changed by the browser"),
        }
        return DayOutcome(metadata, verdicts)

    return for_each_day(context, records, update)
