"""Sound by time over HTTP."""

import gzip
import io
import wave
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import numpy as np
import pytest

from soundmill.audio import wav_bytes
from soundmill.audio.tiles import tile_ms
from soundmill.capture.landing import landing_path
from soundmill.capture.naming import SegmentName
from soundmill.catalog import Item, Ledger, open_catalog
from soundmill.lake import open_lake
from soundmill.times import to_ms
from tests.catalogs import sqlite_in
from tests.soundmill.studio.running import studio
from tests.soundmill.workflows.listening.recording import DAY, RATE, Recording, recorded


@pytest.fixture
def recording(tmp_path: Path) -> Iterator[Recording]:
    catalog = open_catalog(sqlite_in(tmp_path))
    yield recorded(open_lake(str(tmp_path / "lake")), catalog)
    catalog.close()


@pytest.fixture
def client(recording: Recording, tmp_path: Path) -> Iterator[httpx.Client]:
    with studio(tmp_path) as client:
        yield client


def test_a_slice_is_a_wav_of_exactly_these_samples_with_its_gaps_named(client: httpx.Client, recording: Recording) -> None:
    answer = client.get(f"/api/sound/mic.wav?from={recording.ms - 1000}&samples={3 * RATE}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/wav")
    with wave.open(io.BytesIO(answer.content)) as file:
        assert (file.getframerate(), file.getnframes()) == (RATE, 3 * RATE)
        samples = np.frombuffer(file.readframes(3 * RATE), "<i2")
    assert not samples[:RATE].any()
    np.testing.assert_array_equal(samples[RATE:], recording.pcm[: 2 * RATE])
    assert answer.headers["x-gaps"] == f"0-{RATE}"
    assert int(answer.headers["x-first-sample"]) == (recording.ms - 1000) * RATE // 1000


def test_the_last_minute_of_what_landed_is_there_before_a_run_cuts_it(client: httpx.Client, tmp_path: Path) -> None:
    lake, now = open_lake(str(tmp_path / "lake")), datetime.now(UTC).replace(microsecond=0)
    tone = (np.sin(np.arange(3 * RATE) * 2 * np.pi * 1000 / RATE) * 9000).astype(np.int16)
    assert client.get("/api/newest/porch").status_code == 204
    for number in range(3):
        name = SegmentName(now + timedelta(seconds=3 * (number - 3)), to_ms(now), number, 3 * RATE * number)
        lake.write_bytes(landing_path("porch", name), wav_bytes(tone, RATE))
    found = client.get("/api/newest/porch")
    columns = np.frombuffer(found.content, np.uint8).reshape(-1, 256)
    each, start = int(found.headers["x-column-ms"]), int(found.headers["x-start"])
    assert len(columns) == int(found.headers["x-columns"])
    assert abs(start + each * len(columns) - to_ms(now)) <= each
    assert not columns[: len(columns) - 9200 // each].any()  # nothing before the first file
    heard = columns[-8800 // each : -200 // each]
    assert heard.all()
    assert abs(int(heard.mean(axis=0).argmax()) - round(1000 / (RATE / 2) * 256)) <= 1
    Ledger(open_catalog(sqlite_in(tmp_path))).withdraw("porch", [(now - timedelta(seconds=9), now)], [], "captured_segments")
    assert client.get("/api/newest/porch").status_code == 204  # nobody hears what was taken back


def test_the_timeline_tells_coverage_and_marks_under_which_tiles_are_kept(client: httpx.Client, recording: Recording) -> None:
    assert [one["source"] for one in client.get("/api/sources").json()] == ["mic"]
    found = client.get(f"/api/timeline/mic?from={recording.ms - 1000}&to={recording.ms + 1_000_000}").json()
    assert [(span["start"] - recording.ms, span["state"]) for span in found["spans"]] == [(0, "sound"), (600_000, "sound")]
    assert [day["day"] for day in client.get("/api/days/mic").json()] == [str(DAY)]
    assert client.get("/api/days/downloads/7/agent").json() == []
    hour = recording.ms // 3_600_000
    mark = found["marks"][str(hour)]
    index = recording.ms // tile_ms(4)
    kept = client.get(f"/api/tiles/mic/fft1024/4/{index}?v={mark}")
    assert "immutable" in kept.headers["cache-control"]
    assert client.get(f"/api/tiles/mic/fft1024/4/{index}").headers["cache-control"] == "no-store"
    year = client.get(f"/api/timeline/mic?from=0&to={recording.ms}").json()
    assert (year["spans"], year["marks"]) == ([], {})


def test_tiles_and_peaks_have_their_sizes_and_say_the_rate(client: httpx.Client, recording: Recording) -> None:
    index = recording.ms // tile_ms(4)
    for recipe, size in (("fft512", 512 * 256), ("mel128", 512 * 128)):
        tile = client.get(f"/api/tiles/mic/{recipe}/4/{index}")
        assert (len(tile.content), tile.headers["x-sample-rate"]) == (size, str(RATE))
    assert len(client.get(f"/api/peaks/mic/4/{index}").content) == 2048
    assert client.get(f"/api/tiles/mic/fft512/4/{index + 5000}").content == b""


def test_a_call_by_its_key_is_a_timeline_too(client: httpx.Client, recording: Recording) -> None:
    recording.lake.write_bytes("audio/downloads/a.wav", recording.lake.read_bytes(f"landing/mic/{DAY}/20260105T120000Z.wav"))
    key = "downloads/a b/agent"
    Ledger(recording.catalog).record(
        Item(key, "download", "downloads", DAY, "ready", "1", seconds=len(recording.pcm) / RATE, path="audio/downloads/a.wav")
    )
    timeline = client.get(f"/api/timeline/{key}?from=0&to=1").json()
    begin = timeline["spans"][0]["start"]
    assert begin == recording.ms - 12 * 3_600_000  # a call is at the start of its day, where nothing says when it was
    answer = client.get(f"/api/sound/{key}.wav?from={begin + 5000}&samples=800")
    np.testing.assert_array_equal(np.frombuffer(answer.content[44:], "<i2"), recording.pcm[5 * RATE : 5 * RATE + 800])
    index = begin // tile_ms(5)
    assert np.frombuffer(client.get(f"/api/tiles/{key}/fft512/5/{index}").content, np.uint8).max() > 0


IMPOSSIBLE = [
    ("/api/timeline/mic?from=10&to=5", 400),
    ("/api/timeline/mic?from=-1&to=5", 400),
    ("/api/timeline/mic?from=nan&to=5", 400),
    ("/api/tiles/mic/fft99/3/5", 404),
    ("/api/tiles/mic/fft512/99/5", 400),
    ("/api/tiles/mic/fft512/23/1099511627776", 400),
    ("/api/sound/mic.wav?from=5&samples=100", 404),
    ("/api/sound/mic.wav?from=5&samples=99999999999", 400),
    ("/api/sound/uploads/../../etc/passwd.wav?from=5&samples=10", 404),
    ("/api/timeline/downloads/none/agent?from=0&to=5", 404),
]


def test_what_cannot_be_is_answered_in_one_line(client: httpx.Client) -> None:
    for path, code in IMPOSSIBLE:
        answer = client.get(path)
        assert answer.status_code == code, (path, answer.text)
        assert isinstance(answer.json()["detail"], str)


def test_tiles_cost_no_more_bytes_than_they_must(client: httpx.Client, recording: Recording) -> None:
    address = f"/api/tiles/mic/fft512/4/{recording.ms // tile_ms(4)}"
    with client.stream("GET", address, headers={"accept-encoding": "gzip"}) as answer:
        assert answer.headers["content-encoding"] == "gzip"
        data = b"".join(answer.iter_raw())
    assert len(gzip.decompress(data)) == 512 * 256
    assert len(data) < 512 * 256
