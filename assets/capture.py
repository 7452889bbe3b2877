"""From the landing area to segments, and how much of each day they cover."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from assets.metadata import counts_table, links, picture, preview, status, table_facts
from assets.partitions import RANGE, DayOutcome, Verdict, days, for_each_day
from resources import CatalogResource, CollectionResource, LakeResource, StudioResource
from soundmill.times import midnight

if TYPE_CHECKING:
    from soundmill.capture import DayOfSegments
    from soundmill.lake import Lake


landing_area = dg.AssetSpec(
    "landing_area",
    group_name="capture",
    description="Audio files as they came, in `landing/{source}/{date}/`: dropped by edges or `soundmill ingest`; never rewritten.",
)


@dg.asset(
    partitions_def=days,
    deps=[landing_area],
    group_name="capture",
    kinds={"python", "parquet"},
    backfill_policy=RANGE,
    code_version="1",
    check_specs=[dg.AssetCheckSpec("few_in_quarantine", asset="captured_segments", description="Few items of a day are in quarantine.")],
)
def captured_segments(
    context: dg.AssetExecutionContext,
    lake: LakeResource,
    catalog: CatalogResource,
    collection: CollectionResource,
    studio: StudioResource,
) -> dg.MaterializeResult:
    """Segments of about 3 s, cut from the day's landed files and kept where they are not silent.

    Broken files go to quarantine with a reason and stop nothing. Only new, changed or retryable files are worked on.
    """
    from soundmill.capture import update_segments

    store, ledger = lake.open(), catalog.ledger()

    def update(day: date) -> DayOutcome:
        def progress(done: int, total: int) -> None:
            if done % 500 == 0:
                context.log.info(f"{day}: {done} of {total} files")

        result = update_segments(
            store,
            ledger,
            day,
            collection.segmenter(),
            now=datetime.now(UTC),
            max_attempts=collection.max_attempts,
            progress=progress,
        )
        return DayOutcome(_segments_metadata(store, day, result, collection, studio), {"few_in_quarantine": _few(result, collection)})

    return for_each_day(context, catalog.open(), update)


@dg.asset(
    partitions_def=days,
    deps=[captured_segments],
    group_name="capture",
    kinds={"parquet"},
    backfill_policy=RANGE,
    code_version="1",
    check_specs=[
        dg.AssetCheckSpec("no_overlap", asset="capture_coverage", description="No source has more than a second of sound twice."),
        dg.AssetCheckSpec("no_gaps", asset="capture_coverage", description="No captured source misses more than a second of its day."),
        dg.AssetCheckSpec("stations_alive", asset="capture_coverage", description="Every station that runs here or reports here is alive."),
    ],
)
def capture_coverage(
    context: dg.AssetExecutionContext, lake: LakeResource, catalog: CatalogResource, collection: CollectionResource
) -> dg.MaterializeResult:
    """Per source: expected, captured, silent, missing, doubled and clipped seconds of the day; and how the stations are now."""
    from soundmill.capture import COVERAGE, SEGMENTS, coverage_of, spans_of
    from soundmill.capture.status import ALARMING, read_status

    store, ledger = lake.open(), catalog.ledger()
    stations = read_status(Path(collection.stations)) if collection.stations else []

    def update(day: date) -> DayOutcome:
        segments = ledger.segments(day)
        sources = {*(segment.source for segment in segments), *store.folders("landing")}
        edges = midnight(day), midnight(day + timedelta(days=1))
        rows = coverage_of(segments, {source: ledger.neighbours(source, *edges) for source in sources}, day)
        changed = store.write_day(COVERAGE, day, rows, made_from=store.made_from(SEGMENTS, day) or "")
        totals = {name: sum(rows[name].to_pylist()) for name in ("expected", "captured", "silent", "gap", "overlap", "clipped")}
        metadata = {
            "status": status(changed, len(rows)),
            "sources": len(rows),
            **{f"{name}_seconds": round(value, 3) for name, value in totals.items()},
            **table_facts(COVERAGE, len(rows), store.address(store.table_path(COVERAGE, day))),
        }
        if len(rows):
            from soundmill.capture.pictures import coverage_picture

            metadata["preview"] = preview(rows, ["source", "expected", "captured", "silent", "gap", "overlap", "drift", "clipped"])
            metadata["timeline"] = picture(coverage_picture(spans_of(segments, midnight(day))), f"what was recorded on {day}")
        if stations:
            metadata["stations"] = counts_table({one["name"]: f"{one['state']} {one['why']}".strip() for one in stations}, "station now")
        found = rows.to_pylist()
        doubled = [f"{row['source']} {row['overlap']:.1f} s" for row in found if row["overlap"] > 1]
        missing = [f"{row['source']} {row['gap']:.1f} s" for row in found if (row["sessions"] or not row["segments"]) and row["gap"] > 1]
        ill = [f"{one['name']} is {one['state']}: {one['why']}" for one in stations if one["state"] in ALARMING]
        return DayOutcome(
            metadata,
            {
                "no_overlap": Verdict(not doubled, "recorded twice: " + ", ".join(doubled)),
                "no_gaps": Verdict(not missing, "missing: " + ", ".join(missing)),
                "stations_alive": Verdict(not ill, "; ".join(ill)),
            },
        )

    return for_each_day(context, catalog.open(), update)


@dg.asset(partitions_def=days, deps=[captured_segments], group_name="capture", kinds={"numpy"}, backfill_policy=RANGE, code_version="1")
def sound_overview(context: dg.AssetExecutionContext, lake: LakeResource, catalog: CatalogResource) -> dg.MaterializeResult:
    """Spectrogram and peaks of the whole day for each source: what the annotator shows when it is zoomed out."""
    from soundmill.workflows.listening.overview import FOLDER, Overviews

    store, ledger = lake.open(), catalog.ledger()
    overviews = Overviews(store, catalog.open())

    def update(day: date) -> DayOutcome:
        done = [overviews.update(source, day) for source in sorted({item.source for item in ledger.segments(day, "ready")})]
        made = sum(one.made for one in done)
        metadata: dict[str, Any] = {
            "status": status(bool(made), len(done)),
            "sources": len(done),
            "tiles_made": made,
            "tiles_kept": sum(one.kept for one in done),
            "path": dg.MetadataValue.path(store.address(FOLDER)),
        }
        return DayOutcome(metadata)

    return for_each_day(context, catalog.open(), update)


def _few(result: "DayOfSegments", collection: CollectionResource) -> Verdict:
    bad, all_items = result.states.get("quarantined", 0), sum(result.states.values())
    share = bad / all_items if all_items else 0.0
    reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(result.reasons.items()))
    return Verdict(share <= collection.quarantine_warn_share, f"{bad} of {all_items} items ({share:.0%}): {reasons}")


def _segments_metadata(
    lake: "Lake", day: date, result: "DayOfSegments", collection: CollectionResource, studio: StudioResource
) -> dict[str, Any]:
    from soundmill.capture import SEGMENTS
    from soundmill.catalog.quarantine import quarantine_path

    ready = result.states.get("ready", 0)
    metadata: dict[str, Any] = {
        "status": "nothing usable" if result.states and not ready else status(result.changed, ready),
        "quarantined": result.states.get("quarantined", 0),
        "files": result.files,
        "files_worked_on": result.worked_on,
        "segments": ready,
        "hours": round(result.seconds.get("ready", 0.0) / 3600, 4),
        **table_facts(SEGMENTS, ready, lake.address(lake.table_path(SEGMENTS, day))),
    }
    if result.states:
        metadata["items_by_state"] = counts_table(result.states, "state")
    if result.reasons:
        metadata["quarantine_reasons"] = counts_table(result.reasons, "reason")
        metadata["quarantine"] = dg.MetadataValue.path(lake.address(quarantine_path(SEGMENTS.name, day)))
        metadata["quarantine_in_studio"] = dg.MetadataValue.url(studio.overview())
    if result.cut_short:
        metadata["truncated_kept"] = dg.MetadataValue.md("\n".join(f"- {line}" for line in result.cut_short[:50]))
    if result.other_days:
        metadata["also_reached"] = ", ".join(other.isoformat() for other in result.other_days)
    if ready:
        segments = lake.read_days(SEGMENTS, [day])
        sources = sorted(set(segments["source"].to_pylist()))
        metadata["studio"] = links({f"hear and label {source}": studio.day(source, day) for source in sources})
        made_from = lake.made_from(SEGMENTS, day) or ""
        for name, png in _pictures(lake, day, made_from, segments, collection).items():
            metadata[name] = picture(png, f"{name} of {day}")
        metadata["preview"] = preview(segments, ["source", "started_at", "seconds", "max_amp", "clipped"])
    return metadata


def _pictures(lake: "Lake", day: date, made_from: str, segments: Any, collection: CollectionResource) -> dict[str, bytes]:
    """Pictures of the day, drawn once for each state of its table and kept in the lake."""
    from soundmill.capture import SEGMENTS

    folder = f"reports/{SEGMENTS.name}/{day.isoformat()}"
    paths = {name: f"{folder}/{made_from}-{name}.png" for name in ("spectrograms", "levels")}
    if all(lake.exists(path) for path in paths.values()):
        return {name: lake.read_bytes(path) for name, path in paths.items()}
    from soundmill.capture.pictures import levels_picture, segments_picture

    drawn = {
        "spectrograms": segments_picture(lake, segments),
        "levels": levels_picture(segments["max_amp"].to_pylist(), collection.gate_dbfs),
    }
    for entry in list(lake.files(folder)):
        lake.delete(entry.path)
    for name, png in drawn.items():
        lake.write_bytes(paths[name], png)
    return drawn
