"""The documentation, held to the code."""

import importlib
import os
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import soundmill
from soundmill.features.registry import EXTRACTORS, extractor
from soundmill.features.store import feature_table
from soundmill.lake import DayTable, declared_tables
from tests.conftest import ROOT

FORMATS = (ROOT / "docs" / "data-formats.md").read_text()


def every_table() -> list[DayTable]:
    """Every table that any module of the library declares."""
    for module in pkgutil.walk_packages(soundmill.__path__, "soundmill."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    features = [feature_table(of, extractor(name)) for of in ("segment", "annotation") for name in EXTRACTORS]
    return [*declared_tables(), *features]


def test_every_column_of_every_table_is_documented_as_the_code_has_it() -> None:
    tables = every_table()
    assert len(tables) > 15
    for table in tables:
        assert f"`{table.name}`" in FORMATS
        for field in table.schema:
            description = field.metadata[b"description"].decode()
            assert re.search(rf"\| `{field.name}` \| [^|]+ \| {re.escape(description)} \|", FORMATS), (table.name, field.name)


def test_every_reason_code_is_documented() -> None:
    code = "".join(path.read_text() for folder in ("audio", "capture", "ingest") for path in (ROOT / "soundmill" / folder).glob("*.py"))
    used = set(re.findall(r'(?:UndecodableAudio|_refused|FetchFailed)\(\s*"(\w+)"', code)) | set(re.findall(r'reason="(\w+)"', code))
    assert len(used) > 30
    for reason in used:
        assert f"`{reason}`" in FORMATS, reason


def test_every_reason_of_an_upload_is_documented() -> None:
    paths = [ROOT / "soundmill" / "catalog" / "uploads.py", *(ROOT / "soundmill" / "workflows" / "uploads").glob("*.py")]
    code = "".join(path.read_text() for path in paths)
    used = set(re.findall(r'reason="(\w+)"|: "(\w+)",$|"reason": "(\w+)"|type\(error\), "(\w+)"', code, re.MULTILINE))
    reasons = {word for found in used for word in found if word}
    assert reasons >= {"audio_gone", "storage", "internal_error", "interrupted"}
    for reason in reasons:
        assert f"`{reason}`" in FORMATS, reason


def test_links_in_the_documentation_lead_somewhere() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), (page.name, target)


def modules_below(top: str) -> Iterator[Path]:
    """Python files of a package, without what npm installs, which is many times as much."""
    for folder, folders, names in os.walk(ROOT / top):
        folders[:] = [name for name in folders if name not in ("node_modules", "__pycache__")]
        yield from (Path(folder) / name for name in names if name.endswith(".py"))


def test_every_package_says_what_belongs_in_it() -> None:
    for top in ("soundmill", "resources", "assets", "sensors", "pipeline", "bench"):
        for package in (path for path in modules_below(top) if path.name == "__init__.py"):
            text = package.read_text()
            assert text.startswith('"""'), package
            assert "belong" in text, package


def test_every_module_has_a_test_file_that_mirrors_it() -> None:
    for top in ("soundmill", "assets", "sensors", "resources", "pipeline"):
        for module in modules_below(top):
            if module.name.startswith("__") or "migrations" in module.parts:
                continue
            mirror = ROOT / "tests" / module.parent.relative_to(ROOT) / f"test_{module.name}"
            assert mirror.is_file(), mirror
            assert "\ndef test_" in mirror.read_text(), mirror
