"""How things stand: progress of the collection, and whether this installation is sound."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from soundmill.cli.common import Json, app, hours, print_json, settings, the_catalog, the_lake
from soundmill.options import backup_options
from soundmill.settings import Settings


@app.command(epilog="Example: `soundmill progress --target-hours 100 --save --csv calls.csv`")
def progress(
    target_hours: Annotated[float | None, typer.Option(help="Target, in hours (default: SOUNDMILL_TARGET_HOURS).", callback=hours)] = None,
    save: Annotated[bool, typer.Option("--save", help="Write storage_report_{date}_{time}.json to this folder.")] = False,
    csv_file: Annotated[Path | None, typer.Option("--csv", help="Write a line for each call with both sides to this file.")] = None,
    hourly: Annotated[bool, typer.Option("--hourly", help="Also print what came in each of the last 24 hourly counts.")] = False,
    as_json: Json = False,
) -> None:
    """Report on the collection: hours by state, calls, and progress toward the target.

    Exit code 0 if the target is reached or none is set, else 1. Every ready file counts toward the target: both sides of a call separately,
    duplicates once. The figures on calls, as in the HTTP API, count a call by its longer side.
    """
    from soundmill.ingest.conversations import conversations_csv, report, report_lines
    from soundmill.ingest.hourly import hourly_counts
    from soundmill.ingest.progress import progress_lines
    from soundmill.workflows.progress import progress_now

    values, lake = settings(), the_lake()
    target = target_hours if target_hours is not None else values.target_hours
    now = datetime.now(values.zone)
    found, calls = progress_now(the_catalog(), values.zone, target, now)
    on_calls = report(calls, target, now)
    counts = hourly_counts(lake, 24) if hourly else []
    whole = {**found.as_json(), "calls": on_calls, **({"hourly": counts} if hourly else {})}
    if save:
        place = Path(f"storage_report_{now:%Y%m%d_%H%M%S}.json")
        place.write_text(json.dumps({**on_calls, "collection": found.as_json()}, indent=1) + "\n")
        typer.echo(f"saved {place}", err=True)
    if csv_file:
        csv_file.write_text(conversations_csv(calls, lake), "utf-8")
    if as_json:
        print_json(whole)
    else:
        for line in [*progress_lines(found), *(report_lines(on_calls) if calls else [])]:
            typer.echo(line)
        for count in counts:
            typer.echo(f"{count['at']}: {count['delta']['ready_hours']:+.2f} h, now {count['ready_hours']:.2f} h")
        if not found.target_reached:
            typer.echo("the target is not reached: exit code 1", err=True)
    raise typer.Exit(0 if found.target_reached else 1)


@app.command(epilog="Example: `soundmill doctor`")
def doctor(as_json: Json = False) -> None:
    """Print every setting with its source, and check that lake and catalog can be used."""
    from soundmill.capture.landing import landing_by_day
    from soundmill.errors import CatalogUnavailable

    values = settings()
    shown = values.shown()
    rows = [
        {
            "setting": f"SOUNDMILL_{name.upper()}",
            "value": shown[name],
            "source": _source(name, name in values.model_fields_set),
            "meaning": info.description,
        }
        for name, info in Settings.model_fields.items()
    ]
    checks = {}
    try:
        catalog = the_catalog()
        checks["catalog"] = f"ok, {catalog.engine.url.render_as_string()}"
    except CatalogUnavailable as error:
        checks["catalog"] = f"failed: {error}"
    lake = the_lake()
    try:
        lake.write_bytes(".doctor", b"soundmill")
        lake.delete(".doctor")
        landed, misplaced = landing_by_day(lake)
        outside = sorted(day for day in landed if not values.start_date <= day <= datetime.now(UTC).date())
        if outside:
            first = ", ".join(map(str, outside[:5]))
            checks["days"] = f"failed: {first} lie before SOUNDMILL_START_DATE or in the future, and are not picked up"
        checks["lake"] = f"ok, {lake.url}: {len(landed)} days landed, {len(lake.folders('audio/downloads'))} days with downloads"
        if misplaced:
            checks["landing"] = f"failed: {misplaced} files lie outside landing/{{source}}/{{date}}/ and are not picked up"
    except OSError as error:
        checks["lake"] = f"failed: {lake.url}: {error}"
    known = {f"SOUNDMILL_{name.upper()}" for name in Settings.model_fields}
    if strange := sorted(name for name in os.environ if name.startswith("SOUNDMILL_") and name not in known and "_TEST_" not in name):
        checks["settings"] = f"failed: {', '.join(strange)} is no setting"
    checks["dagster"] = _dagster_check(values)
    if values.backup:
        checks["backup"] = _backup_check(values)
    checks["speech"] = _speech_check(values)
    checks["extractor"] = _extractor_check(values)
    bad = any(text.startswith("failed") for text in checks.values())
    if as_json:
        print_json({"settings": rows, "checks": checks})
    else:
        for row in rows:
            typer.echo(f"{row['setting']:<34} {row['value']:<40} {row['source']:<12} {row['meaning']}")
        for name, text in checks.items():
            typer.echo(f"{name}: {text}")
    raise typer.Exit(1 if bad else 0)


def _source(name: str, is_set: bool) -> str:
    if not is_set:
        return "default"
    known = {variable.upper() for variable in os.environ}
    return "environment" if f"SOUNDMILL_{name.upper()}" in known else str(Path(".env").absolute())


def _speech_check(values: Settings) -> str:
    from soundmill.errors import KeywordsRefused, NoSpeechModel
    from soundmill.speech import Keywords, transcriber

    if not values.transcription_enabled:
        return "switched off"
    try:
        Keywords(values.keyword_list, stemming=values.keyword_stemming or None, fuzzy=values.keyword_score)
        return f"ok, {transcriber(values.vosk_folder).model}"
    except KeywordsRefused as error:
        return f"failed: SOUNDMILL_KEYWORDS: {error}"
    except NoSpeechModel as error:
        return f"failed: {error}" if values.vosk_model else f"none: {error}"


def _extractor_check(values: Settings) -> str:
    """By what models tell sounds apart unless they ask for another extractor."""
    from soundmill.errors import ExtractorUnavailable, UnknownExtractor
    from soundmill.features.extractor import fingerprint
    from soundmill.features.registry import extractor

    first, *others = values.extractor_names
    try:
        for name in values.extractor_names:
            fingerprint(extractor(name, values.networks))
    except (ExtractorUnavailable, UnknownExtractor) as error:
        return f"failed: SOUNDMILL_EXTRACTORS: {error}"
    more = f"; beside it {', '.join(others)}" if others else ""
    better = "; models recognise more with mn04: soundmill pretrained fetch mn04" if "mn04" not in values.extractor_names else ""
    return f"ok, {first}{more}{better}"


def _dagster_check(values: Settings) -> str:
    """Where the runs are kept: $DAGSTER_HOME, or a folder of the home."""
    chosen = os.environ.get("DAGSTER_HOME")
    if not chosen:
        return f"ok, {(values.home / 'dagster').absolute()}"
    folder = Path(chosen).expanduser()
    if not folder.is_absolute():
        return f"ok, {folder.absolute()}: DAGSTER_HOME={chosen} is relative to the folder that a command is run in"
    if folder.exists() and not folder.is_dir():
        return f"failed: DAGSTER_HOME={chosen} is no folder"
    return f"ok, {folder} (DAGSTER_HOME)" + ("" if folder.exists() else ": it is made when it is first needed")


def _backup_check(values: Settings) -> str:
    from soundmill.backup import bucket_of
    from soundmill.backup.manifest import read_manifest
    from soundmill.errors import BackupUnavailable

    try:
        manifest = read_manifest(bucket_of(backup_options(values)))
    except BackupUnavailable as error:
        return f"failed: {error}"
    return f"ok, {values.backup}: last at {manifest.created_at:%Y-%m-%d %H:%M} UTC" if manifest else f"ok, {values.backup}: none yet"
