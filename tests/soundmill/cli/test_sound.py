"""soundmill ingest: what lands, and when it began."""

import json
from pathlib import Path

from tests.command import Command
from tests.conftest import wav


def test_files_follow_each_other_from_a_given_moment(soundmill: Command, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.wav").write_bytes(wav(2.0))
    files = [str(tmp_path / f"{name}.wav") for name in ("a", "b")]
    landed = json.loads(soundmill("ingest", *files, "--started-at", "2025-03-01T10:00:00+01:00", "--json"))["landed"]
    assert [one["started_at"] for one in landed] == ["2025-03-01T09:00:00+00:00", "2025-03-01T09:00:02+00:00"]
    assert all((tmp_path / "home" / "lake" / one["landed"]).is_file() for one in landed)


def test_reference_transcripts_come_along(soundmill: Command, tmp_path: Path) -> None:
    (tmp_path / "84.trans.txt").write_text("84-0 ONE\n")
    assert "0 files landed for libri, and 1 file of reference transcripts" in soundmill(
        "ingest", str(tmp_path / "84.trans.txt"), "--source", "libri"
    )
    assert (tmp_path / "home" / "lake" / "references" / "libri" / "84.trans.txt").read_text() == "84-0 ONE\n"
