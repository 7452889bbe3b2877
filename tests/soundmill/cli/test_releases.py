"""soundmill release."""

import json
from pathlib import Path

from soundmill.catalog import open_catalog
from soundmill.lake import open_lake
from soundmill.workflows.releases import make_release
from tests.command import Command
from tests.soundmill.workflows.releases.garden import garden


def test_a_release_is_created_shown_compared_and_exported(soundmill: Command, tmp_path: Path) -> None:
    home = soundmill.environment["SOUNDMILL_HOME"]
    assert "no releases yet" in soundmill("release", "list")
    said = soundmill("release", "create", "owls-1.0", "--rounds", "owls", "--licence", "CC0-1.0", code=1)
    assert "there is no round 'owls'" in said
    catalog, lake = open_catalog(f"sqlite:///{home}/catalog.db"), open_lake(f"{home}/lake")
    garden(lake, catalog)
    said = soundmill("release", "create", "owls-1.0", "--rounds", "owls", "--licence", "CC0-1.0", "--use", "anybody")
    assert "soundmill materialize dataset_release --release owls-1.0" in said
    assert "not made yet" in soundmill("release", "show", "owls-1.0", code=1)
    made = make_release(lake, catalog, "owls-1.0")
    assert f"owls-1.0  6 clips, 3.0 min, CC0-1.0  {made.content[:12]}" in soundmill("release", "list")
    assert json.loads(soundmill("release", "list", "--json"))[0]["clips"] == 6
    text = soundmill("release", "show", "owls-1.0")
    assert f"sha256 {made.content}" in text
    assert "**Who may use it**: anybody" in text
    assert json.loads(soundmill("release", "show", "owls-1.0", "--json"))["facts"]["clips"] == 6
    assert "stays as it is" in soundmill("release", "create", "owls-1.0", "--rounds", "owls", "--licence", "x", code=1)
    assert "add up to 1" in soundmill("release", "create", "b", "--rounds", "owls", "--licence", "x", "--splits", "train=.5", code=1)
    soundmill("release", "create", "owls-1.1", "--rounds", "owls", "--licence", "CC0-1.0")
    make_release(lake, catalog, "owls-1.1")
    assert "Nothing since owls-1.0." in soundmill("release", "diff", "owls-1.0", "owls-1.1")
    assert json.loads(soundmill("release", "diff", "owls-1.0", "owls-1.1", "--json"))["moved"] == []
    assert "there is no release 'x'" in soundmill("release", "diff", "owls-1.0", "x", code=1)
    assert "6 clips of owls-1.0" in soundmill("release", "export", "owls-1.0", "--to", str(tmp_path / "out"))
    assert len(list((tmp_path / "out" / "wav").iterdir())) == 6
