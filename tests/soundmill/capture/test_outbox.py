"""The outbox of a station: what waits for a hub, and in which order it goes."""

import threading
import time
from pathlib import Path

import httpx
import pytest

from soundmill.capture.naming import SegmentName
from soundmill.capture.outbox import Outbox, to_hub
from soundmill.errors import HubRefused, HubUnavailable
from tests.conftest import wait_until
from tests.soundmill.capture.scripted import NOON
from tests.web import Web, reply


def test_an_outbox_sends_the_oldest_first_and_keeps_what_is_refused(tmp_path: Path) -> None:
    sent: list[int] = []
    away = threading.Event()
    away.set()

    def deliver(name: SegmentName, data: bytes) -> None:
        if away.is_set():
            raise httpx.ConnectError("nobody there")
        if name.sequence == 2:
            raise HubRefused("never")
        sent.append(name.sequence)

    box = Outbox(tmp_path, deliver, 0)
    (tmp_path / "half.wav.partial").write_bytes(b"half")
    for number in (0, 1, 2, 3):
        box.put(SegmentName(NOON, 5, number, number), b"x")
    time.sleep(0.3)
    assert box.backlog == 4
    box.close(5)
    away.clear()
    again = Outbox(tmp_path, deliver, 0)
    assert not (tmp_path / "half.wav.partial").exists()
    wait_until(lambda: again.backlog == 0, 20)
    again.close(5)
    assert sent == [0, 1, 3]
    assert len(list((tmp_path / "refused").iterdir())) == 1


def test_what_answers_for_everybody_is_no_hub(tmp_path: Path, web: Web) -> None:
    web.on("/capture/data", lambda asked, connection: reply(connection, "200 OK", b"<html>Log in to the network</html>"))
    deliver = to_hub(f"{web.url}/capture", "porch", None)
    with pytest.raises((HubUnavailable, ValueError)):
        deliver(SegmentName(NOON, 1, 1, 1), b"sound")
