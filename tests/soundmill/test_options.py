"""Options of each part, made from the settings."""

from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest

from soundmill.options import (
    backup_options,
    download_options,
    speech_options,
    training_options,
    upload_options,
)
from soundmill.settings import Settings


def settings(**values: Any) -> Settings:
    return Settings(**{"home": Path("/home/mill"), "_env_file": None, **values})


def test_downloads_take_megabytes_as_bytes_and_stop_only_where_so_set() -> None:
    found = download_options(settings(download_max_megabytes=3, download_allow="127.0.0.1, 10.0.0.0/8", target_hours=5))
    assert (found.fetch.most_bytes, found.fetch.allow) == (3 << 20, ("127.0.0.1", "10.0.0.0/8"))
    assert found.stop_at_hours is None
    assert download_options(settings(target_hours=5, stop_at_target=True)).stop_at_hours == 5
    assert found.spool == Path("/home/mill/spool/downloads")
    with pytest.raises(FrozenInstanceError):
        found.concurrency = 9  # type: ignore[misc]


def test_speech_of_all_sources_is_wanted_where_none_is_named() -> None:
    every, one = speech_options(settings()), speech_options(settings(transcribed_sources="porch, calls"))
    assert (every.is_wanted("garden"), one.is_wanted("garden"), one.is_wanted("calls")) == (True, False, True)
    assert every.vosk_model == Path("/home/mill/pretrained/vosk-small-en")


def test_uploads_share_the_models_of_speech_and_have_a_worker_for_each_core() -> None:
    found = upload_options(settings(keywords="bell, fire"))
    assert found.speech.keywords == ("bell", "fire")
    assert found.workers >= 1
    assert upload_options(settings(transcriber_workers=7)).workers == 7


def test_training_keeps_the_zone_of_the_settings() -> None:
    assert training_options(settings(timezone="Europe/Berlin")).zone.key == "Europe/Berlin"


def test_a_backup_takes_the_lake_s_endpoint_and_no_secret() -> None:
    found = backup_options(settings(backup="s3://b/x", s3_endpoint="http://a.test", api_token="hunter2", catalog="postgresql://u:pw@h/d"))
    assert (found.endpoint, backup_options(settings(backup_endpoint="http://b.test")).endpoint) == ("http://a.test", "http://b.test")
    assert "hunter2" not in str(found)
    assert "pw@" not in str(found)
