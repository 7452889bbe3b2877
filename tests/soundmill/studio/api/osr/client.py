"""A studio on a built home, asked as clients of the original ask."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from tests.home import Home
from tests.soundmill.studio.running import studio


class Client:
    """POST with an empty body, arguments in the path; answers are JSON."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http

    def __call__(self, path: str, status: int = 200) -> Any:
        answer = self.http.post(f"/osr{path}")
        assert answer.status_code == status, answer.text
        return answer.json()

    def asked(self, path: str, wanted: dict[str, Any], status: int = 200) -> Any:
        return self(f"{path}/{quote(json.dumps(wanted), safe='')}", status)


@contextmanager
def osr(home: Home, tmp_path: Path, **values: Any) -> Iterator[Client]:
    with studio(tmp_path / "built", **values) as http:
        yield Client(http)
