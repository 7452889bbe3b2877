"""Open-set recognisers: fitted by model name, evaluated on days they never saw, and applied to each day's segments."""

from collections import Counter
from dataclasses import asdict
from datetime import date
from typing import Any

import dagster as dg

from assets.capture import captured_segments
from assets.failures import refused_in_one_line
from assets.features import annotation_features, segment_features
from assets.metadata import counts_table, picture, preview, status, table_facts
from assets.partitions import RANGE, DayOutcome, Verdict, days, for_each_day, models
from resources import CatalogResource, CollectionResource, LakeResource, StudioResource

_ALL_DAYS = dg.AllPartitionMapping()
_FEW_SOUNDS = 10
_WARN, _ERROR = dg.AssetCheckSeverity.WARN, dg.AssetCheckSeverity.ERROR


@dg.asset(
    partitions_def=models,
    deps=[dg.AssetDep(annotation_features, partition_mapping=_ALL_DAYS), dg.AssetDep(segment_features, partition_mapping=_ALL_DAYS)],
    group_name="osr",
    kinds={"scikitlearn"},
    code_version="1",
    check_specs=[
        dg.AssetCheckSpec("enough_sounds", asset="osr_model", description="Every tag was trained on at least ten sounds."),
        dg.AssetCheckSpec("no_leakage", asset="osr_model", blocking=True, description="No test sound is a copy of a training sound."),
    ],
)
def osr_model(
    context: dg.AssetExecutionContext, lake: LakeResource, catalog: CatalogResource, collection: CollectionResource
) -> dg.MaterializeResult:
    """A fitted recogniser and its card, from the annotated sounds and background of its training days.

    The same specification on the same data is the same version: nothing is fitted twice.
    """
    from soundmill.workflows.training import model_path, train_model
    from soundmill.workflows.training.evaluation import describe_leaks

    store = lake.open()
    with refused_in_one_line():
        fitted = train_model(store, catalog.open(), context.partition_key, collection.training())
    data = fitted.card["data"]
    support: dict[str, int] = data["support"]
    few = [tag for tag in sorted({*support, *fitted.spec.tags}) if support.get(tag, 0) < _FEW_SOUNDS]
    return dg.MaterializeResult(
        metadata={
            "status": "fitted" if fitted.fresh else "unchanged",
            "version": fitted.version.version,
            "champion": fitted.is_champion,
            "training_sounds": counts_table(support, "tag"),
            "train_days": ", ".join(data["train_days"]),
            "test_days": ", ".join(data["test_days"]),
            "background_segments": data["background_segments"],
            "specification": dg.MetadataValue.json(fitted.card["spec"]),
            "fingerprint": fitted.version.fingerprint,
            "path": dg.MetadataValue.path(store.address(model_path(fitted.version))),
        },
        check_results=[
            dg.AssetCheckResult(
                check_name="enough_sounds", passed=not few, severity=_WARN, metadata={"tags_with_few": ", ".join(few) or "none"}
            ),
            dg.AssetCheckResult(
                check_name="no_leakage",
                passed=not fitted.leaks,
                severity=_WARN if fitted.spec.allow_duplicates else _ERROR,
                description=describe_leaks(fitted.leaks) if fitted.leaks else None,
                metadata={"copies": len(fitted.leaks)},
            ),
        ],
    )


@dg.asset(
    partitions_def=models,
    deps=[osr_model],
    group_name="osr",
    kinds={"matplotlib"},
    code_version="1",
    check_specs=[
        dg.AssetCheckSpec(
            "recall_as_expected", asset="evaluation_report", description="No tag's recall is more than 0.05 under the expected recall."
        )
    ],
)
def evaluation_report(
    context: dg.AssetExecutionContext, lake: LakeResource, catalog: CatalogResource, collection: CollectionResource
) -> dg.MaterializeResult:
    """How the version of the model's newest fit does on its test days: metrics, pictures, and an HTML page that stands alone."""
    from soundmill.workflows.training import evaluate_model

    store = lake.open()
    with refused_in_one_line():
        done = evaluate_model(store, catalog.open(), context.partition_key, collection.training())
    result, pictures = done.result, done.pictures
    return dg.MaterializeResult(
        metadata={
            "status": "evaluated",
            "version": done.version.version,
            "report": dg.MetadataValue.path(store.address(done.report)),
            "test_days": ", ".join(day.isoformat() for day in done.test_days),
            **_numbers(**asdict(result.headline)),
            "intervals": counts_table({name: f"{a:.3f} to {b:.3f}" for name, (a, b) in result.intervals.items()}, "95 % of bootstraps"),
            "promotion": done.promotion,
            "unknown_called_other": f"{result.unknown_rejected} of {result.unknown_support}",
            "per_tag": _per_tag(result.tags),
            "confusion": picture(pictures["confusion"], "confusion matrix"),
            "precision_recall": picture(pictures["curves"], "precision-recall curves"),
            **({"hours": picture(pictures["hours"], "time-of-day models")} if "hours" in pictures else {}),
        },
        check_results=[
            dg.AssetCheckResult(
                check_name="recall_as_expected",
                passed=not done.below_expectation,
                severity=_WARN,
                metadata={"recall": done.below_expectation, "tags": len(result.tags)},
            )
        ],
    )


@dg.asset(
    partitions_def=days,
    deps=[captured_segments, segment_features, dg.AssetDep(osr_model, partition_mapping=_ALL_DAYS)],
    group_name="osr",
    kinds={"scikitlearn", "parquet"},
    backfill_policy=RANGE,
    code_version="1",
    check_specs=[
        dg.AssetCheckSpec("every_segment_has_a_verdict", asset="detections", description="The champion named every segment of the day.")
    ],
)
def detections(
    context: dg.AssetExecutionContext,
    lake: LakeResource,
    catalog: CatalogResource,
    collection: CollectionResource,
    studio: StudioResource,
) -> dg.MaterializeResult:
    """The champion model's verdict on each segment of the day: tag or "other", score, model version."""
    import pyarrow.compute as pc

    from soundmill.catalog import ModelRegistry
    from soundmill.osr.detections import DETECTIONS
    from soundmill.osr.spec import OTHER
    from soundmill.workflows.detections import Champion, update_detections

    store = lake.open()
    version = ModelRegistry(catalog.open()).champion()
    champion = Champion(store, version, collection.zone, catalog.collection().sources_apart()) if version else None

    def update(day: date) -> DayOutcome:
        if champion is None:
            return DayOutcome({"status": "no champion model yet"}, {"every_segment_has_a_verdict": Verdict(True)})
        done = update_detections(store, catalog.ledger(), champion, day, collection.zone)
        metadata = {
            "status": status(done.changed, len(done.rows)),
            "model": champion.version.name,
            "version": champion.version.version,
            "by_tag": counts_table(Counter(done.rows["tag"].to_pylist()), "tag"),
            **table_facts(DETECTIONS, len(done.rows), store.address(store.table_path(DETECTIONS, day))),
        }
        if named := done.rows.filter(pc.field("tag") != OTHER):
            metadata["preview"] = preview(
                named, ["source", "started_at", "tag", "score"], lambda row: studio.moment(row["source"], row["started_at"], row["seconds"])
            )
        verdict = Verdict(len(done.rows) == done.segments, f"{len(done.rows)} of {done.segments}")
        return DayOutcome(metadata, {"every_segment_has_a_verdict": verdict})

    with refused_in_one_line():
        return for_each_day(context, catalog.open(), update, {"every_segment_has_a_verdict": _ERROR})


@dg.asset(
    partitions_def=days,
    deps=[captured_segments, segment_features, detections],
    group_name="osr",
    kinds={"scikitlearn", "parquet"},
    backfill_policy=RANGE,
    code_version="1",
)
def new_sounds(
    context: dg.AssetExecutionContext, lake: LakeResource, catalog: CatalogResource, collection: CollectionResource
) -> dg.MaterializeResult:
    """What the champion called "other", grouped by likeness: the sounds to label next, the best first."""
    from soundmill.catalog import ModelRegistry
    from soundmill.osr.novelty import NEW_SOUNDS
    from soundmill.workflows.detections import Champion, new_sounds_picture, update_new_sounds

    store = lake.open()
    version = ModelRegistry(catalog.open()).champion()
    champion = Champion(store, version, collection.zone, catalog.collection().sources_apart()) if version else None

    def update(day: date) -> DayOutcome:
        if champion is None:
            return DayOutcome({"status": "no champion model yet"})
        rows, changed = update_new_sounds(store, champion, day, collection.zone)
        metadata = {
            "status": status(changed, len(rows)),
            "model": champion.version.name,
            "version": champion.version.version,
            **table_facts(NEW_SOUNDS, len(rows), store.address(store.table_path(NEW_SOUNDS, day))),
        }
        if len(rows):
            metadata["preview"] = preview(rows, ["rank", "sounds", "novelty", "nearest", "compactness"])
            metadata["examples"] = picture(new_sounds_picture(store, day, rows), "spectrograms of the groups' middles")
        return DayOutcome(metadata)

    with refused_in_one_line():
        return for_each_day(context, catalog.open(), update)


def _numbers(**values: float | None) -> dict[str, Any]:
    return {name: "none" if value is None else round(value, 4) for name, value in values.items()}


def _per_tag(tags: dict[str, Any]) -> dg.MarkdownMetadataValue:
    lines = ["| tag | test sounds | precision | recall | expected recall |", "| --- | --- | --- | --- | --- |"]
    for tag, row in tags.items():
        precision, recall, expected = (
            "–" if value is None else f"{value:.2f}" for value in (row.precision, row.recall, row.expected_recall)
        )
        lines.append(f"| {tag} | {row.support} | {precision} | {recall} | {expected} |")
    return dg.MetadataValue.md("\n".join(lines))
