"""Training, evaluation and promotion from Python alone, as docs/extending.md shows them."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from soundmill.catalog import ModelRegistry
from tests.conftest import ROOT
from tests.home import Home


def example() -> str:
    section = (ROOT / "docs" / "extending.md").read_text().split("## Train, evaluate and promote from a notebook")[1]
    (code,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)[:1]
    return str(code)


def test_the_example_of_the_documentation_trains_evaluates_and_promotes(
    built_home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SOUNDMILL_HOME", str(tmp_path))
    monkeypatch.setenv("SOUNDMILL_LAKE", built_home.lake.root)
    monkeypatch.setenv("SOUNDMILL_CATALOG", str(built_home.catalog.engine.url))
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(example(), names)
    assert names["fitted"].fresh
    assert names["fitted"].card["tags"] == ["doorbell", "kettle"]
    assert built_home.lake.exists(names["evaluated"].report)
    champion = ModelRegistry(built_home.catalog).champion()
    assert champion is not None
    assert (champion.name, champion.promoted_because) == ("quiet_house", "fewer false alarms at night")
    assert names["evaluated"].promotion in capsys.readouterr().out


def test_no_part_of_the_example_imports_dagster() -> None:
    imports = "\n".join(line for line in example().splitlines() if line.startswith(("import ", "from ")))
    code = f"{imports}\nimport sys\nsys.exit('dagster' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
