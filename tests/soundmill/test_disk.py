"""Room that stays free, and files that are whole."""

from pathlib import Path

import pytest

from soundmill.disk import need_room, write_whole
from soundmill.errors import DiskFull


def test_a_disk_with_less_than_is_to_stay_free_is_refused(tmp_path: Path) -> None:
    need_room(tmp_path / "not" / "there" / "yet", 1)
    with pytest.raises(DiskFull, match="are to stay so"):
        need_room(tmp_path / "not" / "there" / "yet", 1 << 60)


def test_a_small_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    write_whole(tmp_path / "new" / "note", "one")
    write_whole(tmp_path / "new" / "note", "two")
    assert (tmp_path / "new" / "note").read_text() == "two"
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_whole(tmp_path / "taken", "three")
    assert sorted(entry.name for entry in tmp_path.rglob("*")) == ["new", "note", "taken"]
