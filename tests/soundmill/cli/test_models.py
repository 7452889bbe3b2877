"""soundmill model."""

import json
from pathlib import Path

import numpy as np
import soundfile as sf

from tests.command import Command
from tests.conftest import tone


def test_a_model_is_defined_fitted_shown_promoted_and_deleted(soundmill: Command, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = ["source,start,end,tag"]
    for day in (1, 2):
        parts = []
        for number in range(12):
            kind, pitch = ("low", 300) if number % 2 else ("high", 3000)
            parts.append(tone(3.0, pitch * rng.uniform(0.9, 1.1)) + rng.normal(0, 0.01, 3 * 44_100).astype(np.float32))
            labels.append(
                f"bench,2025-01-0{day}T08:00:{3 * number:02d}Z,2025-01-0{day}T08:00:{3 * number + 3:02d}Z,{kind}" if number < 19 else ""
            )
        sf.write(tmp_path / f"2025010{day}T080000Z.flac", np.concatenate(parts), 44_100)
    soundmill("ingest", str(tmp_path / "20250101T080000Z.flac"), str(tmp_path / "20250102T080000Z.flac"), "--source", "bench")
    (tmp_path / "labels.csv").write_text("\n".join(labels))
    soundmill("labels", "import", str(tmp_path / "labels.csv"))
    soundmill("materialize", "day", "--from", "2025-01-01", "--to", "2025-01-02")
    assert "'hihg' (did you mean 'high'?)" in soundmill("model", "define", "pitch", "--tags", "hihg,low", code=1)
    assert "pitch is defined" in soundmill(
        "model", "define", "pitch", "--train-days", "2025-01-01", "--test-days", "2025-01-02", "--background-days", ""
    )
    assert "the same as pitch" in soundmill(
        "model", "define", "twin", "--train-days", "2025-01-01", "--test-days", "2025-01-02", "--background-days", ""
    )
    assert "not fitted yet" in soundmill("model", "list")
    soundmill("materialize", "osr_model", "evaluation_report", "--model", "pitch")
    assert json.loads(soundmill("model", "show", "pitch"))["tags"] == ["high", "low"]
    assert "pitch version 1 is the champion" in soundmill("model", "promote", "pitch", "--because", "it is the only one")
    listed = json.loads(soundmill("model", "list", "--json"))
    assert [(row["model"], row["version"], row["champion"]) for row in listed] == [("pitch", 1, True), ("twin", None, False)]
    said = soundmill("materialize", "detections", "--day", "2025-01-02", "--json")
    assert json.loads(said)[0]["metadata"]["model"] == "pitch"
    assert "add --yes" in soundmill("model", "delete", "pitch")
    assert "deleted pitch" in soundmill("model", "delete", "pitch", "--yes")
