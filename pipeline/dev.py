"""The Dagster UI with its daemon, and the studio, on this machine: four processes that live and end together."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from pipeline.run import dagster_home, instance_of, report_dead_runs
from soundmill.catalog import lease, open_catalog
from soundmill.errors import LeaseLost
from soundmill.settings import Settings

_ROOT = Path(__file__).resolve().parent.parent
_START_SECONDS = 90
_END_SECONDS = 8
_INTERRUPTS = (signal.SIGINT, signal.SIGTERM)


class DevFailed(RuntimeError):
    """A process did not start, or ended by itself."""


def serve(settings: Settings, port: int, studio_port: int, studio_host: str = "127.0.0.1") -> int:
    """Runs code server, web server, daemon and studio until interrupted, or until one of them ends by itself. Returns the exit code."""

    def interrupt(*_: object) -> None:
        _hold_interrupts()
        raise KeyboardInterrupt

    for number in _INTERRUPTS:
        if signal.getsignal(number) != signal.SIG_IGN:  # a shell's background job ignores Ctrl-C
            signal.signal(number, interrupt)
    try:
        with running(settings, port, studio_port, studio_host) as processes:
            where = f"Dagster UI: http://localhost:{port}, studio: http://localhost:{studio_port}"
            print(f"{where} (home: {settings.home.absolute()}); stop with Ctrl-C", file=sys.stderr)
            while True:
                for name, process in processes.items():
                    if process.poll() is not None:
                        print(f"soundmill: the {name} ended with code {process.returncode}", file=sys.stderr)
                        return 1
                time.sleep(0.5)
    except KeyboardInterrupt:
        return 0
    except DevFailed as error:
        print(f"soundmill: {error}", file=sys.stderr)
        return 1


@contextmanager
def running(
    settings: Settings, port: int, studio_port: int, studio_host: str = "127.0.0.1"
) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """The four processes by name, ready to use; all are ended, with what they started, when the block ends. Raises `DevFailed`."""
    for taken, option in ((port, "--port"), (studio_port, "--studio-port")):
        if _is_open(taken):
            raise DevFailed(f"port {taken} is in use; choose another with {option}")
    with ExitStack() as stack:
        try:
            stack.enter_context(lease(open_catalog(settings.catalog_url), f"dev {settings.home.absolute()}", wait=0))
        except LeaseLost as error:
            raise DevFailed(
                f"another `soundmill dev` uses {settings.home.absolute()}, or is just ending: try again in a moment ({error})"
            ) from None
        with instance_of(settings) as instance:
            if dead := report_dead_runs(instance):
                print(f"{dead} runs of processes that are gone are now marked as failed", file=sys.stderr)
        yield stack.enter_context(_processes(settings, port, studio_port, studio_host))


@contextmanager
def _processes(settings: Settings, port: int, studio_port: int, studio_host: str) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    home = dagster_home(settings)
    grpc = _free_port()
    workspace = home / f"workspace-{port}.yaml"
    workspace.write_text(
        json.dumps(
            {  # JSON is YAML, too
                "load_from": [{"grpc_server": {"host": "localhost", "port": grpc, "location_name": "soundmill"}}]
            }
        )
    )
    # the children run in the project's folder: what the caller's .env says, and paths relative to the caller, are handed on
    mine = {**settings.environment(), "SOUNDMILL_HOME": str(settings.home.absolute())}
    each_other = {"SOUNDMILL_DAGSTER_URL": f"http://localhost:{port}", "SOUNDMILL_STUDIO_URL": f"http://localhost:{studio_port}"}
    environment = {**os.environ, **each_other, **mine, "DAGSTER_HOME": str(home), "PYTHONUNBUFFERED": "1"}
    code = ["code-server", "start", "-m", "pipeline.definitions", "-a", "defs", "-d", str(_ROOT), "--location-name", "soundmill"]
    commands = {
        "code server": ["dagster", *code, "--host", "localhost", "--port", str(grpc)],
        "web server": ["dagster_webserver", "-w", str(workspace), "-h", "127.0.0.1", "-p", str(port)],
        "daemon": ["dagster._daemon", "run", "-w", str(workspace)],
        "studio": ["soundmill.cli", "studio", "--host", studio_host, "--port", str(studio_port)],
    }
    processes: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name, command in commands.items():
            processes[name] = subprocess.Popen([sys.executable, "-m", *command], env=environment, cwd=_ROOT, start_new_session=True)
            if name == "code server":
                _wait_for(grpc, name, processes)
        _wait_for(port, "web server", processes)
        _wait_for(studio_port, "studio", processes)
        yield processes
    finally:
        before = _hold_interrupts()
        _end(processes)
        workspace.unlink(missing_ok=True)
        for number, handler in zip(_INTERRUPTS, before, strict=True):
            signal.signal(number, handler)


def _wait_for(port: int, name: str, processes: dict[str, subprocess.Popen[bytes]]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not _is_open(port):
        if processes[name].poll() is not None:
            raise DevFailed(f"the {name} did not start: see its messages above")
        if time.monotonic() > deadline:
            raise DevFailed(f"the {name} did not answer within {_START_SECONDS} s")
        time.sleep(0.2)


def _end(processes: dict[str, subprocess.Popen[bytes]]) -> None:
    for process in reversed(list(processes.values())):
        _signal(process, signal.SIGTERM)
    deadline = time.monotonic() + _END_SECONDS
    for process in processes.values():
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            pass
        _signal(process, signal.SIGKILL)  # runs that the daemon started share its session
        process.wait()


def _hold_interrupts() -> list[Any]:
    """From now on Ctrl-C does nothing: a second one would break off the ending, and leave processes behind. Returns the handlers."""
    return [signal.signal(number, lambda *_: None) for number in _INTERRUPTS]


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        pass


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        return int(holder.getsockname()[1])
