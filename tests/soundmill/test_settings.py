"""Settings: where they come from, what is refused, and what is shown of them."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from soundmill.settings import Settings, masked_url
from tests.conftest import ROOT


def settings(**values: Any) -> Settings:
    return Settings(**{"_env_file": None, **values})


def test_the_environment_goes_before_the_file_and_empty_is_unset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("SOUNDMILL_TARGET_HOURS=5\nSOUNDMILL_TIMEZONE=Europe/Berlin\nSOUNDMILL_BACKUP=\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOUNDMILL_TARGET_HOURS", "7")
    found = Settings()
    assert (found.target_hours, found.timezone, found.backup) == (7, "Europe/Berlin", "")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("timezone", "Mars"),
        ("start_date", "9999-12-31"),
        ("start_date", "2190-01-01"),
        ("gate_dbfs", 3),
        ("target_hours", 0),
        ("segment_rate", 10),
        ("backup_encryption", "rot13"),
        ("session_minutes", 0),
        ("api_token", "pässwörd"),
        ("api_token", "two words"),
    ],
)
def test_what_cannot_be_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValidationError, match=name):
        settings(**{name: value})


def test_places_follow_the_home_unless_they_are_set(tmp_path: Path) -> None:
    found = settings(home=tmp_path)
    assert (found.lake_url, found.catalog_url) == (str(tmp_path / "lake"), f"sqlite:///{tmp_path / 'catalog.db'}")
    assert settings(home=tmp_path, lake="s3://b/p").lake_url == "s3://b/p"


def test_what_is_shown_holds_no_secret() -> None:
    found = settings(studio_password="hunter2", catalog="postgresql+psycopg://mill:hunter2@db/mill", alert_webhook="https://h.test/hunter2")
    assert "hunter2" not in str(found.shown())
    assert "hunter2" not in str(found.without_secrets())
    assert "hunter2" not in repr(found)
    assert found.shown()["catalog"] == "postgresql+psycopg://mill:***@db/mill"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://mill:se/cret@127.0.0.1:1/db",
        "postgresql+psycopg://mill:se@cret@127.0.0.1:1/db",
        "postgresql+psycopg://127.0.0.1/db?user=mill&password=se/cret",
        "postgresql+psycopg://127.0.0.1/db?sslpassword=se@cret&sslmode=require",
        "https://mill:se%2Fcret@files.test/x?access_token=se/cret",
    ],
)
def test_no_password_in_a_url_shows(url: str) -> None:
    shown = masked_url(url)
    assert "cret" not in shown
    assert "***" in shown
    assert masked_url("s3://bucket/a:b and http://127.0.0.1:9000/x") == "s3://bucket/a:b and http://127.0.0.1:9000/x"


def test_another_process_has_the_same_settings_by_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    found = settings(gate_dbfs=None, studio_password="hunter2", keywords="a, b", target_hours=5)
    for name, value in found.environment().items():
        monkeypatch.setenv(name, value)
    assert Settings(_env_file=None) == found  # type: ignore[call-arg]


def test_every_setting_says_what_it_is_and_is_documented() -> None:
    documented = "".join(path.read_text() for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")))
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert f"SOUNDMILL_{name.upper()}" in documented, name


@pytest.mark.parametrize(
    "url",
    ["http://ann:s3cretpw@h/a", "http://s3cretpw@h/a", "http://ann:s3/cretpw@h/", "ftp://ann:s3cretpw@h/x", "https://h/a?token=s3cretpw&x=1",
     "https://h/a?X-Amz-Signature=s3cretpw"],
)  # fmt: skip
def test_no_secret_of_a_url_shows(url: str) -> None:
    assert "cretpw" not in masked_url(f"no answer from {url}")
    assert "h/" in masked_url(url)


def test_a_name_without_a_password_in_a_database_url_stays() -> None:
    assert masked_url("postgresql+psycopg://ann@host/name") == "postgresql+psycopg://ann@host/name"


def test_mn04_is_run_where_its_file_is_there_unless_others_are_named(tmp_path: Path) -> None:
    def names(**values: Any) -> tuple[str, ...]:
        return Settings(home=tmp_path, _env_file=None, **values).extractor_names

    assert names() == ("pooled_spectral",)
    (tmp_path / "pretrained").mkdir()
    (tmp_path / "pretrained" / "mn04_as.pt").touch()
    assert names() == ("mn04", "pooled_spectral")
    assert names(extractors="yamnet, pooled_spectral") == ("yamnet", "pooled_spectral")
    assert names(mn04_model=tmp_path / "elsewhere.pt") == ("pooled_spectral",)
