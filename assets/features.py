"""Sound as numbers: vectors of every segment and of every annotated sound of a day, by each configured extractor."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg

from assets.capture import captured_segments
from assets.labels import annotations
from assets.metadata import counts_table, status
from assets.partitions import RANGE, DayOutcome, Verdict, days, for_each_day
from resources import CatalogResource, CollectionResource, LakeResource
from soundmill.errors import NoAudio

if TYPE_CHECKING:
    from soundmill.lake import Lake


_ERROR = dg.AssetCheckSeverity.ERROR


@dg.asset(
    partitions_def=days,
    deps=[captured_segments],
    group_name="features",
    kinds={"numpy", "parquet"},
    backfill_policy=RANGE,
    code_version="1",
    check_specs=[
        dg.AssetCheckSpec(
            "all_segments_have_vectors",
            asset="segment_features",
            blocking=True,
            description="Every segment has a vector of every extractor.",
        )
    ],
)
def segment_features(
    context: dg.AssetExecutionContext, lake: LakeResource, catalog: CatalogResource, collection: CollectionResource
) -> dg.MaterializeResult:
    """Feature vectors of the day's segments, one table per extractor, float32 with the extractor's fingerprint."""
    from soundmill.audio import read_pcm
    from soundmill.capture import SEGMENTS
    from soundmill.features.store import AudioSpan

    store = lake.open()

    def update(day: date) -> DayOutcome:
        segments = store.read_days(SEGMENTS, [day], columns=["key", "source", "started_at", "content_hash", "path"]).to_pylist()
        spans = [AudioSpan(row["key"], row["source"], row["started_at"], f"{row['content_hash']} {row['started_at']}") for row in segments]
        paths = {row["key"]: row["path"] for row in segments}

        def read(span: AudioSpan) -> tuple[Any, int]:
            with store.local_file(paths[span.key]) as local:
                return read_pcm(str(local))

        metadata, missing = _features(context, store, "segment", day, spans, read, collection, collection.extractors)
        return DayOutcome(metadata, {"all_segments_have_vectors": Verdict(not missing, f"{len(missing)} segments without vectors")})

    return for_each_day(context, catalog.open(), update, {"all_segments_have_vectors": _ERROR})


@dg.asset(
    partitions_def=days,
    deps=[annotations, captured_segments],
    group_name="features",
    kinds={"numpy", "parquet"},
    backfill_policy=RANGE,
    code_version="1",
    check_specs=[
        dg.AssetCheckSpec("annotations_have_audio", asset="annotation_features", description="Every annotation lies where there is sound.")
    ],
)
def annotation_features(
    context: dg.AssetExecutionContext, lake: LakeResource, catalog: CatalogResource, collection: CollectionResource
) -> dg.MaterializeResult:
    """Feature vectors of the day's annotated sounds, cut out of the stitched segments."""
    from soundmill.capture import SEGMENTS, Timeline
    from soundmill.features.registry import FINGERPRINT
    from soundmill.features.store import AudioSpan
    from soundmill.labelling.snapshot import ANNOTATIONS

    store = lake.open()

    def update(day: date) -> DayOutcome:
        labels = {row["key"]: row for row in store.read_days(ANNOTATIONS, [day]).to_pylist()}
        # an annotation near midnight may reach into a segment of the day before or after
        around = [day - timedelta(days=1), day, day + timedelta(days=1)] if labels else []
        timeline = Timeline(store, store.read_days(SEGMENTS, around))
        spans = [
            AudioSpan(key, row["source"], row["start"], timeline.content(row["source"], row["start"], row["end"]))
            for key, row in labels.items()
        ]

        def read(span: AudioSpan) -> tuple[Any, int] | None:
            row = labels[span.key]
            try:
                samples, rate, _ = timeline.read(row["source"], row["start"], row["end"])
            except NoAudio:
                return None
            return samples, rate

        # a fingerprint of every annotated sound, by which the same recording is found on both sides of a split
        metadata, missing = _features(context, store, "annotation", day, spans, read, collection, [*collection.extractors, FINGERPRINT])
        facts = f"{len(missing)} of {len(labels)} annotations have no audio" + (f", the first {min(missing)}" if missing else "")
        return DayOutcome(metadata, {"annotations_have_audio": Verdict(not missing, facts)})

    return for_each_day(context, catalog.open(), update)


def _features(
    context: dg.AssetExecutionContext,
    lake: "Lake",
    of: str,
    day: date,
    spans: list[Any],
    read: Callable[[Any], tuple[Any, int] | None],
    collection: CollectionResource,
    names: list[str],
) -> tuple[dict[str, Any], set[str]]:
    """Updates the day's table of every extractor; metadata, and keys of sounds that one of them has no vector of."""
    from soundmill.features.registry import FINGERPRINT
    from soundmill.features.store import feature_table, update_features

    results = {}
    for name in names:
        tool = collection.extractor(name)

        def progress(done: int, total: int, name: str = name) -> None:
            if done % 2000 == 0:
                context.log.info(f"{day} {name}: {done} of {total} sounds")

        results[name] = update_features(lake, feature_table(of, tool), day, spans, tool, read, progress)
    changed = any(result.changed for result in results.values())
    metadata = {
        "status": status(changed, len(spans)),
        "sounds": len(spans),
        "computed": counts_table({name: result.computed for name, result in results.items()}, "sounds computed now"),
        "vectors": counts_table({name: result.vectors for name, result in results.items()}, "vectors"),
        "dagster/row_count": sum(result.vectors for result in results.values()),
        "path": dg.MetadataValue.path(lake.address(f"tables/{of}_features")),
    }
    # a sound may be too short for a fingerprint
    return metadata, {key for name, result in results.items() if name != FINGERPRINT for key in result.without_audio}
