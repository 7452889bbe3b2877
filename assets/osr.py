"""Open-set recognisers: fitted per model name, judged on days they never saw, and let loose on each day's segments."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from assets.capture import captured_segments
from assets.features import annotation_features, segment_features
from assets.metadata import counts_table, picture, preview, status, table_facts
from assets.model_data import ModelData, feature_table, segment_sounds
from assets.partitions import RANGE, DayOutcome, Verdict, days, for_each_day, models
from resources import CatalogResource, CollectionResource, LakeResource
from soundmill.capture import SEGMENTS
from soundmill.catalog import ModelRegistry, ModelVersion, UnknownModel, lease
from soundmill.lake import Lake, NotInLake
from soundmill.osr.detections import DETECTIONS, detection_rows
from soundmill.osr.selection import DataChoice
from soundmill.osr.spec import CODE, OTHER, ModelSpec, NothingToLearnFrom, SpecRefused
from soundmill.osr.splits import Leak
from soundmill.osr.versions import VersionRows

if TYPE_CHECKING:
    from soundmill.osr.evaluation import HeldOut, Stream
    from soundmill.osr.novelty import NewSound
    from soundmill.osr.recogniser import Recogniser

_ALL_DAYS = dg.AllPartitionMapping()
DEMO = "demo"  # names that begin so are the demo's
_NEW_SHOWN = 12
_LONGEST_JUDGEMENT = 3600  # seconds: for another model's judgement to end
_WARN, _ERROR = dg.AssetCheckSeverity.WARN, dg.AssetCheckSeverity.ERROR


@dg.asset(
    partitions_def=models,
    deps=[dg.AssetDep(annotation_features, partition_mapping=_ALL_DAYS), dg.AssetDep(segment_features, partition_mapping=_ALL_DAYS)],
    group_name="osr",
    kinds={"scikitlearn"},
    code_version="1",
    check_specs=[
        dg.AssetCheckSpec("enough_sounds", asset="osr_model", description="Every tag was taught with at least ten sounds."),
        dg.AssetCheckSpec("no_leakage", asset="osr_model", blocking=True, description="No test sound is a copy of a taught one."),
    ],
)
def osr_model(
    context: dg.AssetExecutionContext, lake: LakeResource, catalog: CatalogResource, collection: CollectionResource
) -> dg.MaterializeResult:
    """A fitted recogniser and its card, from the annotated sounds and background of its training days.

    The same specification on the same data is the same version: nothing is fitted twice.
    """
    name, store, registry = context.partition_key, lake.open(), ModelRegistry(catalog.open())
    with _refused_in_one_line(), lease(catalog.open(), f"osr_model/{name}"):
        spec = ModelSpec.parse(registry.spec(name))
        data = ModelData(store, spec, collection)
        fingerprint = data.fingerprint(f"{spec.recogniser} {CODE[spec.recogniser]}")
        fit = registry.begin(name, fingerprint)
        if fit.card is None or not store.exists(_model_path(fit)):
            card = _fit(context, store, fit, data)
            registry.finish(name, fit.version, card)
            fresh = True
        else:
            card, fresh = fit.card, False
        leaks = data.leaks()
        registry.set_current(name, fit.version)
        before = registry.champion()
        if before is not None and before.name.startswith(DEMO) and not name.startswith(DEMO):
            registry.promote(name, fit.version, "the first model of one's own, in place of the demo's")
    champion = registry.champion()
    support: dict[str, int] = card["data"]["support"]
    few = [tag for tag in sorted({*support, *spec.tags}) if support.get(tag, 0) < 10]
    return dg.MaterializeResult(
        metadata={
            "status": "fitted" if fresh else "unchanged",
            "version": fit.version,
            "champion": champion is not None and (champion.name, champion.version) == (name, fit.version),
            "taught": counts_table(support, "tag"),
            "train_days": ", ".join(card["data"]["train_days"]),
            "test_days": ", ".join(card["data"]["test_days"]),
            "background_segments": card["data"]["background_segments"],
            "specification": dg.MetadataValue.json(card["spec"]),
            "fingerprint": fingerprint,
            "path": dg.MetadataValue.path(store.address(_model_path(fit))),
        },
        check_results=[
            dg.AssetCheckResult(
                check_name="enough_sounds", passed=not few, severity=_WARN, metadata={"tags_with_few": ", ".join(few) or "none"}
            ),
            dg.AssetCheckResult(
                check_name="no_leakage",
                passed=not leaks,
                severity=_WARN if spec.allow_duplicates else _ERROR,
                description=_said_of(leaks) if leaks else None,
                metadata={"copies": len(leaks)},
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
        dg.AssetCheckSpec("keeps_its_promise", asset="evaluation_report", description="No tag's recall stays 0.05 under what was promised.")
    ],
)
def evaluation_report(
    context: dg.AssetExecutionContext, lake: LakeResource, catalog: CatalogResource, collection: CollectionResource
) -> dg.MaterializeResult:
    """How the version of the model's newest fit does on its test days: metrics, pictures, and an HTML page that stands alone."""
    from soundmill.osr.evaluation import HeldOut, evaluate
    from soundmill.osr.recogniser import load_model
    from soundmill.osr.report import playable, report_html, report_pictures

    name, store, registry = context.partition_key, lake.open(), ModelRegistry(catalog.open())
    with _refused_in_one_line():
        fit = registry.current(name)
    card = fit.card or {}
    data = ModelData(store, ModelSpec.parse(card["spec"]), collection, _choice(card))
    if not data.days.test:
        raise dg.Failure(f"the model {name!r} has no test days: annotate another day, or define it with --test-days", allow_retries=False)
    if (leaks := data.leaks()) and not data.spec.allow_duplicates:
        raise dg.Failure(_said_of(leaks), allow_retries=False)
    model = load_model(store.read_bytes(_model_path(fit)))
    streams, fresh = _listen(model, data)
    test = HeldOut(data.tagged(), *data.test_background(), streams)
    with _refused_in_one_line():
        result = evaluate(model, test)
    with lease(catalog.open(), "promotion", wait=_LONGEST_JUDGEMENT):
        verdict = _judge(context, store, registry, fit, (model, test), data, bool(leaks))
    context.log.info("drawing the report")
    pictures = report_pictures(model, result)
    wanted = [example.key for example in result.worst] + [key for one in fresh[:_NEW_SHOWN] for key in one.examples]
    sounds = {key: playable(*found) for key, found in data.audio(wanted, data.days.test).items()}
    folder = f"reports/{name}/{fit.version}"
    store.write_if_changed(f"{folder}/evaluation.json", json.dumps(result.as_json(), indent=1).encode())
    for picture_name, png in pictures.items():
        store.write_if_changed(f"{folder}/{picture_name}.png", png)
    store.write_if_changed(f"{folder}/report.html", report_html(result, card, pictures, sounds, fresh[:_NEW_SHOWN], verdict).encode())
    broken = {
        tag: f"{row.recall:.2f} of {row.promised:.2f}"
        for tag, row in result.tags.items()
        if row.recall is not None and row.promised is not None and row.recall < row.promised - 0.05
    }
    return dg.MaterializeResult(
        metadata={
            "status": "evaluated",
            "version": fit.version,
            "report": dg.MetadataValue.path(store.address(f"{folder}/report.html")),
            "test_days": ", ".join(day.isoformat() for day in data.days.test),
            **_numbers(**asdict(result.headline)),
            "intervals": counts_table({name: f"{a:.3f} to {b:.3f}" for name, (a, b) in result.intervals.items()}, "95 % of bootstraps"),
            "promotion": verdict,
            "unknown_called_other": f"{result.unknown_rejected} of {result.unknown_support}",
            "per_tag": _per_tag(result.tags),
            "confusion": picture(pictures["confusion"], "confusion matrix"),
            "precision_recall": picture(pictures["curves"], "precision-recall curves"),
            **({"hours": picture(pictures["hours"], "time-of-day models")} if "hours" in pictures else {}),
        },
        check_results=[
            dg.AssetCheckResult(
                check_name="keeps_its_promise",
                passed=not broken,
                severity=_WARN,
                metadata={"recall_delivered": broken, "tags": len(result.tags)},
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
    context: dg.AssetExecutionContext, lake: LakeResource, catalog: CatalogResource, collection: CollectionResource
) -> dg.MaterializeResult:
    """The champion model's verdict on each segment of the day: tag or "other", score, model version."""
    store, registry = lake.open(), ModelRegistry(catalog.open())
    champion = registry.champion()
    loaded: list[Recogniser] = []
    ledger = catalog.ledger()
    before = ledger.processed(DETECTIONS.name)

    def update(day: date) -> DayOutcome:
        if champion is None:
            return DayOutcome({"status": "no champion model yet"}, {"every_segment_has_a_verdict": Verdict(True)})
        segments = store.read_days(SEGMENTS, [day])
        spec = ModelSpec.parse((champion.card or {})["spec"])
        table = feature_table("segment", spec.extractor)
        made_from = f"{champion.fingerprint} {store.made_from(SEGMENTS, day)} {store.made_from(table, day)}"
        mine = VersionRows(store, DETECTIONS, champion.name, champion.version)
        changed = mine.made_from(day) != made_from
        if changed:
            sounds = segment_sounds(store, [day], segments, spec.extractor, collection)
            rows = detection_rows(_champion_model(store, champion, loaded), champion.name, champion.version, segments, sounds)
            mine.write(day, rows, made_from)
        else:
            rows = mine.read(day)
        if before.get(day) != mine.label:
            ledger.mark_processed(DETECTIONS.name, day, mine.label, before.get(day))
        metadata = {
            "status": status(changed, len(rows)),
            "model": champion.name,
            "version": champion.version,
            "by_tag": counts_table(Counter(rows["tag"].to_pylist()), "tag"),
            **table_facts(DETECTIONS, len(rows), store.address(store.table_path(DETECTIONS, day))),
        }
        if named := rows.filter(pc.field("tag") != OTHER):
            metadata["preview"] = preview(named, ["source", "started_at", "tag", "score", "version"])
        return DayOutcome(metadata, {"every_segment_has_a_verdict": Verdict(len(rows) == len(segments), f"{len(rows)} of {len(segments)}")})

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
    """What the champion called "other", grouped by likeness: the sounds to teach next, the best first."""
    from soundmill.osr.novelty import NEW_SOUNDS, Rejected, group_new_sounds, new_sound_rows

    store, registry = lake.open(), ModelRegistry(catalog.open())
    champion = registry.champion()
    loaded: list[Recogniser] = []

    def update(day: date) -> DayOutcome:
        if champion is None:
            return DayOutcome({"status": "no champion model yet"})
        judged, mine = (VersionRows(store, table, champion.name, champion.version) for table in (DETECTIONS, NEW_SOUNDS))
        made_from = judged.made_from(day) or ""
        changed = mine.made_from(day) != made_from
        if changed:
            rejected = judged.read(day, where=pc.field("tag") == OTHER)
            segments = store.read_days(SEGMENTS, [day]).filter(pc.field("key").isin(rejected["key"].combine_chunks()))
            spec = ModelSpec.parse((champion.card or {})["spec"])
            sounds = segment_sounds(store, [day], segments, spec.extractor, collection)
            found = group_new_sounds(*Rejected.among(sounds, _champion_model(store, champion, loaded).verdicts(sounds)))
            rows = new_sound_rows(champion.name, champion.version, found)
            mine.write(day, rows, made_from)
        else:
            rows = mine.read(day)
        metadata = {
            "status": status(changed, len(rows)),
            "model": champion.name,
            "version": champion.version,
            **table_facts(NEW_SOUNDS, len(rows), store.address(store.table_path(NEW_SOUNDS, day))),
        }
        if len(rows):
            metadata["preview"] = preview(rows, ["rank", "sounds", "novelty", "nearest", "compactness"])
            metadata["examples"] = picture(_examples_picture(store, day, rows), "spectrograms of the groups' middles")
        return DayOutcome(metadata)

    return for_each_day(context, catalog.open(), update)


def _examples_picture(lake: Lake, day: date, rows: pa.Table) -> bytes:
    from soundmill.capture.pictures import spectrograms_picture

    first = [(row["examples"].split("\n")[0], f"{row['rank']}: {row['sounds']} sounds") for row in rows.slice(0, _NEW_SHOWN).to_pylist()]
    paths = lake.read_days(SEGMENTS, [day], columns=["key", "path"])
    by_key = dict(zip(paths["key"].to_pylist(), paths["path"].to_pylist(), strict=True))
    return spectrograms_picture(lake, [(by_key[key], title) for key, title in first if key in by_key])


def _listen(model: "Recogniser", data: ModelData) -> "tuple[list[Stream], list[NewSound]]":
    """The test days as detections would hear them, a source and day at a time, and groups among what was called "other"."""
    from soundmill.osr.evaluation import Stream
    from soundmill.osr.novelty import MOST_SOUNDS, Rejected, group_new_sounds

    streams, rejected = [], []
    for starts, seconds, sounds, events in data.streams():
        said = model.verdicts(sounds)
        streams.append(Stream(starts, seconds, said.names, events))
        taught = [event for event in events if event.tag in model.tags_]
        spans = zip(starts, seconds, strict=True)
        missed = [any(event.onset < start + length and event.offset > start for event in taught) for start, length in spans]
        rejected.append(Rejected.among(sounds, said, missed))
        kept = sum(len(part.keys) for part in rejected)
        if kept > MOST_SOUNDS:  # thinned evenly, so that a month takes no more memory than a day
            rejected = [part.thinned(MOST_SOUNDS / kept / 2) for part in rejected]
    return streams, group_new_sounds(*Rejected.joined(rejected)) if rejected else []


def _champion_model(lake: Lake, fit: ModelVersion, loaded: "list[Recogniser]") -> "Recogniser":
    """The champion's model, read once a run."""
    from soundmill.osr.recogniser import load_model

    if not loaded:
        loaded.append(load_model(lake.read_bytes(_model_path(fit))))
    return loaded[0]


def _judge(
    context: dg.AssetExecutionContext,
    lake: Lake,
    registry: ModelRegistry,
    fit: ModelVersion,
    judged: "tuple[Recogniser, HeldOut]",
    data: ModelData,
    copies: bool,
) -> str:
    """Promotes a challenger that is better on days new to both; says in words what became of it."""
    from soundmill.features.extractor import ExtractorUnavailable
    from soundmill.features.registry import UnknownExtractor
    from soundmill.osr.evaluation import HeldOut
    from soundmill.osr.promotion import compare, may_compete
    from soundmill.osr.recogniser import UntrustedModel, load_model

    champion = registry.champion()
    if champion is None or champion.card is None or fit.card is None:
        return "there is no champion"
    if (champion.name, champion.version) == (fit.name, fit.version):
        return f"is the champion: {champion.promoted_because}"
    against = f"against {champion.name} {champion.version}"
    if fit.name.startswith(DEMO):
        return f"not compared {against}: the demo's models promote themselves"
    if copies:
        return f"not compared {against}: it learnt from copies of test sounds"
    if reason := may_compete(champion.card, fit.card):
        return f"not compared {against}: {reason}"
    collection = data.collection
    same_ground = {**champion.card["spec"], "sources": data.spec.sources, "seed": data.spec.seed}
    try:
        rival = ModelData(lake, ModelSpec.parse(same_ground), collection, data.days)
        theirs = load_model(lake.read_bytes(_model_path(champion))), HeldOut(rival.tagged(), *rival.test_background())
        result = compare(theirs, judged, collection.promotion_margin)
    except (dg.Failure, NotInLake, UntrustedModel, ExtractorUnavailable, UnknownExtractor, SpecRefused) as error:
        return f"not compared {against}: {getattr(error, 'description', None) or error}"
    if result is None:
        return f"not compared {against}: the test days hold too little to tell"
    folder = f"reports/{fit.name}/{fit.version}"
    lake.write_if_changed(f"{folder}/against_{champion.name}_{champion.version}.json", json.dumps(result.as_json(), indent=1).encode())
    if not result.promote:
        return f"stays a challenger {against}: {result.because}"
    if not collection.promote_automatically:
        return f"would be promoted {against}: {result.because}; SOUNDMILL_PROMOTE_AUTOMATICALLY is off"
    registry.promote(fit.name, fit.version, f"better than {champion.name} {champion.version}: {result.because}")
    context.log.info(f"{fit.name} {fit.version} is the champion now: {result.because}")
    return f"promoted {against}: {result.because}"


@contextmanager
def _refused_in_one_line() -> Iterator[None]:
    """What a model cannot be made or judged of is said without a trace of the code, and is not tried again."""
    try:
        yield
    except (NothingToLearnFrom, SpecRefused, UnknownModel) as error:
        raise dg.Failure(str(error), allow_retries=False) from None


def _said_of(leaks: list[Leak]) -> str:
    shown = "; ".join(f"{leak.tested} is {leak.taught} ({leak.likeness:.2f})" for leak in leaks[:3])
    return (
        f"{len(leaks)} test sounds are copies of what the model learnt from: {shown}. Name other days, or define it with --allow-duplicates"
    )


def _model_path(fit: ModelVersion) -> str:
    return f"models/{fit.name}/{fit.version}/model.skops"


def _choice(card: dict[str, Any]) -> DataChoice:
    train, test, background = (
        tuple(date.fromisoformat(day) for day in card["data"][key]) for key in ("train_days", "test_days", "background_days")
    )
    return DataChoice(train, test, background)


def _numbers(**values: float | None) -> dict[str, Any]:
    return {name: "none" if value is None else round(value, 4) for name, value in values.items()}


def _per_tag(tags: dict[str, Any]) -> dg.MarkdownMetadataValue:
    lines = ["| tag | test sounds | precision | recall | promised |", "| --- | --- | --- | --- | --- |"]
    for tag, row in tags.items():
        precision, recall, promised = ("–" if value is None else f"{value:.2f}" for value in (row.precision, row.recall, row.promised))
        lines.append(f"| {tag} | {row.support} | {precision} | {recall} | {promised} |")
    return dg.MetadataValue.md("\n".join(lines))


def _fit(context: dg.AssetExecutionContext, lake: Lake, fit: ModelVersion, data: ModelData) -> dict[str, Any]:
    """Fits, stores the model and its card, and returns the card."""
    from soundmill.features.registry import extractor
    from soundmill.osr.card import card_markdown, model_card
    from soundmill.osr.recogniser import dump_model, recogniser

    taught, support, groups = data.taught()
    background = data.background_for(support)
    context.log.info(f"fitting {fit.name} {fit.version} to {len(taught)} sounds of {len(support)} tags and {len(background)} of background")
    blocks = [size for _, size in extractor(data.spec.extractor).groups]
    model = recogniser(data.spec, blocks).fit(taught, background if len(background) else None)
    facts = {
        "train_days": [day.isoformat() for day in data.days.train],
        "test_days": [day.isoformat() for day in data.days.test],
        "background_days": [day.isoformat() for day in data.days.background],
        "support": {tag: support.get(tag, 0) for tag in model.tags_},
        "sounds": len(taught),
        "groups": len(set(taught.groups)),
        "groups_are": groups,
        "background_segments": len(background),
        "timezone": data.collection.timezone,
    }
    card = model_card(fit.name, fit.version, fit.fingerprint, data.spec, model, facts)
    with lake.writer(_model_path(fit)) as file:
        dump_model(model, file)
    folder = f"models/{fit.name}/{fit.version}"
    card["sha256"] = hashlib.sha256(lake.read_bytes(_model_path(fit))).hexdigest()
    lake.write_bytes(f"{folder}/card.json", json.dumps(card, indent=1).encode())
    lake.write_bytes(f"{folder}/card.md", card_markdown(card).encode())
    return card
