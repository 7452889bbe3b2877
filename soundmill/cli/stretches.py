"""Commands on stretches of a source's time: cut them out, or take them back."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from soundmill.cli.common import Json, app, count, instant, print_json, refuse, the_catalog, the_lake

_Source = Annotated[str, typer.Option(help="Which microphone or collection.")]
_MACROSEGMENT = 5  # segments


@app.command(epilog="Examples: `soundmill interval --source garden --from 2026-01-05T10:00Z --to 2026-01-05T10:05Z out.wav`, "
             "`soundmill interval --source garden --around 2026-01-05T10:00:07Z out.flac`")  # fmt: skip
def interval(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The file to write: .wav, .flac or .ogg.")],
    source: _Source,
    first: Annotated[str | None, typer.Option("--from", help="Where to begin.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Where to end.")] = None,
    around: Annotated[str | None, typer.Option(help="Instead: five segments with this moment in the middle one.")] = None,
    as_json: Json = False,
) -> None:
    """Write what a source heard between two moments to one file, of any length.

    What is missing is silence in the file, and is marked: it is printed, and stands beside the file as labels that Audacity opens.
    """
    import os

    import soundfile as sf

    from soundmill.capture import SEGMENTS, Timeline
    from soundmill.errors import NoAudio
    from soundmill.times import days_between

    start, end = instant(first), instant(last)
    lake = the_lake()
    if around is not None:
        moment = instant(around)
        assert moment is not None
        start, end = _macrosegment(lake, source, moment)
    if start is None or end is None or end <= start:
        raise typer.BadParameter("say --from and a later --to, or --around", param_hint="--from")
    kinds = {".wav": ("WAV", "PCM_16"), ".flac": ("FLAC", "PCM_16"), ".ogg": ("OGG", "VORBIS")}
    if out.suffix.lower() not in kinds:
        raise typer.BadParameter(f"{out.name!r} ends in none of {', '.join(kinds)}", param_hint="OUT")
    segments = lake.read_days(SEGMENTS, days_between((start - timedelta(days=1)).date(), end.date()))
    try:
        rate, pieces = Timeline(lake, segments).pieces(source, start, end)
    except NoAudio as error:
        refuse(f"{error}; are its days materialised?")
    kind, subtype = kinds[out.suffix.lower()]
    if kind == "WAV" and (end - start).total_seconds() * rate * 2 > 0xFFFF_0000:
        kind = "RF64"  # a WAV of more than 4 GB
    gaps: list[tuple[float, float]] = []
    written = 0
    aside = out.with_name(out.name + ".partial")
    try:
        with sf.SoundFile(aside, "w", rate, 1, format=kind, subtype=subtype) as file:
            for samples, there in pieces:
                for at in range(0, len(samples), rate):  # libsndfile's Vorbis encoder overflows on long writes
                    file.write(samples[at : at + rate])
                if not there:
                    begin, stop = written / rate, (written + len(samples)) / rate
                    if gaps and gaps[-1][1] == begin:
                        begin = gaps.pop()[0]
                    gaps.append((begin, stop))
                written += len(samples)
        os.replace(aside, out)
    except (OSError, sf.SoundFileError) as error:
        aside.unlink(missing_ok=True)
        refuse(f"{out} cannot be written: {error}")
    labels = out.with_name(out.name + ".gaps.txt")
    labels.unlink(missing_ok=True)
    if gaps:
        labels.write_text("".join(f"{begin:.6f}\t{stop:.6f}\tmissing\n" for begin, stop in gaps))
    missing = sum(stop - begin for begin, stop in gaps)
    if as_json:
        print_json({"file": str(out), "start": start, "seconds": written / rate, "sample_rate": rate, "missing": missing, "gaps": gaps})
        return
    typer.echo(f"{out}: {written / rate:.3f} s from {start:%Y-%m-%d %H:%M:%S} UTC on")
    if gaps:
        typer.echo(f"{missing:.3f} s of it in {count(len(gaps), 'gap')} are missing and silent: {labels}")


@app.command(epilog="Example: `soundmill redact --source porch --from 2026-01-05T18:00Z --to 2026-01-05T22:00Z`, and again with --yes")
def redact(
    source: _Source,
    first: Annotated[str, typer.Option("--from", help="Where to begin.")],
    last: Annotated[str, typer.Option("--to", help="Where to end.")],
    keep: Annotated[int, typer.Option(min=0, help="Segments kept on either side of an annotation.")] = 2,
    silent: Annotated[bool, typer.Option("--silent", help="Instead: delete landed files that hold nothing but silence.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, it is only said what would go.")] = False,
    as_json: Json = False,
) -> None:
    """Delete what nobody annotated between two moments: segments, landed files, and with the next runs of their days all vectors of them.

    It does not come back: the ledger remembers what was withdrawn, and backups drop it at once.
    """
    from soundmill.capture.redaction import plan_redaction, plan_silent
    from soundmill.workflows.erasure import erase

    start, end = instant(first), instant(last)
    assert start is not None
    assert end is not None
    if end <= start:
        raise typer.BadParameter("it lies before --from", param_hint="--to")
    catalog = the_catalog()
    plan = plan_silent(catalog, source, start, end) if silent else plan_redaction(catalog, source, start, end, keep)
    gone = erase(the_lake(), catalog, plan).files if yes else 0
    if as_json:
        values = {"segments": len(plan.segments), "seconds": plan.seconds, "files": list(plan.files), "kept": plan.kept, "deleted": gone}
        print_json(values)
        return
    what = count(len(plan.files), "landed file") + " of silence" if silent else count(len(plan.segments), "segment")
    what += f" ({plan.seconds / 60:.1f} minutes)"
    typer.echo(f"{what} {'are gone' if yes else 'would go'}" + ("" if silent else f", {plan.kept} stay for their annotations"))
    if yes and not silent and plan.segments:
        days = sorted({item.day.isoformat() for item in plan.segments})
        typer.echo(f"then: soundmill materialize day --from {days[0]} --to {days[-1]}      # or leave it to the sensor")
    elif not yes:
        typer.echo("nothing has been deleted; add --yes")


def _macrosegment(lake: Any, source: str, moment: datetime) -> tuple[datetime, datetime]:
    """From two and a half segments before the middle of the segment around a moment to two and a half after it."""
    from soundmill.capture import SEGMENTS

    days = [(moment - timedelta(days=1)).date(), moment.date()]
    rows = lake.read_days(SEGMENTS, days, columns=["source", "started_at", "seconds"]).to_pylist()
    mine = [row for row in rows if row["source"] == source and row["started_at"] <= moment]
    found = max(mine, key=lambda row: row["started_at"], default=None)
    if found is None or found["started_at"] + timedelta(seconds=found["seconds"]) <= moment:
        refuse(f"{source} has no segment at {moment:%Y-%m-%d %H:%M:%S} UTC")
    length = timedelta(seconds=found["seconds"])
    return found["started_at"] - (_MACROSEGMENT // 2) * length, found["started_at"] + (_MACROSEGMENT // 2 + 1) * length
