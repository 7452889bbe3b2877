"""Speech: transcripts of a day's recordings, the keywords in them, and their sentiment."""

from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg

from assets.capture import captured_segments
from assets.failures import refused_in_one_line
from assets.ingest import downloads
from assets.metadata import counts_table, picture, preview, status, table_facts
from assets.partitions import RANGE, DayOutcome, Verdict, days, for_each_day
from resources import CatalogResource, LakeResource, SpeechResource
from soundmill.errors import NoSentimentModel, NoSpeechModel

if TYPE_CHECKING:
    from soundmill.lake import Lake


if TYPE_CHECKING:
    from soundmill.speech.tables import DayOfTranscripts

uploaded_recordings = dg.AssetSpec(
    "uploaded_recordings",
    group_name="speech",
    description="Recordings that people and programs upload to /transcriber, in the catalog and in `audio/uploads/`.",
)
catalog_takes = dg.AssetSpec(
    "catalog_takes",
    group_name="prompts",
    description="Takes of prompt sets, as people read them in the studio and take them back, in the catalog and in `audio/takes/`.",
)


@dg.asset(
    partitions_def=days,
    deps=[downloads, captured_segments, uploaded_recordings, catalog_takes],
    group_name="speech",
    kinds={"python", "parquet"},
    backfill_policy=RANGE,
    code_version="1",
    check_specs=[
        dg.AssetCheckSpec(
            "all_transcribed", asset="transcripts", description="Every recording of the day has a transcript by the current model."
        )
    ],
)
def transcripts(
    context: dg.AssetExecutionContext, lake: LakeResource, catalog: CatalogResource, speech: SpeechResource
) -> dg.MaterializeResult:
    """Transcripts of every recording of the day: downloads, uploads, and captured sound joined where it has no gap.

    Only what is new, changed or was transcribed by another model is worked on. With references (`references/**/*.trans.txt` in the lake)
    the metadata holds the word error rate. Without a speech model the day says so, and nothing else is hindered.
    """
    from soundmill.capture import SEGMENTS, landed_on
    from soundmill.speech.loading import load_transcriber
    from soundmill.speech.tables import TRANSCRIPTS, forget_gone
    from soundmill.workflows.transcription import recordings_of, speech_marks, transcribe_day

    store, records, options = lake.open(), catalog.open(), speech.options()
    try:
        model = load_transcriber(options)
    except NoSpeechModel as error:
        model, why = None, str(error)
    else:
        why = "SOUNDMILL_TRANSCRIPTION_ENABLED is off"

    def update(day: date) -> DayOutcome:
        ledger = catalog.ledger()
        previous = ledger.processed(TRANSCRIPTS.name).get(day)
        mark, recordings = speech_marks(ledger, options, [day])[day], recordings_of(store, records, day, options.language)
        if model is None:
            deleted = forget_gone(store, TRANSCRIPTS, day, {recording.key for recording in recordings})
            ledger.mark_processed(TRANSCRIPTS.name, day, mark, previous)
            return DayOutcome({"status": "not transcribed", "why": why, "deleted": deleted}, {"all_transcribed": Verdict(True)})

        def progress(done: int, total: int) -> None:
            if done % 20 == 0 or done == total:
                context.log.info(f"{day}: {done} of {total} recordings transcribed")

        wanted = [recording for recording in recordings if options.is_wanted(recording.source)]
        result = transcribe_day(store, records, day, wanted, model, progress)
        ledger.mark_processed(TRANSCRIPTS.name, day, mark, previous)
        facts = "; ".join(f"{key}: {reason}" for key, reason in list(result.failed.items())[:5])
        verdict = Verdict(not result.failed, f"{len(result.failed)} of {len(wanted)}: {facts}")
        metadata = _transcripts_metadata(store, day, result, model.model)
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
    """Where the keywords of SOUNDMILL_KEYWORDS occur. Other keywords are found without transcribing anything again."""
    from soundmill.speech.loading import keywords_of
    from soundmill.speech.tables import KEYWORD_HITS, update_keyword_hits

    store = lake.open()
    with refused_in_one_line("SOUNDMILL_KEYWORDS: "):
        keywords = keywords_of(speech.options())

    def update(day: date) -> DayOutcome:
        counts, changed = update_keyword_hits(store, day, keywords)
        hits = store.read_days(KEYWORD_HITS, [day])
        shown = hits.filter(_is_shown())
        metadata = {
            "status": status(changed, len(hits)),
            "hits": len(hits),
            **({"keywords": counts_table(counts, "keyword")} if counts else {"why": "no keywords: set SOUNDMILL_KEYWORDS"}),
            **table_facts(KEYWORD_HITS, len(hits), store.address(store.table_path(KEYWORD_HITS, day))),
        }
        if len(shown):
            metadata["preview"] = preview(shown, ["keyword", "source", "key", "start", "end", "matched", "confidence", "score"])
        return DayOutcome(metadata)

    return for_each_day(context, catalog.open(), update)


@dg.asset(
    partitions_def=days, deps=[transcripts], group_name="speech", kinds={"python", "parquet"}, backfill_policy=RANGE, code_version="1"
)
def sentiment(
    context: dg.AssetExecutionContext, lake: LakeResource, catalog: CatalogResource, speech: SpeechResource
) -> dg.MaterializeResult:
    """How negative, neutral and positive each transcript is, as a whole and sentence by sentence."""
    from soundmill.speech.loading import load_sentiment
    from soundmill.speech.tables import SENTIMENT, TRANSCRIPTS, forget_gone, update_sentiment

    store = lake.open()
    try:
        model = load_sentiment(speech.options())
    except NoSentimentModel as error:
        model, why = None, str(error)
    else:
        why = "SOUNDMILL_SENTIMENT_ENABLED is off"

    def update(day: date) -> DayOutcome:
        if model is None:
            there = store.read_days(TRANSCRIPTS, [day], columns=["key"])["key"].to_pylist()
            return DayOutcome({"status": "not analysed", "why": why, "deleted": forget_gone(store, SENTIMENT, day, there)})
        with refused_in_one_line():
            along, mean, changed = update_sentiment(store, day, model)
        rows = store.read_days(SENTIMENT, [day])
        metadata = {
            "status": status(changed, len(rows)),
            "recordings": len(along),
            "sentences": sum(map(len, along.values())),
            "model": model.model,
            **table_facts(SENTIMENT, len(rows), store.address(store.table_path(SENTIMENT, day))),
        }
        if along:
            from soundmill.speech.pictures import sentiment_picture

            metadata["mean"] = counts_table(vars(mean), "mean over recordings")
            metadata["along"] = picture(sentiment_picture(along), f"sentiment along the recordings of {day}")
        return DayOutcome(metadata)

    return for_each_day(context, catalog.open(), update)


def _is_shown() -> Any:
    """Rows that may be shown in Dagster's log, which keeps for ever what people delete."""
    import pyarrow.compute as pc

    from soundmill.catalog.takes import TAKE_SOURCES
    from soundmill.catalog.uploads import SOURCE as UPLOADED

    return (pc.field("source") != UPLOADED) & ~pc.starts_with(pc.field("source"), pattern=TAKE_SOURCES)


def _transcripts_metadata(store: "Lake", day: date, result: "DayOfTranscripts", model: str) -> dict[str, Any]:
    from soundmill.speech.tables import TRANSCRIPTS

    metadata: dict[str, Any] = {
        "status": status(result.changed, result.recordings),
        "recordings": result.recordings,
        "transcribed_now": result.worked_on - len(result.failed),
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
    rows = store.read_days(TRANSCRIPTS, [day], where=_is_shown())
    if len(rows):
        metadata["preview"] = preview(rows, ["source", "recording", "seconds", "text"])
    return metadata
