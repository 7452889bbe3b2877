"""The pages' scripts: what they are built from, and their logic by Node's own test runner."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from pipeline.cli import app

ROOT = Path(__file__).parents[4]
WEB = ROOT / "soundmill" / "studio" / "web"
LOCK = json.loads((WEB / "package-lock.json").read_text())


def test_the_lock_has_a_hash_for_each_package_and_names_no_registry() -> None:
    for name, package in LOCK["packages"].items():
        assert "resolved" not in package, name
        assert name == "" or package["integrity"].startswith("sha512-"), name
    without_funding = re.sub(r'"funding": (\{[^}]*\}|\[[^\]]*\]|"[^"]*")', "", (WEB / "package-lock.json").read_text())
    assert "://" not in without_funding


def test_packages_are_pinned_and_run_nothing_when_they_are_installed() -> None:
    package = json.loads((WEB / "package.json").read_text())
    for name, version in {**package["dependencies"], **package["devDependencies"]}.items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), name
    settings = (WEB / ".npmrc").read_text().split()
    assert {"ignore-scripts=true", "omit-lockfile-registry-resolved=true", "save-exact=true"} <= set(settings)


def test_the_pages_take_nothing_from_elsewhere() -> None:
    for source in [*WEB.glob("src/*.ts*"), *(ROOT / "soundmill" / "studio" / "templates").iterdir()]:
        assert not re.search(r"https?://", source.read_text()), source.name


def test_the_logic_of_the_pages() -> None:
    """`node --test`: Node strips the types itself."""
    node = Path(sys.executable).with_name("node")
    assert node.exists(), "Node comes with make setup"
    tests = sorted(str(path) for path in WEB.glob("src/*.test.ts"))
    done = subprocess.run([node, "--test", *tests], capture_output=True, text=True, cwd=WEB)
    assert done.returncode == 0, done.stdout[-4000:]
    assert int(re.search(r"pass (\d+)", done.stdout)[1]) >= 20  # type: ignore[index]


def test_the_build_is_what_set_up_would_build(tmp_path: Path) -> None:
    if not (WEB / "node_modules").is_dir():
        pytest.fail("the scripts' packages are not there: make web")
    built = ROOT / "soundmill" / "studio" / "static" / "built"
    newest = max(path.stat().st_mtime for path in WEB.glob("src/*.ts*") if "test" not in path.name)
    assert (built / "meta.json").stat().st_mtime >= newest, "the scripts changed since they were built: make web"


def test_every_command_that_a_page_names_is_one() -> None:
    texts = [*(WEB / "src").glob("*.tsx"), *(WEB.parent / "templates").glob("*.html")]
    named = {line for text in texts for line in re.findall(r"<code>(soundmill [^<]+)</code>", text.read_text())}
    assert len(named) > 5
    for line in sorted(named):
        group: Any = get_command(app)
        words = [word for word in line.split()[1:] if word.isalpha() and word.islower()]
        while hasattr(group, "commands"):
            assert words, line
            assert words[0] in group.commands, line
            group = group.commands[words.pop(0)]
