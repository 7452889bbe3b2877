"""soundmill demo."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from soundmill.lake import Lake
from tests.command import Command


def test_the_demo_tells_what_it_found(soundmill: Command, tmp_path: Path) -> None:
    printed = soundmill("demo", "--json", str(tmp_path / "result.json"))
    result = json.loads((tmp_path / "result.json").read_text())
    assert {"days", "segments", "hours", "seconds", "model", "per_tag", "unknown", "report", "states"} <= set(result)
    assert result["days"] == [(datetime.now(UTC).date() - timedelta(days=back)).isoformat() for back in (3, 2, 1)]
    assert result["states"]["ready"] == result["segments"]
    assert len(result["per_tag"]) == 6
    assert all(row["support"] == 10 for row in result["per_tag"].values())
    assert result["unknown"]["support"] == 20
    assert Path(result["report"]).is_file()
    assert "kettle" in printed
    assert all(f"\n  {number}. " in printed for number in (1, 2, 3))  # what to do next
    assert "in quarantine" in printed
    # the reported recall is that of the table of detections, counted here by other means
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    said = pq.read_table(tmp_path / "home" / "lake" / "tables" / "detections" / f"{result['test_day']}.parquet")
    labels = pq.read_table(tmp_path / "home" / "lake" / "tables" / "annotations" / f"{result['test_day']}.parquet").filter(
        pc.field("tag") == "kettle"
    )
    hits = 0
    for row in said.filter(pc.field("tag") == "kettle").to_pylist():
        hits += any(0 <= (start.as_py() - row["started_at"]).total_seconds() < row["seconds"] for start in labels["start"])
    assert result["per_tag"]["kettle"]["recall"] == pytest.approx(hits / 10)


def test_the_demo_keeps_to_the_days_that_it_landed_on_before(folder_lake: Lake) -> None:
    from pipeline.demo import _scene

    folder_lake.write_bytes("landing/demo/2026-01-05/1767608100000.wav", b"x")
    assert _scene(folder_lake, date(2025, 1, 1), None, 3).days[0] == date(2026, 1, 5)


def test_the_demo_on_real_clips(soundmill: Command, data: Path, tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    for kind in ("001 - Dog bark", "004 - Baby cry", "006 - Person sneeze", "008 - Chainsaw", "009 - Rooster"):
        (tmp_path / "clips" / kind).mkdir()
        for clip in sorted((data / "esc10" / kind).iterdir())[::2]:
            (tmp_path / "clips" / kind / clip.name).symlink_to(clip)
    soundmill("demo", "--clips", str(tmp_path / "clips"), "--days", "2", "--json", str(tmp_path / "result.json"))
    result = json.loads((tmp_path / "result.json").read_text())
    assert len(result["per_tag"]) == 3
    assert result["unknown"]["kinds"] == ["Chainsaw", "Rooster"]
    assert min(row["support"] for row in result["per_tag"].values()) >= 6
    assert result["unknown"]["rejected"] > 0.5 * result["unknown"]["support"]


def test_the_demo_leaves_a_home_with_a_champion_of_its_own_alone(soundmill: Command, tmp_path: Path) -> None:
    from soundmill.catalog import ModelRegistry, open_catalog

    home = tmp_path / "home"
    registry = ModelRegistry(open_catalog(f"sqlite:///{home / 'catalog.db'}"))
    registry.define("kitchen", {})
    registry.finish("kitchen", registry.begin("kitchen", "x").version, {"tags": []})
    assert "its own champion, 'kitchen'" in soundmill("demo", code=1)
