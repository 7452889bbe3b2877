"""Captured segments and their coverage, as assets."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from resources import CollectionResource
from soundmill.capture.landing import landing_path
from soundmill.capture.recorder import Recorder, Silence
from soundmill.capture.ring import Block
from soundmill.capture.status import Status, now_text, write_status
from tests.assets.graph import checks
from tests.home import BEFORE_MODEL, DAY_NAMES, DAYS, Home


def test_an_empty_day_is_done_with_no_data(local_home: Home) -> None:
    done = local_home.run(*DAY_NAMES, days=DAYS[:1])
    assert {name: facts["status"] for (name, _), facts in done.items()} == {
        **dict.fromkeys([*BEFORE_MODEL, "sound_overview"], "no data"),
        "detections": "no champion model yet",
        "new_sounds": "no champion model yet",
    }


def test_bad_files_warn_and_stop_nothing(home: Home) -> None:
    home.land_day(DAYS[0])
    for number in range(4):
        home.lake.write_bytes(f"landing/mic/2025-01-01/2025-01-01T1{number}-00-00_broken.wav", b"no sound")
    done = home.run(*BEFORE_MODEL, days=DAYS[:1])
    facts = done["captured_segments", "2025-01-01"]
    assert "quarantined | 4" in facts["items_by_state"]
    assert "not_audio | 4" in facts["quarantine_reasons"]
    assert checks(home)["few_in_quarantine"] is False
    assert checks(home)["all_segments_have_vectors"] is True


def test_what_a_capture_missed_and_a_dead_microphone_are_reported(local_home: Home, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(-9000, 9000, 20 * 132_352).astype(np.int16)
    noise[5 * 132_352 : 9 * 132_352] = 3
    began = datetime(2025, 1, 1, 10, tzinfo=UTC)
    recorder = Recorder(44_100, started_at=began)
    heard = [Block(noise[at : at + 256], at) for at in range(0, len(noise), 256) if not 1_500_160 <= at < 1_600_000]
    for one in [one for block in heard for one in recorder.feed(block)] + list(recorder.finish()):
        if isinstance(one, Silence) or one.stored:
            local_home.lake.write_bytes(landing_path("mic", one.name), one.file())
    dead = {**vars(Status("mic", "mic")), "state": "dead", "why": "digital zero", "pid": None, "updated_at": now_text()}
    write_status(tmp_path / "capture" / "mic.status.json", dead)
    local_home.resources["collection"] = CollectionResource(extractors=["pooled_spectral"], stations=str(tmp_path / "capture"))
    local_home.rebuild()
    done = local_home.run("captured_segments", "capture_coverage", days=DAYS[:1])
    facts = done["capture_coverage", "2025-01-01"]
    missing = 390 * 256 / 44_100
    assert facts["gap_seconds"] == pytest.approx(missing, abs=1e-3)
    assert facts["silent_seconds"] == pytest.approx(4 * 132_352 / 44_100, abs=1e-3)
    assert facts["captured_seconds"] == pytest.approx(16 * 132_352 / 44_100 - missing, abs=1e-3)
    assert "data:image/png;base64," in facts["timeline"]
    assert "dead digital zero" in facts["stations"]
    found = checks(local_home)
    assert (found["no_gaps"], found["stations_alive"], found["no_overlap"]) == (False, False, True)


def test_the_overview_of_a_day_is_made_once_and_goes_on_where_the_day_grew(local_home: Home) -> None:
    local_home.land_day(DAYS[0])
    facts = local_home.run("captured_segments", "sound_overview", days=DAYS[:1])["sound_overview", "2025-01-01"]
    assert (facts["status"], facts["sources"]) == ("updated", 1)
    assert facts["tiles_made"] >= 1
    before = local_home.stored("overviews")
    assert len(before) == 2
    again = local_home.run("sound_overview", days=DAYS[:1])["sound_overview", "2025-01-01"]
    assert (again["status"], again["tiles_made"]) == ("unchanged", 0)
    assert local_home.stored("overviews") == before
    local_home.land_day(DAYS[0], hour=20)
    grown = local_home.run("captured_segments", "sound_overview", days=DAYS[:1])["sound_overview", "2025-01-01"]
    assert 1 <= grown["tiles_made"] <= facts["tiles_made"]
