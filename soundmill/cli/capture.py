"""Commands that record: stations, their state, their status."""

import json
import logging
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from soundmill.cli.common import Json, app, instant, log_to_stderr, print_json, refuse, settings, the_catalog, the_lake
from soundmill.wording import count

if TYPE_CHECKING:
    from soundmill.capture.switch import Switch
    from soundmill.workflows.live import Follower

log = logging.getLogger("soundmill.capture")
_EXAMPLES = (
    "Examples: `soundmill capture --source mic --state on`, `soundmill capture --source file:night.flac --started-at 2026-01-05T22:00:00Z "
    "--speed 0`, `soundmill capture --source mic --name porch --hub http://hub:8000/capture`, `soundmill capture --status`"
)


@app.command(epilog=_EXAMPLES)
def capture(
    source: Annotated[
        str | None,
        typer.Option(help="`mic`, `mic:NUMBER or NAME`, `file:PATH`, a URL (http, https, rtsp), or `-` for raw samples on standard input."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the source, as other commands take it with --source.")] = None,
    started_at: Annotated[
        str | None,
        typer.Option(
            help="Start time of a file (default: from its name, else now); for `-`, time of the first sample, instead of the clock."
        ),
    ] = None,
    gate: Annotated[
        str | None,
        typer.Option(help="Segments whose peak is at or below this level (dBFS) are not stored; `off` stores all. [SOUNDMILL_GATE_DBFS]"),
    ] = None,
    hub: Annotated[str | None, typer.Option(help="Send segments to this hub instead, such as http://hub:8000/capture.")] = None,
    token: Annotated[
        str | None, typer.Option(envvar="SOUNDMILL_HUB_TOKEN", help="The device's token at the hub.", show_default=False)
    ] = None,
    speed: Annotated[
        float, typer.Option(min=0, help="Speed at which a file is read, as a multiple of real time; 0: as fast as possible.")
    ] = 1.0,
    rate: Annotated[int | None, typer.Option(min=4000, max=192_000, help="Samples a second. [SOUNDMILL_SEGMENT_RATE]")] = None,
    channels: Annotated[int, typer.Option(min=1, max=64, help="Channels of the microphone or of raw samples; the first is recorded.")] = 1,
    samples: Annotated[int | None, typer.Option(min=4410, help="Samples in a segment. [SOUNDMILL_SEGMENT_SAMPLES]")] = None,
    listen: Annotated[bool, typer.Option("--detect", help="Run the champion on each segment as it ends.")] = False,
    state: Annotated[
        Literal["on", "off"] | None,
        typer.Option(
            help="With --source: start on or off (default: as last set; at first off for a microphone, on for other sources). "
            "Without --source: switch a running station on or off (`--name hub`: all edges)."
        ),
    ] = None,
    status: Annotated[bool, typer.Option("--status", help="Print the status of every station, and exit.")] = False,
    devices: Annotated[bool, typer.Option("--devices", help="List the microphones, and exit.")] = False,
    as_json: Json = False,
) -> None:
    """Record a source until it ends or you stop it, as segments in the landing area.

    Silence is logged, not stored. Recording continues while the disk is full or the hub is unreachable; a source that fails is restarted.
    Switch it on and off with `--state`, the studio's /capture/state, or the signals USR1 and USR2.
    """
    from soundmill.capture.sources import microphones
    from soundmill.errors import SourceRefused

    if devices:
        try:
            found = microphones()
        except SourceRefused as error:
            refuse(str(error))
        print_json(found) if as_json else typer.echo("\n".join(found) or "no microphone is connected")
        return
    values = settings()
    folder = values.home / "capture"
    if status:
        _print_status(folder, as_json)
        return
    if source is None:
        if state is None:
            raise typer.BadParameter("name what to record, or use --status, --devices, or --state with --name", param_hint="--source")
        _turn(folder, name or "mic", state == "on")
        return
    wanted = _Wanted(source, name, started_at, hub, token, speed, rate, channels, samples, state, gate)
    if listen and hub:
        raise typer.BadParameter("sound that goes to a hub is detected there: soundmill detect --follow", param_hint="--detect")
    with _alone(folder, wanted.name), _listening(wanted) if listen else nullcontext() as follower:
        _record(folder, wanted, follower)


class _Wanted:
    """What was typed, with the settings' values where nothing was."""

    def __init__(
        self,
        source: str,
        name: str | None,
        started_at: str | None,
        hub: str | None,
        token: str | None,
        speed: float,
        rate: int | None,
        channels: int,
        samples: int | None,
        state: str | None,
        gate: str | None,
    ) -> None:
        from urllib.parse import urlsplit

        from soundmill.capture.landing import check_source

        values = settings()
        self.kind, _, self.rest = source.partition(":")
        if source == "-":
            self.kind = "stdin"
        elif "://" in source:
            self.kind, self.rest = "url", source
        if self.kind not in {"mic", "file", "url", "stdin"}:
            raise typer.BadParameter(f"{source!r} is neither mic, file:PATH, a URL, nor -", param_hint="--source")
        if self.kind == "file" and not Path(self.rest).is_file():
            refuse(f"{self.rest} is not there")
        if hub is not None and urlsplit(hub).scheme not in {"http", "https"}:
            raise typer.BadParameter(f"{hub!r} is no address such as http://hub:8000/capture", param_hint="--hub")
        default = {"mic": "mic", "file": Path(self.rest).stem, "url": urlsplit(self.rest).hostname or "stream", "stdin": "stdin"}[self.kind]
        try:
            self.name = check_source(name or default)
        except ValueError as error:
            refuse(f"{error}; give another with --name")
        self.described, self.started_at, self.speed, self.channels = source, instant(started_at), speed, channels
        self.hub, self.token = hub and hub.rstrip("/"), token
        self._pipe: Any = None
        self.rate, self.samples = rate or values.segment_rate, samples or values.segment_samples
        self.on = None if state is None else state == "on"
        try:
            self.gate = values.gate_dbfs if gate is None else None if gate.lower() in {"off", "none"} else float(gate)
        except ValueError:
            raise typer.BadParameter(f"{gate!r} is no level; write it like -48, or off", param_hint="--gate") from None
        if self.gate is not None and not -200 <= self.gate <= 0:
            raise typer.BadParameter(f"{gate} dBFS is no level of a sound: 0 is the loudest; write it like -48", param_hint="--gate")
        if self.started_at is not None and self.started_at.year < 1970:
            raise typer.BadParameter("it lies before 1970", param_hint="--started-at")

    def open(self, attempt: int) -> Any:
        from soundmill.capture.sources import FileSource, MicSource, PcmSource, StreamSource
        from soundmill.times import instant_in_name

        if self.kind == "mic":
            device = int(self.rest) if self.rest.isdigit() else self.rest or None
            return MicSource(device, self.rate, self.channels, fresh=attempt > 1)
        if self.kind == "file":
            began = self.started_at or instant_in_name(Path(self.rest).name) or datetime.now(UTC)
            return FileSource(Path(self.rest), self.rate, began, self.speed)
        if self.kind == "url":
            return StreamSource(self.rest, self.rate)
        self._pipe = self._pipe or PcmSource(sys.stdin.buffer, self.rate, self.channels, self.started_at)
        return self._pipe


def _record(folder: Path, wanted: _Wanted, follower: "Follower | None") -> None:
    from soundmill.alerts import send_alert
    from soundmill.capture.edge import follow_hub
    from soundmill.capture.outbox import Landing, Outbox, Store, to_hub, to_lake
    from soundmill.capture.station import Cut, Station
    from soundmill.capture.switch import Switch
    from soundmill.errors import SourceRefused, UndecodableAudio

    values = settings()
    log_to_stderr()
    least_free = values.least_free_megabytes * 1_000_000
    store: Store
    if wanted.hub:
        store = Outbox(folder / "outbox" / wanted.name, to_hub(wanted.hub, wanted.name, wanted.token, values.ca_path), least_free)
    else:
        lake = the_lake()
        outbox = folder / "outbox" / wanted.name
        store = Landing(lake, wanted.name, least_free) if lake.is_local else Outbox(outbox, to_lake(lake, wanted.name), least_free)
    switch = Switch(folder / f"{wanted.name}.state.json", default=wanted.kind != "mic")  # as it was left, where it was there before
    if wanted.on is not None:
        switch.set(wanted.on)
    webhook = values.alert_webhook.get_secret_value() if values.alert_webhook else ""
    station = Station(
        wanted.name,
        wanted.described,
        wanted.open,
        store,
        switch,
        folder / f"{wanted.name}.status.json",
        Cut(wanted.samples, wanted.gate),
        on_segment=lambda one, stored: follower.submit(wanted.name, one) if follower and not stored else None,
        notify=lambda text, good: threading.Thread(
            target=send_alert, args=(webhook, text), kwargs={"good": good, "ca_file": values.ca_path}, daemon=True
        ).start(),
    )
    signal.signal(signal.SIGTERM, lambda *_: station.end())
    signal.signal(signal.SIGINT, lambda *_: station.end())
    signal.signal(signal.SIGUSR1, lambda *_: _set(switch, True))
    signal.signal(signal.SIGUSR2, lambda *_: _set(switch, False))
    if wanted.hub:
        follow_hub(wanted.hub, wanted.name, wanted.token, switch, station.status, wanted.samples / wanted.rate, values.ca_path)
    if not switch.is_on():
        typer.echo(f"{wanted.name} is off; turn it on with: soundmill capture --name {wanted.name} --state on", err=True)
    try:
        ended = station.run()
    except SourceRefused as error:
        refuse(str(error))
    except UndecodableAudio as error:
        refuse(f"{wanted.described}: {error}")
    left = f", {count(ended.backlog, 'file')} still to be sent" if ended.backlog else ""
    lost = f", {ended.lost_seconds:.3f} s lost" if ended.lost_seconds else ""
    lost += f", {count(ended.not_stored, 'segment')} not stored" if ended.not_stored else ""
    typer.echo(
        f"{ended.name}: {count(ended.segments, 'segment')} stored, {ended.silent} silent, {ended.seconds:.1f} s recorded{lost}{left}"
    )


@contextmanager
def _alone(folder: Path, name: str) -> Iterator[None]:
    """Two stations of one name would write one status and one outbox: the second is refused, for as long as the first lives."""
    import fcntl

    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / f"{name}.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            refuse(f"a station called {name!r} runs already; give this one another --name")
        yield


@contextmanager
def _listening(wanted: _Wanted) -> Iterator["Follower"]:
    """A thread that runs the champion on what this station lands; at the end it finishes what is left. It stops no capture."""
    from soundmill.cli.detect import follower_of
    from soundmill.errors import NoChampion

    follower = follower_of((wanted.name,), wanted.open(0).started_at or datetime.now(UTC))

    def listen() -> None:
        while True:
            try:
                follower.run()
            except NoChampion as error:
                log.warning("%s; asked again in a minute", error)
            if follower.ended.wait(60.0):
                return

    thread = threading.Thread(target=listen, name="listening", daemon=True)
    thread.start()
    try:
        yield follower
    finally:
        follower.end()
        thread.join()


def _set(switch: "Switch", on: bool) -> None:
    """For signals: a disk that is full must not end the capture."""
    try:
        switch.set(on)
    except OSError as error:
        log.error("the switch cannot be set: %s", error)


def _turn(folder: Path, name: str, on: bool) -> None:
    from soundmill.capture.switch import HUB, Switch

    if name != HUB and not (folder / f"{name}.status.json").exists():
        refuse(f"no station is called {name!r}; see soundmill capture --status")
    Switch(folder / f"{name}.state.json").set(on)
    typer.echo(f"{name} is {'on' if on else 'off'}")


def _print_status(folder: Path, as_json: bool) -> None:
    from soundmill.capture.status import read_status

    stations = read_status(folder)
    if as_json:
        print_json(stations)
        return
    for path in sorted(folder.glob("*.listening.json")):
        status = json.loads(path.read_text())
        of, late = path.name.removesuffix(".listening.json"), status["latency_ms"]
        typer.echo(
            f"{status['model']} {status['version']} has processed {status.get('detected', 0)} segments of {of}, {status['backlog']} wait"
            f"{'' if late is None else f', {late:.0f} ms after they were there'}; {status['updated_at'][:19]}"
        )
    if not stations:
        typer.echo("no station has recorded here yet; start one with: soundmill capture --source mic")
        return
    for one in stations:
        known = [f"{name} {one[key]:.0f} dBFS" for name, key in (("peak", "peak_dbfs"), ("floor", "floor_dbfs")) if one[key] is not None]
        counts = [f"{one['segments']} stored", f"{one['silent']} silent", f"{one['lost_seconds']:.2f} s lost"]
        counts += [f"{one['backlog']} wait to be sent"] if one["backlog"] else []
        counts += [f"{one['not_stored']} not stored for want of room"] if one["not_stored"] else []
        typer.echo(f"{one['name']} is {one['state']}{': ' + one['why'] if one['why'] else ''}")
        typer.echo(f"  last segment {one['last_segment_at'][:19] or 'none'}; {', '.join(counts)}; {', '.join(known) or 'no level yet'}")


device = typer.Typer(
    no_args_is_help=True, help="Edges: recorders on other machines that may send sound to this hub, each with its own token."
)
app.add_typer(device, name="device")


@device.command("add", epilog="Example: `soundmill device add porch`, then on the edge `SOUNDMILL_HUB_TOKEN=... soundmill capture ...`")
def add_device(name: Annotated[str, typer.Argument(help="The name of the edge's source.")]) -> None:
    """Create a token for an edge and print it, once. Its previous token is revoked. As soon as one edge has a token, all need one."""
    from soundmill.capture.landing import check_source
    from soundmill.catalog import Devices

    try:
        check_source(name)
    except ValueError as error:
        refuse(str(error))
    typer.echo(Devices(the_catalog()).add(name))


@device.command("list", epilog="Example: `soundmill device list --json`")
def list_devices(as_json: Json = False) -> None:
    """List the edges, and when each last reported."""
    from dataclasses import asdict

    from soundmill.catalog import Devices

    found = Devices(the_catalog()).all()
    if as_json:
        print_json([asdict(one) for one in found])
        return
    for one in found:
        typer.echo(f"{one.name}: {f'reported at {one.last_seen_at:%Y-%m-%d %H:%M:%S} UTC' if one.last_seen_at else 'never reported'}")
    if not found:
        typer.echo("no edge has a token; anybody who reaches this hub may send sound to it")


@device.command("remove", epilog="Example: `soundmill device remove porch`")
def remove_device(name: Annotated[str, typer.Argument(help="The edge's name.")]) -> None:
    """Revoke the token of an edge."""
    from soundmill.catalog import Devices

    if not Devices(the_catalog()).remove(name):
        refuse(f"no edge is called {name!r}")
    typer.echo(f"{name} may send nothing any more")
