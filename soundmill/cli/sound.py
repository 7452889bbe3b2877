"""Commands that bring sound in."""

from collections import Counter
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Annotated, Any

import typer

from soundmill.cli.common import Json, app, instant, print_json, refuse, the_lake
from soundmill.wording import count

_KNOWN_BY = {"given": "given", "name": "by its name", "header": "by its header", "file time": "by its FILE TIME"}
_EXAMPLES = (
    "Examples: `soundmill ingest /media/card --source garden --dry-run`, "
    "`soundmill ingest ~/recordings --source garden --started-at 2026-01-05T10:00:00Z`"
)


@app.command(epilog=_EXAMPLES)
def ingest(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Audio files, or folders of them.")],
    source: Annotated[str, typer.Option(help="Name of the microphone or collection.")] = "upload",
    started_at: Annotated[
        str | None,
        typer.Option(help="Start of the first file, in UTC; the others follow it (default: names, AudioMoth headers, else file times)."),
    ] = None,
    timezone: Annotated[str, typer.Option(help="Time zone of file names without an offset, such as Europe/Berlin.")] = "UTC",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print which file would land when.")] = False,
    as_json: Json = False,
) -> None:
    """Copy audio files into the landing area, where the pipeline picks them up; print when each began, and what says so.

    A name such as `20260105T101500Z.wav`, `REC_20260105_101500+0100.wav` or `1767608100000.wav` (ms since 1970) gives the start.
    Files `*.trans.txt` below a folder, as LibriSpeech has them, hold reference transcripts, from which the word error rate is computed.
    """
    from soundmill.capture.landing import audio_files, check_source, left_out
    from soundmill.speech.tables import REFERENCE_SUFFIX, REFERENCES

    lake, zone, first = the_lake(), _zone(timezone), instant(started_at)
    try:
        check_source(source)
    except ValueError as error:
        refuse(str(error))
    files: list[Path] = []
    references: list[Path] = []
    for path in paths:
        if not path.exists():
            refuse(f"{path} is not there")
        if path.name.endswith(REFERENCE_SUFFIX) and path.is_file():
            references.append(path)
            continue
        files.extend(audio_files(path) if path.is_dir() else [path])
        if path.is_dir() and (others := left_out(path, files)):
            kinds = ", ".join(f"{kind or 'no ending'} {number}" for kind, number in others.items())
            typer.echo(f"{path}: left out as no audio by name or content: {kinds}", err=True)
        references += sorted(path.rglob(f"*{REFERENCE_SUFFIX}")) if path.is_dir() else []
    landed, failed = _land_all(lake, files, source, first, zone, dry_run=dry_run)
    for reference in [] if dry_run else references:
        lake.write_if_changed(f"{REFERENCES}/{source}/{reference.name}", reference.read_bytes())
    lost = _references_of_nothing(lake, source, landed, references)
    if as_json:
        print_json({"landed": landed, "failed": failed, "references_of_nothing": lost})
    else:
        _report(landed, failed, source, len(references), dry_run=dry_run)
        if lost:
            more = f" and {len(lost) - 5} more" if len(lost) > 5 else ""
            typer.echo(f"{count(len(lost), 'reference')} match no recording of {source}: {', '.join(lost[:5])}{more}", err=True)
    if not files and not references:
        refuse("no audio file found")
    if failed:
        raise typer.Exit(1)


def _land_all(
    lake: Any, files: list[Path], source: str, moment: datetime | None, zone: tzinfo, *, dry_run: bool
) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """Lands files, from `moment` on one after another where it is given; what landed, and what could not."""
    from soundmill.audio import seconds_of
    from soundmill.capture.landing import land
    from soundmill.errors import UndecodableAudio

    landed: list[dict[str, Any]] = []
    failed: list[dict[str, str]] = []
    for file in files:
        try:
            one = land(lake, file, source, moment, zone, dry_run=dry_run)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            failed.append({"file": str(file), "error": why})
            typer.echo(f"{file}: {why}", err=True)
            continue
        landed.append({"file": str(file), "landed": one.path, "started_at": one.began, "known_by": one.known_by, "new": one.is_new})
        if moment is not None and file is not files[-1]:
            try:
                moment += timedelta(seconds=seconds_of(file))
            except UndecodableAudio:
                pass
    return landed, failed


def _references_of_nothing(lake: Any, source: str, landed: list[dict[str, Any]], references: list[Path]) -> list[str]:
    """Names in reference transcripts that no recording of the source has."""
    from soundmill.capture.landing import LANDING
    from soundmill.formats.spreadsheets import decoded
    from soundmill.speech.word_errors import parse_references, reference_name

    if not references:
        return []
    names = {Path(one["file"]).stem for one in landed}
    for entry in lake.files(f"{LANDING}/{source}"):
        stem = Path(entry.path).stem
        names |= {stem, stem.partition("_")[2]}
    wanted = [name for file in references for name in parse_references(decoded(file.read_bytes()))]
    known = {reference_name(name) for name in names}
    return [name for name in wanted if name not in known]


def _report(landed: list[dict[str, Any]], failed: list[dict[str, str]], source: str, references: int, *, dry_run: bool) -> None:
    for one in landed:
        there = "" if one["new"] else ", already here"
        typer.echo(f"{one['started_at']:%Y-%m-%d %H:%M:%S} UTC, {_KNOWN_BY[one['known_by']]}{there}: {one['file']}")
    new = sum(one["new"] for one in landed)
    text = f"{count(new, 'file')} {'would land' if dry_run else 'landed'} for {source}"
    text += f", {len(landed) - new} already here" if new < len(landed) else ""
    text += f", and {count(references, 'file')} of reference transcripts" if references else ""
    typer.echo(text + (f", {len(failed)} could not be read" if failed else ""))
    if (by_clock := Counter(one["known_by"] for one in landed)["file time"]) and not dry_run:
        typer.echo(
            f"the start of {count(by_clock, 'file')} is the file time, which copying may have changed: check it, or use --started-at",
            err=True,
        )


def _zone(name: str) -> tzinfo:
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise typer.BadParameter(f"no time zone is called {name!r}; write it like Europe/Berlin", param_hint="--timezone") from None
