"""The hub: the original's calls, segments that come twice, tokens, and edges that tell how they are."""

import io
import json
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path

import httpx
import numpy as np
import pytest
import soundfile as sf

from soundmill.audio import read_pcm, wav_bytes
from soundmill.capture.naming import SegmentName
from soundmill.capture.recorder import Silence
from soundmill.catalog import Devices, open_catalog
from soundmill.lake import open_lake
from tests.soundmill.studio.running import studio

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
NAME = SegmentName(NOON, 1767614400000, 3, 397_056)
PCM = np.random.default_rng(0).integers(-9000, 9000, 132_352).astype(np.int16)
WAV = wav_bytes(PCM, 44_100)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[httpx.Client]:
    with studio(tmp_path) as running:
        yield running


def landed(folder: Path) -> dict[str, bytes]:
    lake = open_lake(str(folder / "lake"))
    return {entry.path: lake.read_bytes(entry.path) for entry in lake.files("landing")}


def send(
    hub: httpx.Client, data: bytes, name: str = str(NAME), kind: str = "audio/wav", source: str = "porch", **more: str
) -> httpx.Response:
    place = {"source": source, "name": name}
    return hub.post("/capture/data", content=data, params=place, headers={"content-type": kind, **more})


def test_the_original_s_calls_work_by_curl(hub: httpx.Client, tmp_path: Path) -> None:
    base = f"{hub.base_url}/capture".replace("//capture", "/capture")

    def curl(*arguments: str) -> dict[str, object]:
        ran = subprocess.run(["curl", "-sS", "--fail-with-body", *arguments], capture_output=True, text=True, check=True)
        found: dict[str, object] = json.loads(ran.stdout)
        return found

    assert curl(f"{base}/meta")["segment_samples"] == 132_352
    assert curl(f"{base}/state") == {"capture_state": False}
    end = 1767614403001
    (tmp_path / "segment.json").write_text(json.dumps({"ts": end, "max_amp": int(abs(PCM).max()), "wf": PCM.tolist()}))
    said = curl("-H", "Content-Type: application/json", "--data-binary", f"@{tmp_path / 'segment.json'}", f"{base}/data")
    assert said == {"status": "Success. Processed 132352 samples"}
    ((path, stored),) = landed(tmp_path).items()
    assert path == "landing/edge/2026-01-05/1767614400000.wav"  # its time is that of its end
    np.testing.assert_array_equal(read_pcm(stored)[0], PCM)


def test_what_comes_twice_is_stored_once_and_other_sound_of_that_name_is_refused(hub: httpx.Client, tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        said = [answer.json()["status"] for answer in pool.map(lambda _: send(hub, WAV), range(16))]
    assert set(said) <= {"stored", "known"}
    assert send(hub, WAV).json()["status"] == "known"
    assert landed(tmp_path) == {f"landing/porch/2026-01-05/{NAME}": WAV}
    assert send(hub, wav_bytes(PCM[:1000], 44_100)).status_code == 409
    assert landed(tmp_path) == {f"landing/porch/2026-01-05/{NAME}": WAV}


def test_flac_and_silence_come_too(hub: httpx.Client, tmp_path: Path) -> None:
    sf.write(tmp_path / "a.flac", PCM, 44_100, subtype="PCM_16")
    flac = (tmp_path / "a.flac").read_bytes()
    assert send(hub, flac, str(NAME).replace(".wav", ".flac"), "audio/flac").json()["status"] == "stored"
    silence = Silence(SegmentName(NOON, 1767614400000, 4, 529_408, ".silence"), 44_100, 44_100, 1, 5)
    assert send(hub, silence.file(), str(silence.name), "application/x-silence").json()["status"] == "stored"
    assert len(landed(tmp_path)) == 2


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"data": b"<html>"}, "no wav"),
        ({"name": "../../etc/passwd"}, "no name of a segment"),
        ({"name": "1.wav"}, "no name of a segment"),
        ({"source": "../up"}, "cannot name a source"),
        ({"kind": "application/x-silence", "name": str(NAME).replace(".wav", ".silence")}, "states no silence"),
        ({"kind": "application/json", "data": b"{}"}, "ts: missing"),
        ({"kind": "application/json", "data": b"[]"}, "list indices"),
        ({"kind": "application/json", "data": b"[" * 100_000}, "nested too deeply"),
        ({"kind": "application/json", "data": b'{"ts": 1767614403001, "wf": ["' + b"x" * 9 + b'"]}'}, "are integers"),
        ({"name": str(NAME).replace("p0000", "p99999999")}, "no name of a segment"),
        (
            {
                "kind": "application/x-silence",
                "name": str(NAME).replace(".wav", ".silence"),
                "data": b'{"samples": Infinity, "sample_rate": 1, "segments": 1, "max_amp": 0, "clipped": 0}',
            },
            "no counts",
        ),
        ({"kind": "application/json", "data": b'{"ts": 1767614403001, "wf": []}'}, "wf: a list"),
        ({"kind": "application/json", "data": b'{"ts": 1767614403001, "wf": [70000]}'}, "between -32768"),
        ({"kind": "application/json", "data": b'{"ts": 1767614403001, "wf": [0.5]}'}, "are integers"),
        ({"kind": "application/json", "data": b'{"ts": "now", "wf": [1]}'}, "milliseconds"),
        ({"kind": "application/json", "data": b'{"ts": 1, "wf": [1, 2, 3]}' + b" " * 10}, None),
        ({"kind": "application/json", "data": b"not json"}, "Expecting value"),
    ],
)
def test_what_is_no_segment_is_a_400_and_is_not_stored(
    hub: httpx.Client, tmp_path: Path, change: dict[str, object], says: str | None
) -> None:
    answer = send(hub, **{"data": WAV, **change})  # type: ignore[arg-type]
    if says is None:
        assert answer.status_code == 200
        return
    assert answer.status_code == 400
    assert says in answer.json()["detail"]
    assert not landed(tmp_path)


def test_what_was_changed_on_the_way_is_to_be_sent_again(hub: httpx.Client, tmp_path: Path) -> None:
    answer = send(hub, WAV, **{"X-Content-SHA256": "0" * 64})
    assert answer.status_code == 412
    assert not landed(tmp_path)


def test_a_segment_that_is_too_large_is_a_413(hub: httpx.Client) -> None:
    assert send(hub, WAV + bytes(17 << 20)).status_code == 413


def test_once_an_edge_has_a_token_all_need_theirs(hub: httpx.Client, tmp_path: Path) -> None:
    token = Devices(open_catalog(f"sqlite:///{tmp_path / 'catalog.db'}")).add("porch")
    assert send(hub, WAV).status_code == 401
    assert send(hub, WAV, Authorization="Bearer nonsense").status_code == 401
    assert send(hub, WAV, source="shed", Authorization=f"Bearer {token}").status_code == 401
    assert send(hub, WAV, Authorization=f"Bearer {token}").status_code == 200
    assert hub.put("/capture/stations/shed", json={}, headers={"Authorization": f"Bearer {token}"}).status_code == 401
    assert hub.post("/capture/state", json={"capture_state": True}).status_code == 401
    assert hub.get("/capture/stations").status_code == 401
    (known,) = Devices(open_catalog(f"sqlite:///{tmp_path / 'catalog.db'}")).all()
    assert known.last_seen_at is not None
    assert hub.get("/capture/state").json() == {"capture_state": False}
    own = {"params": {"source": "porch"}, "headers": {"Authorization": f"Bearer {token}"}}
    assert hub.post("/capture/state", json={"capture_state": True}, **own).status_code == 200  # type: ignore[arg-type]
    assert Devices(open_catalog(f"sqlite:///{tmp_path / 'catalog.db'}")).remove("porch")
    assert send(hub, WAV, Authorization=f"Bearer {token}").status_code == 401
    assert send(hub, WAV).status_code == 401  # the last token's end does not open the hub to all


def test_the_switch_of_a_source_goes_before_that_of_the_hub(hub: httpx.Client) -> None:
    assert hub.post("/capture/state", json={"capture_state": True}).json() == {"capture_state": True}
    assert hub.get("/capture/state", params={"source": "porch"}).json() == {"capture_state": True}
    hub.post("/capture/state", params={"source": "porch"}, json={"capture_state": False})
    assert hub.get("/capture/state", params={"source": "porch"}).json() == {"capture_state": False}
    assert hub.get("/capture/state").json() == {"capture_state": True}
    assert hub.post("/capture/state", json={"on": True}).status_code == 400


def test_many_may_write_at_once(hub: httpx.Client) -> None:
    with ThreadPoolExecutor(16) as pool:
        told = list(pool.map(lambda n: hub.put("/capture/stations/porch", json={"segments": n}).status_code, range(60)))
        told += list(pool.map(lambda n: hub.post("/capture/state", json={"capture_state": n % 2 == 0}).status_code, range(60)))
    assert set(told) == {200}


def test_an_edge_tells_how_it_is(hub: httpx.Client) -> None:
    told = {"name": "somebody else", "state": "live", "segments": 7, "peak_dbfs": -12.5, "pid": 1, "more": "x"}
    assert hub.put("/capture/stations/porch", json=told).status_code == 200
    (station,) = hub.get("/capture/stations").json()
    assert (station["name"], station["state"], station["segments"], station["peak_dbfs"]) == ("porch", "live", 7, -12.5)
    assert (station["running"], station["pid"]) == (True, None)
    assert "more" not in station
    for wrong in ({"segments": "many"}, {"state": "x" * 1000}, {"clock_steps": {}}, {"lost_seconds": None}):
        assert hub.put("/capture/stations/porch", json=wrong).status_code == 400


def test_stations_that_report_here_are_told_to_the_first_page(hub: httpx.Client) -> None:
    assert hub.get("/api/overview").json()["stations"] == []
    hub.put("/capture/stations/porch", json={"state": "dead", "why": "<b>digital zero"})
    (station,) = hub.get("/api/overview").json()["stations"]
    assert (station["name"], station["why"], station["alarms"]) == ("porch", "<b>digital zero", True)


def test_the_day_of_a_segment_is_where_it_lands(hub: httpx.Client, tmp_path: Path) -> None:
    late = SegmentName(datetime(2026, 1, 5, 23, 59, 59, 999_000, tzinfo=UTC), 1, 1, 1)
    assert late.day == date(2026, 1, 5)
    send(hub, WAV, str(late))
    assert next(iter(landed(tmp_path))).startswith("landing/porch/2026-01-05/")


def test_meta_has_the_first_names_too(client: httpx.Client) -> None:
    found = client.get("/capture/meta").json()
    assert {name: found[name] for name in found if name.isupper() and name != "TS_INIT"} == {
        "SAMPLERATE": 44_100, "DEVICE_NAME": "hub", "NUM_CHANNELS": 1, "BLOCKSIZE": 256, "NUM_BLOCKS_IN_BUFF": 517, "BUFF_LEN": 132_352,
        "BUFF_DUR": 132_352 / 44_100, "MAX_AMP_THRESH": 130, "DATA_DIR": "landing",
    }  # fmt: skip
    assert 0 <= time.time() * 1000 - found["TS_INIT"] < 3_600_000


@pytest.mark.parametrize(("kind", "status"), [("text/plain", 415), ("application/x-www-form-urlencoded", 415), ("application/json", 400)])
def test_only_json_is_read_as_json(client: httpx.Client, kind: str, status: int) -> None:
    assert client.post("/capture/data", content=b"{}", headers={"Content-Type": kind}).status_code == status


def test_json_has_room_for_a_segment_and_no_more(client: httpx.Client) -> None:
    whole = {"ts": 1_767_608_100_000, "max_amp": 32_768, "wf": [-32_768] * 132_352}
    assert client.post("/capture/data", json=whole).status_code == 200
    nested = b'{"ts": 1, "wf": [' + b"[]," * 1_500_000 + b"[]]}"
    assert client.post("/capture/data", content=nested, headers={"Content-Type": "application/json"}).status_code == 413


def test_a_few_bytes_that_are_hours_are_no_segment(client: httpx.Client, tmp_path: Path) -> None:
    hours = io.BytesIO()
    sf.write(hours, np.zeros(44_100 * 210, np.int16), 44_100, format="FLAC")
    answer = send(client, hours.getvalue(), str(NAME).replace(".wav", ".flac"), "audio/flac")
    assert (answer.status_code, "at most 200 s" in answer.text) == (413, True)
    assert not list((tmp_path / "lake").rglob("*.flac"))


def test_a_disk_that_is_nearly_full_takes_no_segment(tmp_path: Path) -> None:
    with studio(tmp_path, least_free_megabytes=1 << 30) as client:
        answer = client.post("/capture/data", json={"ts": 1_767_608_100_000, "max_amp": 1, "wf": [1] * 1000})
        assert (answer.status_code, "free" in answer.json()["detail"]) == (507, True)
    assert not list((tmp_path / "lake").rglob("*.wav"))


def test_a_switch_that_is_not_sent_as_json_is_not_thrown(client: httpx.Client) -> None:
    answer = client.post("/capture/state", content=b'{"capture_state": true}', headers={"content-type": "text/plain"})
    assert answer.status_code == 415
    assert "application/json" in answer.json()["detail"]
    assert client.get("/capture/state").json() == {"capture_state": False}
