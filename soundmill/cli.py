"""The command `soundmill`: what people type. Data to standard output, everything else to standard error.

Commands that need Dagster are added by `pipeline/cli.py`; this file knows the library only.
"""

import json
import os
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from pydantic import SecretStr, ValidationError

from soundmill.settings import Settings
from soundmill.times import UnreadableTime, parse_days, parse_instant

app = typer.Typer(
    name="soundmill",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Audio in; segments, labels, recognisers and reports out. Start with `soundmill demo`, then `soundmill dev`.",
)
labels = typer.Typer(no_args_is_help=True, help="Annotations in and out of label files.")
model = typer.Typer(no_args_is_help=True, help="Recognisers: define, list, show, promote, delete.")
app.add_typer(labels, name="labels")
app.add_typer(model, name="model")

Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]


def refuse(message: str) -> NoReturn:
    """Ends the command with one clear line and exit code 1."""
    typer.echo(f"soundmill: {message}", err=True)
    raise typer.Exit(1)


def settings() -> Settings:
    """The settings, or one line on what is wrong with them."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "SOUNDMILL_" + str(first["loc"][0]).upper() if first["loc"] else "the settings"
        refuse(f"{name}: {first['msg'].removeprefix('Value error, ')}")


def print_json(values: Any) -> None:
    """JSON on standard output; times and days as ISO text."""
    typer.echo(json.dumps(values, indent=1, default=lambda value: value.isoformat() if hasattr(value, "isoformat") else str(value)))


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return parse_instant(text)
    except UnreadableTime as error:
        raise typer.BadParameter(str(error)) from None


def _days(text: str | None) -> tuple[date, ...]:
    try:
        return parse_days(text or "")
    except UnreadableTime as error:
        raise typer.BadParameter(str(error)) from None


@app.command(epilog="Example: `soundmill ingest ~/recordings --source garden --started-at 2026-01-05T10:00:00Z`")
def ingest(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Audio files, or folders of them.")],
    source: Annotated[str, typer.Option(help="Which microphone or collection this is.")] = "upload",
    started_at: Annotated[
        str | None,
        typer.Option(help="When the first file began, in UTC; further files follow. Without it names tell, else file times."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Copy audio files into the landing area, where the pipeline picks them up.

    A name such as `20260105T101500Z.wav` or `1767607200000.wav` tells when a recording began.
    """
    from datetime import timedelta

    from soundmill.audio import UndecodableAudio, probe
    from soundmill.capture.landing import audio_files, land

    lake = _lake()
    moment = _instant(started_at)
    files: list[Path] = []
    for path in paths:
        if not path.exists():
            refuse(f"{path} is not there")
        files.extend(audio_files(path) if path.is_dir() else [path])
    landed, failed = [], []
    for file in files:
        try:
            place, began = land(lake, file, source, moment)
        except OSError as error:
            failed.append({"file": str(file), "error": error.strerror or str(error)})
            typer.echo(f"{file}: {error.strerror or error}", err=True)
            continue
        except ValueError as error:
            refuse(str(error))
        landed.append({"file": str(file), "landed": place, "started_at": began.astimezone(UTC)})
        if moment is not None:
            try:
                moment += timedelta(seconds=probe(file).seconds or 0)
            except UndecodableAudio:
                pass
    if as_json:
        print_json({"landed": landed, "failed": failed})
    else:
        typer.echo(f"{_count(len(landed), 'file')} landed for {source}" + (f", {len(failed)} could not be read" if failed else ""))
    if not files:
        refuse("no audio file found")
    if failed:
        raise typer.Exit(1)


@labels.command(
    "import", epilog="Example: `soundmill labels import night.txt --format audacity --source garden --started-at 2026-01-05T22:00:00Z`"
)
def labels_import(
    file: Annotated[Path, typer.Argument(help="The label file; `-` for standard input.")],
    format: Annotated[str, typer.Option(help="csv or audacity.")] = "csv",
    source: Annotated[str, typer.Option(help="The source, where the file does not say.")] = "",
    started_at: Annotated[str | None, typer.Option(help="The moment of second 0, for times in seconds.")] = None,
    author: Annotated[str, typer.Option(help="Who labelled.")] = "",
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take the file's annotations back instead.")] = False,
    as_json: Json = False,
) -> None:
    """Add annotations from a label file. The same file twice adds nothing; one bad line refuses the whole file.

    CSV takes the columns source, start, end, tag and author; an Audacity label track takes seconds and needs `--source` and
    `--started-at`.
    """
    from soundmill.capture.landing import LANDING
    from soundmill.catalog import Annotations
    from soundmill.formats.labels import READERS, LabelFileRefused, Placement

    if format not in READERS:
        raise typer.BadParameter(f"{format!r} is not one of {', '.join(READERS)}", param_hint="--format")
    placement = Placement(source, _instant(started_at), author)
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text("utf-8")
        found = READERS[format](text, placement)
    except (OSError, UnicodeDecodeError) as error:
        refuse(f"{file} cannot be read: {error}")
    except LabelFileRefused as error:
        refuse(f"{file}, {error}")
    if unheard := sorted({a.source for a in found} - set(_lake().folders(LANDING))):
        typer.echo(f"note: no audio of {', '.join(unheard)} has landed yet", err=True)
    if withdraw:
        typer.echo(f"{Annotations(_catalog()).withdraw(found)} of {_count(len(found), 'annotation')} withdrawn")
        return
    added = Annotations(_catalog()).add(found)
    days = sorted({a.day for a in found})
    if as_json:
        print_json({"read": len(found), "added": added, "days": days})
    else:
        typer.echo(f"{added} of {_count(len(found), 'annotation')} new, on {_count(len(days), 'day')}")


@labels.command("export", epilog="Example: `soundmill labels export --days 2026-01-01..2026-01-31 > january.csv`")
def labels_export(
    days: Annotated[str, typer.Option(help="Days, such as 2026-01-01..2026-01-31 or 2026-01-05,2026-01-07.")],
    format: Annotated[str, typer.Option(help="csv or audacity.")] = "csv",
    source: Annotated[str, typer.Option(help="Only this source.")] = "",
    started_at: Annotated[str | None, typer.Option(help="Audacity: the moment of second 0.")] = None,
) -> None:
    """Write annotations to standard output."""
    from soundmill.catalog import Annotations
    from soundmill.formats.labels import write_audacity, write_csv

    wanted = _days(days)
    if not wanted:
        raise typer.BadParameter("name at least one day", param_hint="--days")
    found = [a for a in Annotations(_catalog()).of_days(wanted[0], wanted[-1]) if a.day in wanted and (not source or a.source == source)]
    moment = _instant(started_at)
    if format == "csv":
        typer.echo(write_csv(found), nl=False)
    elif format == "audacity":
        if moment is None:
            raise typer.BadParameter("an Audacity track needs the moment of its second 0", param_hint="--started-at")
        typer.echo(write_audacity(found, moment), nl=False)
    else:
        raise typer.BadParameter(f"{format!r} is not one of csv, audacity", param_hint="--format")


@model.command("define", epilog="Example: `soundmill model define kitchen --tags kettle,doorbell --train-days 2026-01-01..2026-01-20`")
def model_define(
    name: Annotated[str, typer.Argument(help="Letters, digits, dashes, underscores.")],
    tags: Annotated[str, typer.Option(help="Tags to learn, comma separated; all when left out.")] = "",
    train_days: Annotated[str, typer.Option(help="Days to learn from; the first 70 % of the annotated days when left out.")] = "",
    test_days: Annotated[str, typer.Option(help="Days to be judged on; the other annotated days when left out.")] = "",
    background_days: Annotated[str | None, typer.Option(help="Days whose unlabelled sound is background; '' for none.")] = None,
    sources: Annotated[str, typer.Option(help="Sources to use, comma separated; all when left out.")] = "",
    extractor: Annotated[str, typer.Option(help="Feature extractor.")] = "loudest_frames",
    least_recall: Annotated[float, typer.Option(help="Recall at which the search for each tag's threshold begins.")] = 0.6,
    least_dbfs: Annotated[float, typer.Option(help="Segments whose peak is lower are 'other' unheard.")] = -35.0,
    time_of_day: Annotated[bool, typer.Option(help="Whether the hour counts.")] = True,
) -> None:
    """Say what a model is to be.

    The sensor `model_requests` then fits and evaluates it; or by hand: `soundmill materialize osr_model evaluation_report --model NAME`.
    """
    from soundmill.catalog import ModelRegistry
    from soundmill.osr.spec import ModelSpec, SpecRefused, check_name

    values = {
        "tags": _names(tags),
        "train_days": _days(train_days),
        "test_days": _days(test_days),
        "background_days": None if background_days is None else _days(background_days),
        "sources": _names(sources),
        "extractor": extractor,
        "least_recall": least_recall,
        "least_dbfs": least_dbfs,
        "time_of_day": time_of_day,
    }
    if extractor not in settings().extractor_names:
        refuse(f"{extractor!r} is not among the extractors run here: {', '.join(settings().extractor_names)} (SOUNDMILL_EXTRACTORS)")
    try:
        spec = ModelSpec.parse(values)
        registry = ModelRegistry(_catalog())
        wanted = spec.model_dump(mode="json")
        twin = next((other for other, known in registry.specs().items() if known == wanted and other != name), None)
        registry.define(check_name(name), wanted)
    except SpecRefused as error:
        refuse(str(error))
    typer.echo(f"{name} is defined" + (f"; it is the same as {twin}" if twin else ""))


@model.command("list", epilog="Example: `soundmill model list --json`")
def model_list(as_json: Json = False) -> None:
    """List models, their versions, and the champion."""
    from soundmill.catalog import ModelRegistry

    registry = ModelRegistry(_catalog())
    mine: dict[str, list[Any]] = {}
    for fit in registry.versions():
        mine.setdefault(fit.name, []).append(fit)
    rows = [
        {
            "model": name,
            "version": version.version if version else None,
            "champion": bool(version and version.champion),
            "fitted": bool(version and version.card),
            "tags": version.card["tags"] if version and version.card else [],
        }
        for name in registry.specs()
        for version in (mine.get(name) or [None])
    ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        state = "not fitted yet" if not row["fitted"] else ", ".join(row["tags"])
        typer.echo(f"{row['model']}\t{row['version'] or '-'}\t{'champion' if row['champion'] else ''}\t{state}")


@model.command("show", epilog="Example: `soundmill model show kitchen`")
def model_show(name: str, version: Annotated[int | None, typer.Option(help="The one of the newest fit when left out.")] = None) -> None:
    """Print a version's card as JSON."""
    from soundmill.catalog import ModelRegistry, UnknownModel

    registry = ModelRegistry(_catalog())
    try:
        found = registry.current(name) if version is None else next((v for v in registry.versions(name) if v.version == version), None)
    except UnknownModel as error:
        refuse(str(error))
    if found is None or found.card is None:
        refuse(f"{name!r} has no finished version {version}")
    print_json(found.card)


@model.command("promote", epilog="Example: `soundmill model promote kitchen --version 3 --because 'fewer false alarms at night'`")
def model_promote(
    name: str,
    version: Annotated[int | None, typer.Option(help="The one of the newest fit when left out.")] = None,
    because: Annotated[str, typer.Option(help="Why; kept with the version.")] = "by hand",
) -> None:
    """Make a version the champion, whose verdicts become detections."""
    from soundmill.catalog import ModelRegistry, UnknownModel

    registry = ModelRegistry(_catalog())
    try:
        chosen = registry.promote(name, version or registry.current(name).version, because)
    except UnknownModel as error:
        refuse(str(error))
    typer.echo(f"{chosen.name} version {chosen.version} is the champion")


@model.command("delete", epilog="Example: `soundmill model delete kitchen --yes`")
def model_delete(
    name: str, yes: Annotated[bool, typer.Option("--yes", help="Do it; without this only say what would go.")] = False
) -> None:
    """Delete a model with all its versions. Detections that its versions made stay."""
    from soundmill.catalog import ModelRegistry, UnknownModel

    registry = ModelRegistry(_catalog())
    try:
        if not yes:
            registry.spec(name)
            typer.echo(f"would delete {name} with {len(registry.versions(name))} versions; add --yes to do it")
            return
        versions = registry.delete(name)
    except UnknownModel as error:
        refuse(str(error))
    lake = _lake()
    for entry in list(lake.files(f"models/{name}")):
        lake.delete(entry.path)
    typer.echo(f"deleted {name} with {len(versions)} versions")


@app.command(epilog="Example: `soundmill progress --target-hours 100`")
def progress(
    target_hours: Annotated[float | None, typer.Option(help="Instead of SOUNDMILL_TARGET_HOURS.")] = None, as_json: Json = False
) -> None:
    """Print hours by state and source. Exit code 0 when the target is reached or none is set, 1 otherwise."""
    from soundmill.catalog import Ledger
    from soundmill.ingest.progress import progress_bar, progress_of

    ledger = Ledger(_catalog())
    target = target_hours if target_hours is not None else settings().target_hours
    found = progress_of(ledger.counts(), ledger.ready_seconds_by_day(), target, datetime.now(UTC))
    if as_json:
        print_json(found.as_json())
    else:
        for state, hours in sorted(found.hours.items()):
            typer.echo(f"{state:<12} {found.items[state]:>9} items {hours:>10.2f} h")
        typer.echo(f"{'all':<12} {sum(found.items.values()):>9} items {found.raw_hours:>10.2f} h")
        if found.percent is not None:
            typer.echo(f"{progress_bar(found.percent)} of {target:g} h" + (f", reached on {found.forecast}" if found.forecast else ""))
    raise typer.Exit(0 if found.target_reached else 1)


@app.command(epilog="Example: `soundmill doctor`")
def doctor(as_json: Json = False) -> None:
    """Print every setting with its source, and check that lake and catalog can be used."""
    from soundmill.capture.landing import landing_by_day
    from soundmill.catalog import CatalogUnavailable

    values = settings()
    rows = [
        {
            "setting": f"SOUNDMILL_{name.upper()}",
            "value": _shown(getattr(values, name)),
            "source": "set" if name in values.model_fields_set else "default",
            "meaning": info.description,
        }
        for name, info in Settings.model_fields.items()
    ]
    checks = {}
    try:
        catalog = _catalog()
        checks["catalog"] = f"ok, {catalog.engine.url.render_as_string()}"
    except CatalogUnavailable as error:
        checks["catalog"] = f"failed: {error}"
    lake = _lake()
    try:
        lake.write_bytes(".doctor", b"soundmill")
        lake.delete(".doctor")
        landed, misplaced = landing_by_day(lake)
        outside = sorted(day for day in landed if not values.start_date <= day <= datetime.now(UTC).date())
        if outside:
            first = ", ".join(map(str, outside[:5]))
            checks["days"] = f"failed: {first} lie before SOUNDMILL_START_DATE or in the future, and are not picked up"
        checks["lake"] = f"ok, {lake.url}: {len(landed)} days landed"
        if misplaced:
            checks["landing"] = f"failed: {misplaced} files lie outside landing/{{source}}/{{date}}/ and are not picked up"
    except OSError as error:
        checks["lake"] = f"failed: {lake.url}: {error}"
    known = {f"SOUNDMILL_{name.upper()}" for name in Settings.model_fields}
    if strange := sorted(name for name in os.environ if name.startswith("SOUNDMILL_") and name not in known and "_TEST_" not in name):
        checks["settings"] = f"failed: {', '.join(strange)} is no setting"
    bad = any(text.startswith("failed") for text in checks.values())
    if as_json:
        print_json({"settings": rows, "checks": checks})
    else:
        for row in rows:
            typer.echo(f"{row['setting']:<34} {row['value']:<40} {row['source']:<8} {row['meaning']}")
        for name, text in checks.items():
            typer.echo(f"{name}: {text}")
    raise typer.Exit(1 if bad else 0)


def _shown(value: object) -> str:
    if isinstance(value, SecretStr):
        return "********"
    text = "" if value is None else str(value)
    if "://" in text and "@" in text:
        from sqlalchemy import make_url

        return make_url(text).render_as_string(hide_password=True)
    return text


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _lake() -> Any:
    from soundmill.lake import open_lake

    values = settings()
    return open_lake(values.lake_url, values.s3_endpoint)


def _catalog() -> Any:
    from soundmill.catalog import CatalogUnavailable, open_catalog

    try:
        return open_catalog(settings().catalog_url)
    except CatalogUnavailable as error:
        refuse(str(error))
