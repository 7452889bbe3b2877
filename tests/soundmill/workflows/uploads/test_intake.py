"""Uploads come in: once for each key, whole or not at all."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from soundmill.catalog import Account, Accounts, Catalog, Upload, Uploads
from soundmill.errors import AccountDeleted
from soundmill.lake import Lake
from soundmill.workflows.erasure import erase
from soundmill.workflows.uploads.intake import Wanted
from tests.soundmill.studio.api.transcriber.clients import ROWS, log_in, post, sign_up
from tests.soundmill.studio.running import studio
from tests.soundmill.workflows.uploads.uploading import PASSWORD, actions, wait_for


def test_the_same_request_with_a_key_is_made_once(api: httpx.Client, strings: Path) -> None:
    who, key = sign_up(api), {"Idempotency-Key": "take-1"}
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: post(api, who, strings / "one_digit.wav", headers=key), range(6)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["uuid"] for answer in answers}) == 1
    assert len(api.get(ROWS, headers=who).json()) == 1
    assert post(api, who, strings / "silence.wav", headers=key).status_code == 409
    assert post(api, sign_up(api, "bob"), strings / "silence.wav", headers=key).status_code == 201


def test_parts_can_be_switched_off(tmp_path: Path, strings: Path, digits_model: Path) -> None:
    with studio(tmp_path, transcription_enabled=False) as api:
        made = post(api, sign_up(api), strings / "one_digit.wav", words="seven").json()
        assert (made["status"], made["transcript"], made["word_freqs"], made["sentiment_neutral"]) == ("done", "", {"seven": 0}, 0.0)
    with studio(tmp_path, sentiment_enabled=False, vosk_model=digits_model) as api:
        made = post(api, log_in(api), strings / "one_digit.wav").json()
        assert (made["transcript"], made["sentiment_neutral"]) == ("seven", 0.0)


def test_a_full_disk_is_reported_and_leaves_nothing(
    api: httpx.Client, strings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = sign_up(api)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(tmp_path))

    monkeypatch.setattr(os, "replace", full)
    answer = post(api, who, strings / "one_digit.wav")
    monkeypatch.undo()
    assert (answer.status_code, str(tmp_path) in answer.text) == (507, False)
    assert api.get(ROWS, headers=who).json() == []
    assert not list((tmp_path / "lake").rglob("*.wav"))


def test_other_words_for_a_deleted_recording_are_refused(
    working: Any, ann: Account, digits: Path, folder_lake: Lake, catalog: Catalog
) -> None:
    with working() as worker:
        upload = wait_for(worker, worker.receive(ann, Wanted("x", "x.wav"), digits, "0"))
        erase(folder_lake, catalog, upload)
        assert worker.search(upload, "one", None, 1.0, True) is None
        assert actions(worker, upload) == ["created", "done", "deleted"]


def test_an_account_that_is_deleted_while_it_uploads_leaves_nothing_to_the_next(
    working: Any, ann: Account, digits: Path, folder_lake: Lake, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = Uploads.add

    def deleted_first(*given: Any) -> Upload:
        erase(folder_lake, catalog, ann)
        Accounts(catalog).add("carl", PASSWORD)
        return add(*given)

    monkeypatch.setattr(Uploads, "add", deleted_first)
    with working() as worker, pytest.raises(AccountDeleted):
        worker.receive(ann, Wanted("secret", "x.wav"), digits, "0")
    carl = Accounts(catalog).named("carl")
    assert carl is not None
    assert carl.id != ann.id
    assert Uploads(catalog).listed(carl.id) == ([], 0)
    assert not [entry.path for entry in folder_lake.files("audio")]
