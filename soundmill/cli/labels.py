"""`soundmill labels`: annotations in and out of label files."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from soundmill.cli.common import (
    Json,
    app,
    count,
    days_in,
    instant,
    print_json,
    refuse,
    the_catalog,
    the_lake,
)

labels = typer.Typer(no_args_is_help=True, help="Import and export annotations.")
app.add_typer(labels, name="labels")


@labels.command(
    "import", epilog="Example: `soundmill labels import night.txt --format audacity --source garden --started-at 2026-01-05T22:00:00Z`"
)
def labels_import(
    file: Annotated[Path, typer.Argument(help="The label file; `-` for standard input.")],
    format: Annotated[str, typer.Option(help="csv or audacity.")] = "csv",
    source: Annotated[str, typer.Option(help="The source, if the file does not name it.")] = "",
    started_at: Annotated[str | None, typer.Option(help="Time of second 0, for label files with times in seconds.")] = None,
    author: Annotated[str, typer.Option(help="Who labelled.")] = "",
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Withdraw the annotations of the file instead of adding them.")] = False,
    as_json: Json = False,
) -> None:
    """Import annotations from a label file. Importing it again adds nothing; one invalid line rejects the whole file.

    CSV takes the columns source, start, end, tag and author; an Audacity label track takes seconds and needs `--source` and
    `--started-at`.
    """
    from soundmill.capture.landing import LANDING
    from soundmill.catalog import Annotations
    from soundmill.errors import LabelFileRefused
    from soundmill.formats.labels import READERS, Placement
    from soundmill.formats.spreadsheets import decoded

    if format not in READERS:
        raise typer.BadParameter(f"{format!r} is not one of {', '.join(READERS)}", param_hint="--format")
    placement = Placement(source, instant(started_at), author)
    try:
        text = decoded(sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes())
        found = READERS[format](text, placement)
    except OSError as error:
        refuse(f"{file} cannot be read: {error}")
    except LabelFileRefused as error:
        refuse(f"{file}, {error}")
    if without_audio := sorted({a.source for a in found} - set(the_lake().folders(LANDING))):
        typer.echo(f"note: no audio of {', '.join(without_audio)} has landed yet", err=True)
    if withdraw:
        typer.echo(f"{Annotations(the_catalog()).withdraw(found)} of {count(len(found), 'annotation')} withdrawn")
        return
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
    """Write annotations to standard output."""
    from soundmill.catalog import Annotations
    from soundmill.errors import LabelFileRefused
    from soundmill.formats.labels import WRITERS

    wanted = days_in(days)
    if not wanted:
        raise typer.BadParameter("name at least one day", param_hint="--days")
    if format not in WRITERS:
        raise typer.BadParameter(f"{format!r} is not one of {', '.join(WRITERS)}", param_hint="--format")
    annotations = Annotations(the_catalog()).of_days(wanted[0], wanted[-1])
    chosen = [one for one in annotations if one.day in wanted and (not source or one.source == source)]
    try:
        typer.echo(WRITERS[format](chosen, instant(started_at)), nl=False)
    except LabelFileRefused as error:
        raise typer.BadParameter(str(error), param_hint="--started-at") from None
