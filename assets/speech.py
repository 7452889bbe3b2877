"""Speech: what was said on a day, the words that somebody looks for, and how it was meant."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import dagster as dg
import pyarrow.compute as pc

from assets.capture import captured_segments
from assets.ingest import downloads
from assets.metadata import counts_table, picture, preview, status, table_facts
from assets.partitions import RANGE, DayOutcome, Verdict, days, for_each_day
from resources import CatalogResource, LakeResource, SpeechResource
from soundmill.capture import SEGMENTS, Timeline, landed_on
from soundmill.catalog import Catalog, Ledger, Uploads
from soundmill.catalog.uploads import SOURCE as UPLOADED
from soundmill.ingest.downloads import DOWNLOADS
from soundmill.ingest.downloads import SOURCE as DOWNLOADED
from soundmill.lake import Lake
from soundmill.speech.tables import KEYWORD_HITS, SENTIMENT, TRANSCRIPTS, Spoken, stretches

if TYPE_CHECKING:
    from soundmill.speech.tables import DayOfTranscripts

uploaded_recordings = dg.AssetSpec(
    "uploaded_recordings",
    group_name="speech",
    description="Recordings that people and programs upload to /transcriber, in the catalog and in `audio/uploads/`.",
)


@dg.asset(
    partitions_def=days,
    deps=[downloads, captured_segments, uploaded_recordings],
    group_name="speech",
    kinds={"python", "parquet"},
    backfill_policy=RANGE,
    code_version="1",
    check_specs=[
        dg.AssetCheckSpec(
            "all_transcribed", asset="transcripts", description="Every recording of the day has a transcript of the model of now."
        )
    ],
)
def transcripts(
    context: dg.AssetExecutionContext, lake: LakeResource, catalog: CatalogResource, speech: SpeechResource
) -> dg.MaterializeResult:
    """What was said in every recording of the day: downloads, uploads, and captured sound joined where it has no gap.

    Only what is new, changed or heard by another model is worked on. With references (`references/**/*.trans.txt` in the lake) the
    metadata holds the word error rate. Without a speech model the day says so, and nothing else is hindered.
    """
    from soundmill.speech import NoSpeechModel, Transcript
    from soundmill.speech.tables import forget_gone, update_transcripts

    store, records = lake.open(), catalog.open()
    try:
        writer = speech.transcriber()
    except NoSpeechModel as error:
        writer, why = None, str(error)
    else:
        why = "SOUNDMILL_TRANSCRIPTION_ENABLED is off"

    def update(day: date) -> DayOutcome:
        previous = catalog.ledger().processed(TRANSCRIPTS.name).get(day)
        mark, recordings = speech.mark(catalog.ledger(), day), spoken_on(store, records, day)
        if writer is None:
            gone = forget_gone(store, TRANSCRIPTS, day, {one.key for one in recordings})
            catalog.ledger().mark_processed(TRANSCRIPTS.name, day, mark, previous)
            return DayOutcome({"status": "not written down", "why": why, "deleted": gone}, {"all_transcribed": Verdict(True)})
        known = {content: Transcript.from_json(found) for content, found in Uploads(records).transcripts(day, writer.model).items()}
        timeline = Timeline(store, store.read_days(SEGMENTS, [day]))

        def progress(done: int, total: int) -> None:
            if done % 20 == 0 or done == total:
                context.log.info(f"{day}: {done} of {total} recordings written down")

        def sound_of(one: Spoken) -> Any:
            return _sound_of(store, timeline, one)

        wanted = [one for one in recordings if speech.is_wanted(one.source)]
        result = update_transcripts(store, day, wanted, writer, sound_of, known, progress)
        catalog.ledger().mark_processed(TRANSCRIPTS.name, day, mark, previous)
        facts = "; ".join(f"{key}: {reason}" for key, reason in list(result.failed.items())[:5])
        verdict = Verdict(not result.failed, f"{len(result.failed)} of {len(wanted)}: {facts}")
        metadata = _transcripts_metadata(store, day, result, writer.model)
        if not wanted and store.made_from(SEGMENTS, day) is None and (landed := len(landed_on(store, day)[0])):
            metadata["why"] = f"{landed} landed files of the day are not cut yet: materialise captured_segments first"
        return DayOutcome(metadata, {"all_transcribed": verdict})

    return for_each_day(context, records, update)


@dg.asset(
    partitions_def=days, deps=[transcripts], group_name="speech", kinds={"python", "parquet"}, backfill_policy=RANGE, code_version="1"
)
def keyword_hits(
    context: dg.AssetExecutionContext, lake: LakeResource, catalog: CatalogResource, speech: SpeechResource
) -> dg.MaterializeResult:
    """Where the words of SOUNDMILL_KEYWORDS were said. Other words are looked for without hearing anything again."""
    from soundmill.speech import UnusableKeywords
    from soundmill.speech.tables import update_keyword_hits

    store = lake.open()
    try:
        keywords = speech.keywords()
    except UnusableKeywords as error:
        raise dg.Failure(f"SOUNDMILL_KEYWORDS: {error}", allow_retries=False) from None

    def update(day: date) -> DayOutcome:
        counts, changed = update_keyword_hits(store, day, keywords)
        hits = store.read_days(KEYWORD_HITS, [day])
        shown = hits.filter(pc.field("source") != UPLOADED)  # Dagster's log keeps for ever what people delete
        metadata = {
            "status": status(changed, len(hits)),
            "hits": len(hits),
            **({"keywords": counts_table(counts, "keyword")} if counts else {"why": "nothing is looked for: set SOUNDMILL_KEYWORDS"}),
            **table_facts(KEYWORD_HITS, len(hits), store.address(store.table_path(KEYWORD_HITS, day))),
        }
        if len(shown):
            metadata["preview"] = preview(shown, ["keyword", "source", "key", "start", "end", "heard", "confidence", "score"])
        return DayOutcome(metadata)

    return for_each_day(context, catalog.open(), update)


@dg.asset(
    partitions_def=days, deps=[transcripts], group_name="speech", kinds={"python", "parquet"}, backfill_policy=RANGE, code_version="1"
)
def sentiment(
    context: dg.AssetExecutionContext, lake: LakeResource, catalog: CatalogResource, speech: SpeechResource
) -> dg.MaterializeResult:
    """How negative, neutral and positive each transcript is, as a whole and sentence by sentence."""
    from soundmill.speech import NoSentimentModel
    from soundmill.speech.tables import forget_gone, update_sentiment

    store = lake.open()
    try:
        judge = speech.sentiment()
    except NoSentimentModel as error:
        judge, why = None, str(error)
    else:
        why = "SOUNDMILL_SENTIMENT_ENABLED is off"

    def update(day: date) -> DayOutcome:
        if judge is None:
            there = store.read_days(TRANSCRIPTS, [day], columns=["key"])["key"].to_pylist()
            return DayOutcome({"status": "not judged", "why": why, "deleted": forget_gone(store, SENTIMENT, day, there)})
        try:
            along, mean, changed = update_sentiment(store, day, judge)
        except NoSentimentModel as error:
            raise dg.Failure(str(error), allow_retries=False) from None
        rows = store.read_days(SENTIMENT, [day])
        metadata = {
            "status": status(changed, len(rows)),
            "recordings": len(along),
            "sentences": sum(map(len, along.values())),
            "model": judge.model,
            **table_facts(SENTIMENT, len(rows), store.address(store.table_path(SENTIMENT, day))),
        }
        if along:
            from soundmill.speech.pictures import sentiment_picture

            metadata["mean"] = counts_table(vars(mean), "mean over recordings")
            metadata["along"] = picture(sentiment_picture(along), f"sentiment along the recordings of {day}")
        return DayOutcome(metadata)

    return for_each_day(context, catalog.open(), update)


def spoken_on(store: Lake, records: Catalog, day: date) -> list[Spoken]:
    """All recordings of a day that may hold speech."""
    found = stretches(store.read_days(SEGMENTS, [day]).to_pylist())
    for row in store.read_days(DOWNLOADS, [day], columns=["key", "state", "seconds", "content_hash", "path"]).to_pylist():
        if row["state"] == "ready":
            name = Path(row["path"]).stem
            found.append(Spoken(row["key"], "download", DOWNLOADED, name, None, row["seconds"], row["content_hash"], (row["path"],)))
    for item in Ledger(records).uploads(day):
        name, path = Path(item.measures["file"]).stem, item.path or ""
        found.append(Spoken(item.key, "upload", UPLOADED, name, None, item.seconds, item.content_hash or "", (path,)))
    return found


@contextmanager
def _sound_of(store: Lake, timeline: Timeline, one: Spoken) -> Iterator[Path]:
    """A recording as a file: itself, or the segments of a stretch written after each other."""
    if one.kind != "stretch":
        with store.local_file(one.paths[0]) as local:
            yield local
        return
    import wave

    assert one.started_at is not None
    with TemporaryDirectory(prefix="soundmill-") as folder:
        path = Path(folder) / "stretch.wav"
        rate, pieces = timeline.pieces(one.source, one.started_at, one.started_at + timedelta(seconds=one.seconds))
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, rate, 0, "NONE", "not compressed"))
            for samples, _ in pieces:
                file.writeframes(samples.astype("<i2").tobytes())
        yield path


def _transcripts_metadata(store: Lake, day: date, result: "DayOfTranscripts", model: str) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "status": status(result.changed, result.recordings),
        "recordings": result.recordings,
        "written_down_now": result.worked_on - len(result.failed),
        "failed": len(result.failed),
        "hours": round(result.seconds / 3600, 4),
        "words": result.words,
        "model": model,
        **table_facts(TRANSCRIPTS, result.recordings, store.address(store.table_path(TRANSCRIPTS, day))),
    }
    if result.errors:
        whole = result.all_errors
        worst = sorted(result.errors.items(), key=lambda pair: -pair[1].rate)[:20]
        metadata["word_error_rate"] = round(whole.rate, 4)
        metadata["word_errors"] = counts_table(
            {name: getattr(whole, name) for name in ("correct", "substituted", "deleted", "inserted")}, "words"
        )
        metadata["worst_recordings"] = counts_table({name: f"{errors.rate:.1%}" for name, errors in worst}, "word error rate")
    rows = store.read_days(TRANSCRIPTS, [day], where=pc.field("source") != UPLOADED)  # as above
    if len(rows):
        metadata["preview"] = preview(rows, ["source", "recording", "seconds", "text"])
    return metadata
