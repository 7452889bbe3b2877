"""Files by their content."""

import hashlib
import os
from pathlib import Path

from soundmill.features.checksum import checksum


def test_a_file_is_known_by_its_content_and_read_again_when_it_changed(tmp_path: Path) -> None:
    path = tmp_path / "network"
    path.write_bytes(b"one")
    assert checksum(path) == hashlib.sha256(b"one").hexdigest()
    path.write_bytes(b"two")
    os.utime(path, ns=(1, 1))
    assert checksum(path) == hashlib.sha256(b"two").hexdigest()
