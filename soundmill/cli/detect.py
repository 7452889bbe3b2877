"""The command that listens with the champion: to a file, or to what lands."""

import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from soundmill.cli.common import Json, app, instant, log_to_stderr, print_json, refuse, settings, the_catalog, the_lake
from soundmill.wording import count

if TYPE_CHECKING:
    from soundmill.workflows.live import Detector, Follower

_EXAMPLES = "Examples: `soundmill detect night.flac`, `soundmill detect --follow`, `soundmill detect --follow --source porch`"


@app.command(epilog=_EXAMPLES)
def detect(
    files: Annotated[list[Path] | None, typer.Argument(metavar="FILE...", help="Recordings of any length and codec.")] = None,
    follow: Annotated[
        bool, typer.Option("--follow", help="Run the champion on every captured segment as it lands, until stopped.")
    ] = False,
    source: Annotated[list[str] | None, typer.Option(help="With --follow: only this source. Can be repeated.")] = None,
    since: Annotated[
        str | None,
        typer.Option(
            help="With --follow: start with what landed since (default: where the last run stopped, if that was within a day; else now)."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Detect sounds with the champion model: in files, as a list of events; or with --follow in live captures, within a tenth of a second.

    With --follow, detections and events are written to the catalog with the model's version. A newly promoted champion takes over at once.
    A backlog is processed oldest first.
    """
    if bool(files) == follow:
        raise typer.BadParameter("name files, or use --follow", param_hint="FILE")
    if follow:
        _follow(tuple(source or ()), instant(since))
        return
    found, failed = _events_of(files or [])
    if as_json:
        print_json(found)
    for event in [] if as_json else found:
        name = f"{event['file']}: " if len(files or []) > 1 else ""
        typer.echo(f"{name}{event['onset']:9.2f} {event['offset']:9.2f}  {event['tag']}  {event['score']:+.2f}")
    if not found and not as_json and failed < len(files or []):
        typer.echo("nothing that the champion knows")
    if failed:
        raise typer.Exit(1)


def _events_of(files: list[Path]) -> tuple[list[dict[str, Any]], int]:
    """The events of all files that can be read, and how many cannot."""
    from soundmill.errors import NoChampion, UndecodableAudio
    from soundmill.workflows.live.files import events_in_file

    found: list[dict[str, Any]] = []
    read, failed, detector = 0, 0, _detector()
    for file in files:
        try:
            events = events_in_file(detector, file)
        except UndecodableAudio as error:
            failed += 1
            typer.echo(f"{file}: {error}", err=True)
            continue
        except NoChampion as error:
            refuse(str(error))
        if not read:
            champion = detector.champion()
            typer.echo(f"{champion.name} version {champion.version}: onset and offset in s, tag, margin above its threshold", err=True)
        read += 1
        found += [{"file": str(file), **vars(event)} for event in events]
    return found, failed


def _follow(sources: tuple[str, ...], since: datetime | None) -> None:
    from soundmill.catalog import LiveRecord
    from soundmill.errors import NoChampion

    log_to_stderr()
    now = datetime.now(UTC)
    # where it was left, if that is not long ago: a restart forgets nothing
    left = LiveRecord(the_catalog()).newest(sources)
    follower = follower_of(sources, since or (left if left and now - left < timedelta(days=1) else now))
    signal.signal(signal.SIGTERM, lambda *_: follower.end())
    signal.signal(signal.SIGINT, lambda *_: follower.end())
    try:
        follower.run()
    except NoChampion as error:
        refuse(str(error))
    typer.echo(f"{count(follower.status.detected, 'segment')} processed", err=True)


def follower_of(sources: tuple[str, ...], since: datetime) -> "Follower":
    """A follower of this home's landing area, which prints what it detects by name."""
    from soundmill.catalog import LiveDetection, LiveRecord
    from soundmill.osr.spec import OTHER
    from soundmill.workflows.live import Follower, LiveEvent

    def report(one: LiveDetection, events: list[LiveEvent]) -> None:
        if one.tag != OTHER:
            typer.echo(f"{one.started_at:%Y-%m-%d %H:%M:%S} {one.source}: {one.tag} ({one.score:+.2f})")

    status = settings().home / "capture" / f"{'-'.join(sources) if sources else 'all'}.listening.json"
    return Follower(the_lake(), LiveRecord(the_catalog()), _detector(), sources, since, status, report)


def _detector() -> "Detector":
    from soundmill.capture import Segmenter
    from soundmill.catalog import ModelRegistry
    from soundmill.workflows.live import Detector

    values = settings()
    segmenter = Segmenter(values.segment_rate, values.segment_samples, values.gate_dbfs, values.channels, truncated=values.truncated)
    return Detector(the_lake(), ModelRegistry(the_catalog()), segmenter, values.zone, values.networks)
