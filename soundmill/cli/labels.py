"""`soundmill labels`: annotations in and out of label files."""

import sys
from pathlib import Path
from typing import Annotated, cast, get_args

import typer

from soundmill.cli.common import (
    Json,
    app,
    days_in,
    instant,
    print_json,
    refuse,
    the_catalog,
    the_lake,
)
from soundmill.wording import count

labels = typer.Typer(no_args_is_help=True, help="Import and export annotations.")
app.add_typer(labels, name="labels")


@labels.command(
    "import", epilog="Example: `soundmill labels import night.txt --format audacity --source garden --started-at 2026-01-05T22:00:00Z`"
)
def labels_import(
    file: Annotated[Path, typer.Argument(help="The label file; `-` for standard input.")],
    format: Annotated[str | None, typer.Option(help="csv or audacity (default: as the file looks).")] = None,
    source: Annotated[str, typer.Option(help="The source, if the file does not name it.")] = "",
    started_at: Annotated[
        str | None,
        typer.Option(
            help="Time of second 0, for label files with times in seconds (default: the start of the recording of the same name)."
        ),
    ] = None,
    bad: Annotated[str, typer.Option(help="Lines that are no annotations: refuse the file, skip them, or rename their tags.")] = "refuse",
    author: Annotated[str, typer.Option(help="Who labelled.")] = "",
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Withdraw the annotations of the file instead of adding them.")] = False,
    as_json: Json = False,
) -> None:
    """Import annotations from a label file. Importing it again adds nothing; invalid lines are all named, and reject the whole file.

    CSV takes the columns source, start, end, tag and author. An Audacity label track takes seconds and needs `--source`, and `--started-at`
    unless it is named after its recording. With `--bad skip` invalid lines are left out; with `--bad rename` tags become the nearest that
    can be ("owl?" becomes "owl"). A warning tells how many labels lie where no sound has landed.
    """
    from soundmill.catalog import Annotations
    from soundmill.errors import LabelFileRefused
    from soundmill.formats.labels import READERS, Bad, Placement
    from soundmill.formats.spreadsheets import decoded
    from soundmill.workflows.labels import outside_sound, start_of_recording

    if bad not in get_args(Bad):
        raise typer.BadParameter(f"{bad!r} is not one of {', '.join(get_args(Bad))}", param_hint="--bad")
    try:
        text = decoded(sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes())
        kind = format or ("audacity" if _looks_like_audacity(text) else "csv")
        if kind not in READERS:
            raise typer.BadParameter(f"{format!r} is not one of {', '.join(READERS)}", param_hint="--format")
        began = instant(started_at)
        if began is None and kind == "audacity" and (began := start_of_recording(the_lake(), source, file.stem)):
            typer.echo(f"second 0 is {began:%Y-%m-%d %H:%M:%S} UTC, where the recording {file.stem} begins", err=True)
        read = READERS[kind](text, Placement(source, began, author, cast(Bad, bad)))
    except OSError as error:
        refuse(f"{file} cannot be read: {error}")
    except LabelFileRefused as error:
        refuse(f"{file}, {error}" + ("; or give --bad rename or --bad skip" if str(error).startswith("line ") else ""))
    found = read.annotations
    for note in read.notes:
        typer.echo(f"{file}, {note}", err=True)
    if withdraw:
        typer.echo(f"{Annotations(the_catalog()).withdraw(found)} of {count(len(found), 'annotation')} withdrawn")
        return
    for name, lost, total in outside_sound(the_lake(), found):
        typer.echo(f"warning: {lost} of {count(total, 'label')} of {name} lie where no sound has landed", err=True)
    added = Annotations(the_catalog()).add(found, origin="imported")
    days = sorted({a.day for a in found})
    if as_json:
        print_json({"read": len(found), "added": added, "days": days})
    else:
        typer.echo(f"{added} of {count(len(found), 'annotation')} new, on {count(len(days), 'day')}")


@labels.command("export", epilog="Example: `soundmill labels export --days 2026-01-01..2026-01-31 > january.csv`")
def labels_export(
    days: Annotated[str, typer.Option(help="Days, such as 2026-01-01..2026-01-31 or 2026-01-05,2026-01-07.")],
    format: Annotated[str, typer.Option(help="csv or audacity.")] = "csv",
    source: Annotated[str, typer.Option(help="Only this source.")] = "",
    started_at: Annotated[str | None, typer.Option(help="Audacity: time of second 0.")] = None,
) -> None:
    """Write annotations to standard output; as CSV with their authors, bounds in Hz, and how each came to be: drawn, imported, or a
    prediction (of which model version, with which score) that was kept or moved."""
    from soundmill.catalog import Annotations
    from soundmill.errors import LabelFileRefused
    from soundmill.formats.labels import WRITERS

    wanted = days_in(days)
    if not wanted:
        raise typer.BadParameter("name at least one day", param_hint="--days")
    if format not in WRITERS:
        raise typer.BadParameter(f"{format!r} is not one of {', '.join(WRITERS)}", param_hint="--format")
    known = Annotations(the_catalog())
    annotations = known.of_days(wanted[0], wanted[-1])
    chosen = [one for one in annotations if one.day in wanted and (not source or one.source == source)]
    try:
        typer.echo(WRITERS[format](chosen, instant(started_at), known.provenance(wanted[0], wanted[-1])), nl=False)
    except LabelFileRefused as error:
        raise typer.BadParameter(str(error), param_hint="--started-at") from None


def _looks_like_audacity(text: str) -> bool:
    """Whether the first line has two times and a label, by tabs."""
    parts = text.removeprefix("\ufeff").split("\n", 1)[0].split("\t")
    try:
        return len(parts) >= 2 and float(parts[0].replace(",", ".")) <= float(parts[1].replace(",", "."))
    except ValueError:
        return False
