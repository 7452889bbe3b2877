"""Commands on intervals of a source's time: write them to a file, or erase them."""

from pathlib import Path
from typing import Annotated

import typer

from soundmill.cli.common import Json, app, instant, print_json, refuse, the_catalog, the_lake
from soundmill.wording import count

_Source = Annotated[str, typer.Option(help="Which microphone or collection.")]


@app.command(epilog="Examples: `soundmill interval --source garden --from 2026-01-05T10:00Z --to 2026-01-05T10:05Z out.wav`, "
             "`soundmill interval --source garden --around 2026-01-05T10:00:07Z out.flac`")  # fmt: skip
def interval(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The file to write: .wav, .flac or .ogg.")],
    source: _Source,
    first: Annotated[str | None, typer.Option("--from", help="Start, such as 2026-01-05T10:00Z (UTC unless it says otherwise).")] = None,
    last: Annotated[str | None, typer.Option("--to", help="End, written alike.")] = None,
    around: Annotated[str | None, typer.Option(help="Instead: the segment at this moment, with two before and two after it.")] = None,
    as_json: Json = False,
) -> None:
    """Export what a source recorded between two moments as one file, of any length.

    Gaps are silent in the file; they are printed, and written next to it as a label track for Audacity.
    """
    from soundmill.errors import InputRefused, NoAudio
    from soundmill.workflows.intervals import FORMATS, macrosegment, write_interval

    start, end, moment, lake = instant(first), instant(last), instant(around), the_lake()
    try:
        if moment is not None:
            start, end = macrosegment(lake, source, moment)
        if start is None or end is None or end <= start:
            raise typer.BadParameter("give --from and a later --to, or --around", param_hint="--from")
        if out.suffix.lower() not in FORMATS:
            raise typer.BadParameter(f"{out.name!r} ends in none of {', '.join(FORMATS)}", param_hint="OUT")
        done = write_interval(lake, source, start, end, out)
    except NoAudio as error:
        refuse(f"{error}; are its days materialised?" if moment is None else str(error))
    except (InputRefused, OSError) as error:
        refuse(str(error))
    if as_json:
        print_json({**vars(done), "file": str(out), "labels": str(done.labels or ""), "missing": done.missing})
        return
    typer.echo(f"{out}: {done.seconds:.3f} s from {start:%Y-%m-%d %H:%M:%S} UTC on")
    if done.gaps:
        typer.echo(f"{done.missing:.3f} s of it in {count(len(done.gaps), 'gap')} are missing and silent: {done.labels}")


@app.command(epilog="Example: `soundmill redact --source porch --from 2026-01-05T18:00Z --to 2026-01-05T22:00Z`, and again with --yes")
def redact(
    source: _Source,
    first: Annotated[str, typer.Option("--from", help="Start, such as 2026-01-05T10:00Z (UTC unless it says otherwise).")],
    last: Annotated[str, typer.Option("--to", help="End, written alike.")],
    keep: Annotated[int, typer.Option(min=0, help="Segments to keep on either side of an annotation.")] = 2,
    silent: Annotated[bool, typer.Option("--silent", help="Instead: delete landed files that contain only silence.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Actually delete; without, print what would be deleted.")] = False,
    as_json: Json = False,
) -> None:
    """Delete the sound between two moments, except around annotations: segments and original files now, feature vectors with the next runs.

    This cannot be undone. The interval stays withdrawn: sound of it that arrives later is deleted too, and backups drop it at once.
    """
    from soundmill.capture import SEGMENTS
    from soundmill.capture.redaction import plan_redaction, plan_silent, uncut_files
    from soundmill.catalog import Ledger, held
    from soundmill.workflows.erasure import days_of, erase

    start, end = instant(first), instant(last)
    assert start is not None
    assert end is not None
    if end <= start:
        raise typer.BadParameter("it lies before --from", param_hint="--to")
    catalog, lake = the_catalog(), the_lake()
    uncut = [] if silent else uncut_files(lake, Ledger(catalog), source, start, end)
    plan = plan_silent(catalog, source, start, end) if silent else plan_redaction(catalog, source, start, end, keep)
    if yes and (busy := sorted(held(catalog, f"{SEGMENTS.name}/") & {str(day) for day in days_of(plan)})):
        typer.echo(f"waiting for the run that cuts {', '.join(busy)}", err=True)
    done = erase(lake, catalog, plan) if yes else None
    gone = done.files if done else 0
    if as_json:
        values = {
            "segments": len(plan.segments),
            "seconds": plan.seconds,
            "files": list(plan.files),
            "kept": plan.kept,
            "deleted": gone,
            "clips": done.clips if done else 0,
            "uncut": uncut,
        }
        print_json(values)
        return
    what = count(len(plan.files), "landed file") + " of silence" if silent else count(len(plan.segments), "segment")
    what += f" ({plan.seconds / 60:.1f} minutes)"
    typer.echo(f"{what} {'are gone' if yes else 'would go'}" + ("" if silent else f", {plan.kept} stay for their annotations"))
    if done and done.clips:
        typer.echo(f"{count(done.clips, 'clip')} withdrawn from releases: delete exports of them, or export to the same folder again")
    if uncut:
        typer.echo(f"{count(len(uncut), 'landed file')} of these days no run has cut yet: what lies in the interval goes with the next run")
    if yes and not silent and (plan.segments or uncut):
        typer.echo(f"then: soundmill materialize day --from {start:%Y-%m-%d} --to {end:%Y-%m-%d}      # or leave it to the sensor")
    elif not yes:
        typer.echo("nothing has been deleted; add --yes")
