"""The studio's log."""

import logging
import re
from pathlib import Path

import httpx

from tests.conftest import wav
from tests.soundmill.studio.api.downloading import single
from tests.soundmill.studio.running import studio
from tests.web import Web


def test_what_becomes_of_requests_is_in_the_log(client: httpx.Client, web: Web, tmp_path: Path) -> None:
    single(client, conversation_id="good", audio_url=web.serve("/a", wav(2)))
    single(client, conversation_id="bad", audio_url=web.url + "/gone")
    lines = (tmp_path / "logs/studio.log").read_text().splitlines()
    assert any("INFO - good speaker: 2.0 s" in line for line in lines)
    assert any("WARNING - bad speaker: http_404" in line for line in lines)


def test_the_log_has_times_in_the_zone_and_rotates(tmp_path: Path) -> None:
    with studio(tmp_path, timezone="Asia/Kolkata") as _:
        log = logging.getLogger("soundmill.test")
        log.info("hello")
        line = (tmp_path / "logs/studio.log").read_text().splitlines()[-1]
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}\+05:30 - soundmill.test - INFO - hello", line)
        for _ in range(25):
            log.info("x" * 1_000_000)
    kept = sorted(path.name for path in (tmp_path / "logs").iterdir() if path.name.startswith("studio.log"))
    assert kept == ["studio.log", "studio.log.1", "studio.log.2", "studio.log.3"]
