"""The studio on a port of its own."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from soundmill.settings import Settings
from soundmill.studio.app import create_app
from tests.conftest import wait_until


@contextmanager
def studio(folder: Path, **values: Any) -> Iterator[httpx.Client]:
    """The application on a port of its own, in a thread."""
    settings = Settings(**{"home": folder, "download_allow": "127.0.0.1", "_env_file": None, **values})
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(create_app(settings), log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        wait_until(lambda: server.started, 20)
        with httpx.Client(base_url=f"http://127.0.0.1:{listening.getsockname()[1]}", timeout=60) as client:
            yield client
        server.should_exit = True
        thread.join(20)
