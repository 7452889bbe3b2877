"""Open-set recognisers: fitted per model name, judged on days they never saw, and let loose on each day's segments."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from importlib.metadata import version as installed
from typing import TYPE_CHECKING, Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from assets.capture import captured_segments
from assets.features import annotation_features, segment_features
from assets.metadata import counts_table, picture, preview, status, table_facts
from assets.partitions import RANGE, DayOutcome, Verdict, days, for_each_day, models
from resources import CatalogResource, CollectionResource, LakeResource
from soundmill.capture import SEGMENTS
from soundmill.catalog import ModelRegistry, ModelVersion, UnknownModel, lease
from soundmill.fingerprint import digest
from soundmill.labelling.snapshot import ANNOTATIONS
from soundmill.lake import Lake
from soundmill.osr.detections import DETECTIONS, detection_rows
from soundmill.osr.selection import TEST_BACKGROUND_PER_DAY, DataChoice, background_share, choose_days, free_of, sample
from soundmill.osr.sounds import Sounds
from soundmill.osr.spec import OTHER, ModelSpec, NothingToLearnFrom, SpecRefused

if TYPE_CHECKING:
    from soundmill.osr.gaussian_votes import GaussianVotes

_ALL_DAYS = dg.AllPartitionMapping()
DEMO = "demo"  # names that begin so are the demo's
_RECOGNISER = "gaussian_votes 1"  # part of every fit's fingerprint: goes up when the same data would give another model
_WARN, _ERROR = dg.AssetCheckSeverity.WARN, dg.AssetCheckSeverity.ERROR


@dg.asset(
    partitions_def=models,
    deps=[dg.AssetDep(annotation_features, partition_mapping=_ALL_DAYS), dg.AssetDep(segment_features, partition_mapping=_ALL_DAYS)],
    group_name="osr",
    kinds={"scikitlearn"},
    code_version="1",
    check_specs=[dg.AssetCheckSpec("enough_sounds", asset="osr_model", description="Every tag was taught with at least ten sounds.")],
)
def osr_model(
    context: dg.AssetExecutionContext, lake: LakeResource, catalog: CatalogResource, collection: CollectionResource
) -> dg.MaterializeResult:
    """A fitted recogniser and its card, from the annotated sounds and background of its training days.

    The same specification on the same data is the same version: nothing is fitted twice.
    """
    name, store, registry = context.partition_key, lake.open(), ModelRegistry(catalog.open())
    with _refused_in_one_line(), lease(catalog.open(), f"osr_model/{name}"):
        data = _ModelData(store, ModelSpec.parse(registry.spec(name)), collection)
        fingerprint = data.fingerprint()
        fit = registry.begin(name, fingerprint)
        if fit.card is None or not store.exists(_model_path(fit)):
            card = _fit(context, store, fit, data)
            registry.finish(name, fit.version, card)
            fresh = True
        else:
            card, fresh = fit.card, False
        registry.set_current(name, fit.version)
        before = registry.champion()
        if before is not None and before.name.startswith(DEMO) and not name.startswith(DEMO):
            registry.promote(name, fit.version, "the first model of one's own, in place of the demo's")
    champion = registry.champion()
    support: dict[str, int] = card["data"]["support"]
    few = [tag for tag, count in support.items() if count < 10]
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
            )
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
    from soundmill.osr.evaluation import evaluate
    from soundmill.osr.report import report_html, report_pictures
    from soundmill.osr.storage import load_model

    name, store, registry = context.partition_key, lake.open(), ModelRegistry(catalog.open())
    with _refused_in_one_line():
        fit = registry.current(name)
    card = fit.card or {}
    data = _ModelData(store, ModelSpec.parse(card["spec"]), collection, _choice(card))
    if not data.days.test:
        raise dg.Failure(f"the model {name!r} has no test days: annotate another day, or define it with --test-days", allow_retries=False)
    model = load_model(store.read_bytes(_model_path(fit)))
    # every label of the test days: sounds of tags that the model was not taught ought to be "other"
    tagged = data.tagged(data.days.test, of_any_tag=True)
    background, seconds = data.background(data.days.test, TEST_BACKGROUND_PER_DAY * len(data.days.test))
    with _refused_in_one_line():
        result = evaluate(model, tagged, background, seconds)
    pictures = report_pictures(model, result)
    folder = f"reports/{name}/{fit.version}"
    store.write_if_changed(f"{folder}/evaluation.json", json.dumps(result.as_json(), indent=1).encode())
    for picture_name, png in pictures.items():
        store.write_if_changed(f"{folder}/{picture_name}.png", png)
    store.write_if_changed(f"{folder}/report.html", report_html(result, card, pictures).encode())
    broken = {
        tag: f"{row.recall:.2f} of {row.promised:.2f}"
        for tag, row in result.tags.items()
        if row.recall is not None and row.recall < row.promised - 0.05
    }
    return dg.MaterializeResult(
        metadata={
            "status": "evaluated",
            "version": fit.version,
            "report": dg.MetadataValue.path(store.address(f"{folder}/report.html")),
            "test_days": ", ".join(day.isoformat() for day in data.days.test),
            **_numbers(
                closed_accuracy=result.closed_accuracy,
                known_auroc=result.known_auroc,
                false_positives_per_hour=result.false_positives_per_hour,
            ),
            "unknown_called_other": f"{result.unknown_rejected} of {result.unknown_support}",
            "per_tag": _per_tag(result.tags),
            "confusion": picture(pictures["confusion"], "confusion matrix"),
            "precision_recall": picture(pictures["curves"], "precision-recall curves"),
            "hours": picture(pictures["hours"], "time-of-day models"),
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
    loaded: list[GaussianVotes] = []

    def model(fit: ModelVersion) -> "GaussianVotes":
        from soundmill.osr.storage import load_model

        if not loaded:
            loaded.append(load_model(store.read_bytes(_model_path(fit))))
        return loaded[0]

    def update(day: date) -> DayOutcome:
        if champion is None:
            return DayOutcome({"status": "no champion model yet"}, {"every_segment_has_a_verdict": Verdict(True)})
        segments = store.read_days(SEGMENTS, [day])
        spec = ModelSpec.parse((champion.card or {})["spec"])
        table = _feature_table("segment", spec.extractor)
        mine = f"{champion.fingerprint} {store.made_from(SEGMENTS, day)} {store.made_from(table, day)}"
        label = f"{champion.name}/{champion.version}"
        notes: dict[str, str] = json.loads(store.made_from(DETECTIONS, day) or "{}")
        changed = notes.get(label) != mine
        is_mine = (pc.field("model") == champion.name) & (pc.field("version") == champion.version)
        if changed:
            sounds = _segment_sounds(store, [day], segments, spec.extractor, collection)
            if unheard := int((~sounds.heard()).sum()):
                raise dg.Failure(
                    f"{unheard} of {len(segments)} segments have no {spec.extractor} vectors: materialise segment_features for {day}",
                    allow_retries=False,
                )
            rows = detection_rows(model(champion), champion.name, champion.version, segments, sounds)
            others = store.read_days(DETECTIONS, [day], where=~is_mine)
            store.write_day(DETECTIONS, day, pa.concat_tables([others, rows]), made_from=json.dumps({**notes, label: mine}, sort_keys=True))
        else:
            rows = store.read_days(DETECTIONS, [day], where=is_mine)
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


@contextmanager
def _refused_in_one_line() -> Iterator[None]:
    """What a model cannot be made or judged of is said without a trace of the code, and is not tried again."""
    try:
        yield
    except (NothingToLearnFrom, SpecRefused, UnknownModel) as error:
        raise dg.Failure(str(error), allow_retries=False) from None


def _model_path(fit: ModelVersion) -> str:
    return f"models/{fit.name}/{fit.version}/model.skops"


def _choice(card: dict[str, Any]) -> DataChoice:
    train, test, background = (
        tuple(date.fromisoformat(day) for day in card["data"][key]) for key in ("train_days", "test_days", "background_days")
    )
    return DataChoice(train, test, background)


def _is_in(column: str, values: Sequence[str]) -> pc.Expression:
    return pc.field(column).isin(pa.array(values, pa.string()))  # typed: an empty list has no type of its own


def _numbers(**values: float | None) -> dict[str, Any]:
    return {name: "none" if value is None else round(value, 4) for name, value in values.items()}


def _per_tag(tags: dict[str, Any]) -> dg.MarkdownMetadataValue:
    lines = ["| tag | test sounds | precision | recall | promised |", "| --- | --- | --- | --- | --- |"]
    for tag, row in tags.items():
        precision, recall = ("–" if value is None else f"{value:.2f}" for value in (row.precision, row.recall))
        lines.append(f"| {tag} | {row.support} | {precision} | {recall} | {row.promised:.2f} |")
    return dg.MetadataValue.md("\n".join(lines))


def _feature_table(of: str, extractor_name: str) -> Any:
    from soundmill.features.registry import extractor
    from soundmill.features.store import feature_table

    return feature_table(of, extractor(extractor_name))


def _segment_sounds(lake: Lake, of_days: list[date], segments: pa.Table, extractor_name: str, collection: CollectionResource) -> Sounds:
    """Sounds of the given segments, in their order, from the feature tables of their days."""
    from soundmill.features.store import vectors

    wanted = _is_in("key", segments["key"].to_pylist())
    rows = lake.read_days(_feature_table("segment", extractor_name), of_days, columns=["key", "vector"], where=wanted)
    return Sounds.build(
        segments["key"].to_pylist(),
        segments["started_at"].to_pylist(),
        collection.zone,
        rows["key"].to_pylist(),
        vectors(rows),
        max_amp=segments["max_amp"].to_pylist(),
    )


class _ModelData:
    """The sounds a model is fitted to and judged on, brought together from the tables of its days."""

    def __init__(self, lake: Lake, spec: ModelSpec, collection: CollectionResource, choice: DataChoice | None = None) -> None:
        self._lake, self.spec, self.collection = lake, spec, collection
        self.days = choice or self._choose()

    def fingerprint(self) -> str:
        """Covers the specification, the chosen days, every label, vector and segment that the fit may use, and its code."""
        parts = [_RECOGNISER, self.spec.model_dump_json(), repr(self.days), self.collection.timezone, installed("scikit-learn")]
        parts += [row["key"] for row in self._labels(self.days.train)]
        for table, of_days in (
            (_feature_table("annotation", self.spec.extractor), self.days.train),
            (_feature_table("segment", self.spec.extractor), self.days.background),
        ):
            first = pc.field("number") == 0  # of each sound's vectors
            rows = self._lake.read_days(table, of_days, columns=["key", "content", "extractor"], where=first & self._of_sources)
            parts += [" ".join(row.values()) for row in rows.to_pylist()]
        labels = self._lake.read_days(ANNOTATIONS, self.days.background, columns=["source", "start", "end"], where=self._of_sources)
        parts += [str(sorted(row.items())) for row in labels.to_pylist()]
        return digest(parts)

    def tagged(self, of_days: tuple[date, ...], *, of_any_tag: bool = False) -> Sounds:
        """Annotated sounds of the model's sources and tags, or of any tag. Raises `dg.Failure` where their features have not been made."""
        from soundmill.features.store import vectors

        labels = self._labels(of_days, of_any_tag=of_any_tag)
        table = _feature_table("annotation", self.spec.extractor)
        have = set(self._lake.days(table))
        if missing := sorted({row["start"].date() for row in labels} - have):
            names = ", ".join(day.isoformat() for day in missing)
            raise dg.Failure(
                f"annotation_features of {self.spec.extractor} is missing for {names}: materialise those days", allow_retries=False
            )
        rows = self._lake.read_days(table, of_days, columns=["key", "vector"])
        return Sounds.build(
            [row["key"] for row in labels],
            [row["start"] for row in labels],
            self.collection.zone,
            rows["key"].to_pylist(),
            vectors(rows),
            tags=[row["tag"] for row in labels],
        )

    def background(self, of_days: tuple[date, ...], count: int) -> tuple[Sounds, float]:
        """At most `count` segments, drawn at random, that no annotation touches; and their seconds."""
        segments = self._lake.read_days(SEGMENTS, of_days, where=self._of_sources)
        spans = [(row["key"], row["source"], row["started_at"], row["seconds"]) for row in segments.to_pylist()]
        labels = [(row["source"], row["start"], row["end"]) for row in self._lake.read_days(ANNOTATIONS, of_days).to_pylist()]
        chosen = sample(free_of(spans, labels), count, self.spec.seed)
        segments = segments.filter(_is_in("key", chosen))
        sounds = _segment_sounds(self._lake, list(of_days), segments, self.spec.extractor, self.collection)
        return sounds, sum(segments["seconds"].to_pylist())

    def _choose(self) -> DataChoice:
        annotated = {row["start"].date() for row in self._labels(tuple(self._lake.days(ANNOTATIONS)))}
        return choose_days(self.spec, annotated)

    def _labels(self, of_days: tuple[date, ...], *, of_any_tag: bool = False) -> list[dict[str, Any]]:
        rows = self._lake.read_days(ANNOTATIONS, of_days, where=self._of_sources).to_pylist()
        return [row for row in rows if of_any_tag or not self.spec.tags or row["tag"] in self.spec.tags]

    @property
    def _of_sources(self) -> pc.Expression:
        return _is_in("source", self.spec.sources) if self.spec.sources else pc.scalar(True)


def _fit(context: dg.AssetExecutionContext, lake: Lake, fit: ModelVersion, data: _ModelData) -> dict[str, Any]:
    """Fits, stores the model and its card, and returns the card."""
    from soundmill.osr.gaussian_votes import GaussianVotes
    from soundmill.osr.storage import dump_model

    spec = data.spec
    taught = data.tagged(data.days.train)
    heard = taught.take(taught.heard().nonzero()[0])
    per_tag = Counter(heard.tags[i] for i in heard.owner.tolist())
    background, _ = data.background(data.days.background, background_share(per_tag))
    context.log.info(f"fitting {fit.name} {fit.version} to {len(heard)} sounds of {len(per_tag)} tags and {len(background)} of background")
    model = GaussianVotes(
        spec.components, spec.regularisation, spec.least_recall, spec.least_dbfs, time_of_day=spec.time_of_day, seed=spec.seed
    ).fit(heard, background if len(background) else None)
    card = {
        "name": fit.name,
        "version": fit.version,
        "fingerprint": fit.fingerprint,
        "spec": spec.model_dump(mode="json"),
        "tags": model.tags_,
        "thresholds": {tag: round(value, 6) for tag, value in model.thresholds_.items()},
        "data": {
            "train_days": [day.isoformat() for day in data.days.train],
            "test_days": [day.isoformat() for day in data.days.test],
            "background_days": [day.isoformat() for day in data.days.background],
            "support": {tag: heard.tags.count(tag) for tag in model.tags_},
            "background_segments": len(background),
            "timezone": data.collection.timezone,
        },
        "versions": {package: installed(package) for package in ("soundmill", "scikit-learn", "numpy", "skops")},
    }
    with lake.writer(_model_path(fit)) as file:
        dump_model(model, file)
    lake.write_bytes(f"models/{fit.name}/{fit.version}/card.json", json.dumps(card, indent=1).encode())
    return card
