"""Fixtures: settings of a new home, in the environment."""

from pathlib import Path

import pytest

from soundmill.settings import Settings


@pytest.fixture
def home_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.setenv("SOUNDMILL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SOUNDMILL_DOWNLOAD_ALLOW", "127.0.0.1")
    monkeypatch.setenv("SOUNDMILL_EXTRACTORS", "pooled_spectral")
    monkeypatch.setenv("SOUNDMILL_RUN_SPACING_SECONDS", "1")
    return Settings()
