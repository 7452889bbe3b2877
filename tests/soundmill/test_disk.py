"""Room that stays free."""

from pathlib import Path

import pytest

from soundmill.disk import need_room
from soundmill.errors import DiskFull


def test_a_disk_with_less_than_is_to_stay_free_is_refused(tmp_path: Path) -> None:
    need_room(tmp_path / "not" / "there" / "yet", 1)
    with pytest.raises(DiskFull, match="are to stay so"):
        need_room(tmp_path / "not" / "there" / "yet", 1 << 60)
