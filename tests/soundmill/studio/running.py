"""The studio on a port of its own: in a thread of the tests, or as it is run, in processes that can be killed."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from soundmill.settings import Settings
from soundmill.studio.app import create_app
from soundmill.studio.connections import server_options
from tests.catalogs import sqlite_in
from tests.conftest import wait_until


@contextmanager
def studio(folder: Path, **values: Any) -> Iterator[httpx.Client]:
    """The application on a port of its own, in a thread."""
    settings = Settings(**{"home": folder, "download_allow": "127.0.0.1", "_env_file": None, **values})
    if "catalog" not in values:
        sqlite_in(folder)
    with served(create_app(settings), **server_options()) as client:
        yield client


@contextmanager
def served(app: Any, port: int = 0, **options: Any) -> Iterator[httpx.Client]:
    """An application on a port of its own, or on this one, in a thread."""
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", **options))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        wait_until(lambda: server.started, 20)
        with httpx.Client(base_url=f"http://127.0.0.1:{listening.getsockname()[1]}", timeout=60) as client:
            yield client
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive(), "the studio does not end"


@contextmanager
def studio_processes(folder: Path, workers: int = 1, **values: Any) -> Iterator[tuple[httpx.Client, subprocess.Popen[bytes]]]:
    """The command with so many processes, and its (parent) process."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        port = holder.getsockname()[1]
    given = {"home": folder, "download_allow": "127.0.0.1", **values}
    environment = {**os.environ, **{f"SOUNDMILL_{name.upper()}": str(value) for name, value in given.items()}}
    command = [sys.executable, "-m", "soundmill.cli", "studio", "--port", str(port), "--workers", str(workers)]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)

    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120) as client:

        def well() -> bool:
            try:
                return client.get("/downloader/health", timeout=2).status_code == 200
            except httpx.HTTPError:
                return False

        try:
            wait_until(well, 60)
            yield client, process
        finally:
            process.terminate()
            process.wait(20)
