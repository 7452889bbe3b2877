"""soundmill backup."""

import json
from pathlib import Path

from tests.command import Command
from tests.conftest import wav


def test_a_home_is_backed_up_verified_and_restored(soundmill: Command, tmp_path: Path, s3_url: str, s3_endpoint: str) -> None:
    assert "no backup is set" in soundmill("backup", "run", code=1)
    (tmp_path / "20250301T090000Z.wav").write_bytes(wav(7.0))
    soundmill("ingest", str(tmp_path / "20250301T090000Z.wav"), "--source", "garden")
    soundmill("materialize", "captured_segments", "--day", "2025-03-01")
    place = {"SOUNDMILL_BACKUP": s3_url, "SOUNDMILL_S3_ENDPOINT": s3_endpoint}
    assert json.loads(soundmill("backup", "run", "--json", **place))["uploaded"] == len(
        [path for path in (tmp_path / "home/lake").rglob("*") if path.is_file()]
    )
    assert "are whole" in soundmill("backup", "verify", **place)
    new = {**place, "SOUNDMILL_HOME": str(tmp_path / "new")}
    assert "restored to" in soundmill("backup", "restore", **new)
    assert "not empty" in soundmill("backup", "restore", code=1, **new)
    before, after = (json.loads(soundmill("progress", "--json", **home)) for home in ({}, new))
    assert {name: value for name, value in before.items() if name not in ("at", "calls")} == {
        name: value for name, value in after.items() if name not in ("at", "calls")
    }
    assert "there is no backup at" in soundmill("backup", "verify", "--from", s3_url + "-other", code=1, **place)
