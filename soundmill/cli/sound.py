"""Commands that bring sound in."""

from datetime import UTC
from pathlib import Path
from typing import Annotated

import typer

from soundmill.cli.common import Json, app, count, instant, print_json, refuse, the_lake


@app.command(epilog="Example: `soundmill ingest ~/recordings --source garden --started-at 2026-01-05T10:00:00Z`")
def ingest(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Audio files, or folders of them.")],
    source: Annotated[str, typer.Option(help="Name of the microphone or collection.")] = "upload",
    started_at: Annotated[
        str | None,
        typer.Option(help="Start of the first file, in UTC; the others follow it (default: from the file names, else from file times)."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Copy audio files into the landing area, where the pipeline picks them up.

    A name such as `20260105T101500Z.wav` or `1767608100000.wav` (ms since 1970) gives the start of a recording.
    Files `*.trans.txt` below a folder, as LibriSpeech has them, hold reference transcripts, from which the word error rate is computed.
    """
    from datetime import timedelta

    from soundmill.audio import probe
    from soundmill.capture.landing import audio_files, land
    from soundmill.errors import UndecodableAudio
    from soundmill.speech.tables import REFERENCE_SUFFIX, REFERENCES

    lake = the_lake()
    moment = instant(started_at)
    files: list[Path] = []
    references: list[Path] = []
    for path in paths:
        if not path.exists():
            refuse(f"{path} is not there")
        if path.name.endswith(REFERENCE_SUFFIX) and path.is_file():
            references.append(path)
            continue
        files.extend(audio_files(path) if path.is_dir() else [path])
        references += sorted(path.rglob(f"*{REFERENCE_SUFFIX}")) if path.is_dir() else []
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
    for reference in references:
        lake.write_if_changed(f"{REFERENCES}/{source}/{reference.name}", reference.read_bytes())
    if as_json:
        print_json({"landed": landed, "failed": failed})
    else:
        with_references = f", and {count(len(references), 'file')} of reference transcripts" if references else ""
        typer.echo(
            f"{count(len(landed), 'file')} landed for {source}{with_references}" + (f", {len(failed)} could not be read" if failed else "")
        )
    if not files and not references:
        refuse("no audio file found")
    if failed:
        raise typer.Exit(1)
