"""The document from which the pages' types are made."""

from pathlib import Path

import pytest

from soundmill.studio.openapi import document


def test_the_document_needs_no_home_and_knows_what_pages_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    schemas = document()["components"]["schemas"]  # type: ignore[index]
    assert {"LabelsOut", "TimelineOut", "PredictionOut"} <= set(schemas)
    assert list(tmp_path.iterdir()) == []
