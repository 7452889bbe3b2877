"""A folder of conversations, read without any record of them."""

from pathlib import Path

from soundmill.ingest.folder_scan import scan_folder
from tests.conftest import wav


def put(folder: Path, conversation: str, speaker: str, content: bytes) -> None:
    (folder / conversation).mkdir(parents=True, exist_ok=True)
    (folder / conversation / f"{conversation}_{speaker}.wav").write_bytes(content)


def test_complete_calls_are_counted_and_others_named_with_what_they_lack(tmp_path: Path) -> None:
    put(tmp_path / "deep", "one", "agent", wav(36.0))
    put(tmp_path / "deep", "one", "customer", wav(18.0))
    put(tmp_path, "two", "agent", wav(1.0))
    put(tmp_path, "three", "customer", b"<html>")
    (tmp_path / "two" / "notes.wav").write_bytes(wav(9.0))
    found = scan_folder(tmp_path)
    assert (found.complete, found.hours) == (1, 0.01)
    assert found.incomplete == {"two": "no customer", "three": "no agent and customer"}
    assert [Path(path).name for path in found.unreadable] == ["three_customer.wav"]
    assert found.as_json()["complete"] == 1


def test_an_empty_folder_has_nothing(tmp_path: Path) -> None:
    assert scan_folder(tmp_path).as_json() == {"complete": 0, "hours": 0.0, "megabytes": 0.0, "incomplete": {}, "unreadable": {}}
