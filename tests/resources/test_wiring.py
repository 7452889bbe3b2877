"""From settings to resources: every value arrives, and no secret shows."""

import os
from dataclasses import fields
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from resources import resources_from
from soundmill.options import backup_options, download_options, speech_options, training_options
from soundmill.settings import Settings

VALUES: dict[str, Any] = {
    "download_allow": "127.0.0.1",
    "download_max_hours": 3.0,
    "keywords": "bell, fire",
    "transcribed_sources": "porch",
    "backup": "s3://b/x",
    "backup_keep_deleted_days": 7,
    "timezone": "Europe/Berlin",
    "promotion_margin": 0.1,
    "target_hours": 5.0,
    "stop_at_target": True,
}


def settings(home: Path, **values: Any) -> Settings:
    return Settings(**{"home": home, "_env_file": None, **VALUES, **values})


def test_options_of_a_resource_are_those_of_the_settings(tmp_path: Path) -> None:
    given = settings(tmp_path)
    made = resources_from(given)
    for found, wanted in (
        (made["speech"].options(), speech_options(given)),
        (made["fetching"].options(), download_options(given)),
        (made["backup"].options(), backup_options(given)),
        (made["collection"].training(), training_options(given)),
    ):
        assert {field.name: getattr(found, field.name) for field in fields(found)} == {
            field.name: getattr(wanted, field.name) for field in fields(wanted)
        }


def test_secrets_are_named_by_their_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", dict(os.environ))
    made = resources_from(settings(tmp_path, alert_webhook="https://h.test/hunter2", catalog="postgresql://mill:hunter2@db/mill"))
    assert isinstance(made["alerts"].webhook, dg.EnvVar)
    assert isinstance(made["catalog"].url, dg.EnvVar)
    assert os.environ["SOUNDMILL_ALERT_WEBHOOK"] == "https://h.test/hunter2"
    assert not any("hunter2" in repr(resource) for resource in made.values())
