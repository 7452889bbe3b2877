"""soundmill interval and soundmill redact: a stretch of time as a file, or taken away."""

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from typer.testing import CliRunner

from soundmill.catalog import open_catalog
from soundmill.cli import app
from soundmill.lake import open_lake
from tests.soundmill.capture.landed import RATE, SEGMENT, land, sound


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Ten segments of a source, without the fourth and the fifth."""
    lake, catalog = open_lake(str(tmp_path / "lake")), open_catalog(f"sqlite:///{tmp_path / 'catalog.db'}")
    land(lake, catalog, [0, 1, 2, 5, 6, 7, 8, 9])
    return tmp_path


def run(home: Path, *arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, arguments, env={"SOUNDMILL_HOME": str(home)})
    assert done.exit_code == code, done.output
    return done.stdout if code == 0 else done.stderr


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg"])
def test_an_interval_is_one_file_with_its_gaps_marked(home: Path, suffix: str) -> None:
    out = home / f"out.{suffix}"
    said = run(home, "interval", "--source", "mic", "--from", "2026-01-05T12:00:01Z", "--to", "2026-01-05T12:00:20Z", str(out))
    assert "6.000 s of it in 1 gap are missing" in said
    assert (home / f"out.{suffix}.gaps.txt").read_text() == "8.000000\t14.000000\tmissing\n"
    heard, rate = sf.read(out, dtype="int16")
    assert (rate, len(heard)) == (RATE, 19 * RATE)
    whole = np.concatenate([sound(0), sound(1), sound(2), np.zeros(2 * SEGMENT, np.int16), sound(5), sound(6)])
    if suffix != "ogg":
        np.testing.assert_array_equal(heard, whole[RATE : 20 * RATE])


def test_a_macrosegment_is_five_segments_around_a_moment(home: Path) -> None:
    run(home, "interval", "--source", "mic", "--around", "2026-01-05T12:00:07Z", str(home / "m.wav"))
    heard, rate = sf.read(home / "m.wav", dtype="int16")
    assert len(heard) == 15 * rate
    np.testing.assert_array_equal(heard, np.concatenate([sound(0), sound(1), sound(2), np.zeros(2 * SEGMENT, np.int16)]))
    assert "has no segment at 2026-01-05 12:00:10" in run(
        home, "interval", "--source", "mic", "--around", "2026-01-05T12:00:10Z", "m.wav", code=1
    )
    refused = run(home, "interval", "--source", "mic", "--around", "2026-01-05T12:00:07Z", "m.mp3", code=2)
    assert "ends in none of" in " ".join(refused.split())
    assert "materialised" in run(
        home, "interval", "--source", "porch", "--from", "2026-01-05T12:00Z", "--to", "2026-01-05T13:00Z", "m.wav", code=1
    )


def test_redaction_is_shown_before_it_is_done(home: Path) -> None:
    span = ("--source", "mic", "--from", "2026-01-05T12:00:00Z", "--to", "2026-01-05T12:00:06Z")
    assert "2 segments (0.1 minutes) would go, 0 stay" in run(home, "redact", *span)
    assert len(list((home / "lake" / "landing" / "mic" / "2026-01-05").iterdir())) == 8
    assert "2 segments (0.1 minutes) are gone" in run(home, "redact", *span, "--yes")
    assert len(list((home / "lake" / "landing" / "mic" / "2026-01-05").iterdir())) == 6
