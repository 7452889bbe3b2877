"""A day's takes as a table, once a recogniser of their language has heard them."""

from dataclasses import asdict
from datetime import date
from typing import Any

import pyarrow as pa

from soundmill.catalog import Catalog, Prompts, Speakers, Take, Takes
from soundmill.fingerprint import digest
from soundmill.lake import Lake, column, day_table
from soundmill.prompts.quality import judge, measures_from
from soundmill.prompts.spec import PromptSetSpec
from soundmill.speech.tables import transcripts_of
from soundmill.speech.word_errors import character_errors

PROMPTED_TAKES = day_table(
    "prompted_takes",
    pa.schema(
        [
            column("key", pa.string(), "the ledger's key"),
            column("set", pa.string(), "prompt set"),
            column("utterance", pa.string(), "id of the sentence"),
            column("entity", pa.string(), "id of the entity that it names", nullable=True),
            column("text", pa.string(), "the sentence, as it was read"),
            column("speaker", pa.string(), "random id of who read it"),
            column("accent", pa.string(), "as the speaker put it"),
            column("microphone", pa.string(), "as the browser or the speaker put it"),
            column("licence", pa.string(), "under which the speaker gave it"),
            column("recorded_at", pa.timestamp("us", "UTC"), "UTC moment of the first sample"),
            column("seconds", pa.float64(), "length"),
            column("path", pa.string(), "the file at the set's rate, mono"),
            column("original_path", pa.string(), "the file as it came"),
            column("sample_rate", pa.int32(), "of the file at the set's rate, Hz"),
            column("samples", pa.int64(), "of the file at the set's rate"),
            column("content", pa.string(), "sha256 of the file at the set's rate"),
            column("processed", pa.bool_(), "whether the browser changed the sound; null where it did not say", nullable=True),
            column("level_dbfs", pa.float64(), "RMS of what is spoken", nullable=True),
            column("snr_db", pa.float64(), "speech over the quietest tenth", nullable=True),
            column("errors", pa.float64(), "character error rate of the recogniser, where one of the language heard it", nullable=True),
            column("verdict", pa.string(), "good, check or again"),
            column("reasons", pa.list_(pa.string()), "rules that it did not meet"),
            column("review", pa.string(), "accepted or rejected, where a person said so", nullable=True),
            column("counts", pa.bool_(), "whether it is one of those that its sentence wants"),
        ]
    ),
    key=("set", "utterance", "key"),
)


def update_takes(lake: Lake, catalog: Catalog, day: date, language: str) -> tuple[list[dict[str, Any]], bool]:
    """Judges a day's takes anew by what a recogniser of `language` heard, and writes the table; its rows, and whether it changed."""
    heard = {row["key"]: row["text"] for row, _ in transcripts_of(lake, day) if row["kind"] == "take"}
    store, specs = Takes(catalog), {one.name: PromptSetSpec.of(one) for one in Prompts(catalog).all()}
    takes = store.listed(day=day)[0]
    fresh = []
    for take in takes:
        spec, said = specs[take.set], heard.get(take.source)
        if said is None or not spec.is_in(language):
            continue
        errors = character_errors(take.text, said)
        if take.measures.get("errors") == round(errors, 4):
            continue
        plain = {name: value for name, value in take.measures.items() if name != "errors"}
        verdict, reasons = judge(
            measures_from(plain),
            spec.limits,
            store.pace_of(take.speaker, take.key),
            gap=bool(take.settings.get("gap")),
            same_as=store.same_sound(take.derived_sha256, take.key),
            errors=errors,
        )
        fresh.append((take, verdict, [asdict(one) for one in reasons], {**plain, "errors": round(errors, 4)}))
    store.judge(fresh)
    licences = {one.id: one.licence for one in Speakers(catalog).consents()}
    rows = [_row(take, licences.get(take.consent, "")) for take in store.listed(day=day)[0]]
    made_from = digest(repr(sorted(row.items(), key=lambda pair: pair[0])) for row in rows)
    return rows, lake.write_day(PROMPTED_TAKES, day, PROMPTED_TAKES.from_rows(rows), made_from=made_from)


def _row(take: Take, licence: str) -> dict[str, Any]:
    return {
        "key": take.source,
        "set": take.set,
        "utterance": take.utterance,
        "entity": take.entity,
        "text": take.text,
        "speaker": take.speaker,
        "accent": take.accent,
        "microphone": take.microphone,
        "licence": licence,
        "recorded_at": take.recorded_at,
        "seconds": take.seconds,
        "path": take.derived_path,
        "original_path": take.path,
        "sample_rate": take.sample_rate,
        "samples": take.samples,
        "content": take.derived_sha256,
        "processed": take.settings.get("processed"),
        "level_dbfs": take.measures.get("level"),
        "snr_db": take.measures.get("snr"),
        "errors": take.measures.get("errors"),
        "verdict": take.verdict,
        "reasons": [one["rule"] for one in take.reasons],
        "review": take.review,
        "counts": take.counts,
    }
