"""The pipeline as it is now, over HTTP: all at once, as events, what was detected, and files in quarantine."""

import io
import json
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest

from soundmill.audio import wav_bytes
from soundmill.capture.status import Status, now_text, write_status
from soundmill.catalog import Item
from soundmill.osr.detections import DETECTIONS
from soundmill.osr.spec import OTHER
from soundmill.times import midnight, to_ms
from tests.home import DAYS, Home
from tests.soundmill.studio.running import studio

BROKEN = f"landing/mic/{DAYS[0]}/20250101T100000Z.wav"
NOISE = f"landing/mic/{DAYS[0]}/20250101T110000Z.wav"


@pytest.fixture
def client(built_home: Home, tmp_path: Path) -> Iterator[httpx.Client]:
    pcm = np.tile(np.arange(-200, 200, dtype=np.int16) * 90, 400)
    whole = wav_bytes(pcm, 16_000)
    built_home.lake.write_bytes(BROKEN, whole[:60_000])
    built_home.lake.write_bytes(NOISE, b"no sound at all")
    for key, reason in ((BROKEN, "truncated"), (NOISE, "not_audio")):
        built_home.ledger.record(Item(key, "recording", "mic", DAYS[0], "quarantined", "1", DAYS[0], reason=reason, message="broken"))
    with studio(tmp_path / "built", dagster_url="http://127.0.0.1:9") as client:
        yield client


def test_everything_is_told_at_once(client: httpx.Client, tmp_path: Path) -> None:
    status = Status("porch", "device 1", began_at=now_text(), updated_at=now_text(), on=True, state="live", peak_dbfs=-12.5)
    write_status(tmp_path / "built" / "capture" / "porch.status.json", vars(status))
    found = client.get("/api/overview").json()
    assert [(one["name"], one["state"], one["peak_dbfs"], one["alarms"]) for one in found["stations"]] == [("porch", "live", -12.5, False)]
    assert found["collection"]["ready_hours"] == pytest.approx(sum(found["collection"]["days"].values()))
    assert list(found["collection"]["days"]) == [str(day) for day in DAYS]
    assert found["quarantine"]["reasons"] == {"not_audio": 1, "truncated": 1}
    assert "SOUNDMILL_DAGSTER_URL" in found["runs"]["problem"]
    assert found["downloads"] == {"enabled": True, "counts": {}, "failures": []}


@contextmanager
def following(client: httpx.Client) -> Iterator[Iterator[tuple[str, object]]]:
    with client.stream("GET", "/api/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")

        def events() -> Iterator[tuple[str, object]]:
            name = ""
            for line in answer.iter_lines():
                if line.startswith("event: "):
                    name = line[7:]
                elif line.startswith("data: "):
                    yield name, json.loads(line[6:])

        yield events()


def test_events_tell_all_at_first_and_then_what_changes(client: httpx.Client, tmp_path: Path) -> None:
    with following(client) as events:
        first = dict(next(events) for _ in range(7))
        assert sorted(first) == ["collection", "detections", "downloads", "quarantine", "runs", "stations", "uploads"]
        assert first["stations"] == []
        status = Status("porch", "device 1", began_at=now_text(), updated_at=now_text(), on=True, state="live")
        write_status(tmp_path / "built" / "capture" / "porch.status.json", vars(status))
        name, stations = next(events)
        assert (name, stations[0]["name"]) == ("stations", "porch")  # type: ignore[index]


def test_detections_of_a_span_are_counted_by_tag_and_hour_and_the_newest_come_first(client: httpx.Client, built_home: Home) -> None:
    begin, end = to_ms(midnight(DAYS[0])), to_ms(midnight(DAYS[2])) + 86_400_000
    found = client.get(f"/api/detections?from={begin}&to={end}").json()
    rows = [row for row in built_home.lake.read_days(DETECTIONS, DAYS).to_pylist() if row["tag"] != OTHER]
    assert set(found["counts"]) == {row["tag"] for row in rows}
    assert sum(sum(hours.values()) for hours in found["counts"].values()) == found["total"] > 0
    starts = [one["start"] for one in found["events"]]
    assert starts == sorted(starts, reverse=True)
    some = client.get(f"/api/detections?from={begin}&to={end}&source=elsewhere&model={found['model']}").json()
    assert (some["total"], some["events"]) == (0, [])
    assert client.get(f"/api/detections?from={begin}&to={end}&model=odd/1").status_code == 404
    assert client.get(f"/api/detections?from=0&to={end}").status_code == 400


def test_a_file_in_quarantine_can_be_fetched_and_heard_as_far_as_it_goes(client: httpx.Client, built_home: Home) -> None:
    items = {one["key"]: one for one in client.get("/api/quarantine").json()["items"]}
    assert items[BROKEN]["has_file"]
    fetched = client.get(f"/api/quarantine/{BROKEN}/file")
    assert fetched.content == built_home.lake.read_bytes(BROKEN)
    assert fetched.headers["content-disposition"] == 'attachment; filename="20250101T100000Z.wav"'
    assert fetched.headers["x-content-type-options"] == "nosniff"
    heard = client.get(f"/api/quarantine/{BROKEN}/sound.wav")
    with wave.open(io.BytesIO(heard.content)) as file:
        assert (file.getframerate(), file.getnframes()) == (16_000, (60_000 - 44) // 2)
    refused = client.get(f"/api/quarantine/{NOISE}/sound.wav")
    assert (refused.status_code, "nothing to hear" in refused.json()["detail"]) == (404, True)
    assert client.get("/api/quarantine?reason=truncated").json()["items"][0]["key"] == BROKEN


@pytest.mark.parametrize("key", ["catalog.db", "landing/mic/odd.wav", "../catalog.db", "audio/segments/1.wav"])
def test_nothing_else_is_given_away(client: httpx.Client, key: str) -> None:
    for what in ("file", "sound.wav"):
        assert client.get(f"/api/quarantine/{key}/{what}").status_code == 404


def test_what_is_ready_is_not_in_quarantine(client: httpx.Client, built_home: Home) -> None:
    landed = next(
        entry.path for entry in built_home.lake.files("landing/mic") if entry.path not in {BROKEN} and "110000Z" not in entry.path
    )
    assert client.get(f"/api/quarantine/{landed}/file").status_code == 404


def test_a_studio_that_ends_does_not_wait_for_who_follows(built_home: Home, tmp_path: Path) -> None:
    with studio(tmp_path / "built") as client, following(client) as events:
        next(events)
        client.close()  # leaves the block with the stream open on the server's side
