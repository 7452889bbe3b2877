"""The spool keeps parts that may be gone on with, and no others."""

import hashlib
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from soundmill.catalog import Catalog, DownloadQueue, Wanted
from soundmill.ingest.spool import open_part, remove_part, sweep_spool

NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)


def part(spool: Path, number: int, at: datetime = NOW) -> Path:
    spool.mkdir(exist_ok=True)
    path = spool / f"{number}.part"
    path.write_bytes(b"half")
    path.with_suffix(".json").write_text("{}")
    os.utime(path, (at.timestamp(), at.timestamp()))
    return path


def test_what_is_queued_stays_for_a_week_and_what_is_settled_goes(catalog: Catalog, tmp_path: Path) -> None:
    queue = DownloadQueue(catalog)
    queue.add([Wanted("a", "agent", "http://a.test/"), Wanted("b", "agent", "http://a.test/")], NOW)
    first, second = sorted(queue.queued_among(range(100)))
    fresh, old, settled = (
        part(tmp_path / "spool", first),
        part(tmp_path / "spool", second, NOW - timedelta(days=8)),
        part(tmp_path / "spool", 99),
    )
    (tmp_path / "spool" / "note.part").write_bytes(b"not ours")
    sweep_spool(tmp_path / "spool", queue, NOW)
    assert (fresh.exists(), fresh.with_suffix(".json").exists()) == (True, True)
    assert not any(path.exists() for gone in (old, settled) for path in (gone, gone.with_suffix(".json")))
    assert (tmp_path / "spool" / "note.part").exists()


def test_a_spool_that_is_not_there_and_a_part_that_is_gone_are_no_trouble(sqlite_catalog: Catalog, tmp_path: Path) -> None:
    sweep_spool(tmp_path / "nowhere", DownloadQueue(sqlite_catalog), NOW)
    remove_part(tmp_path / "7.part")


URL = "http://a.test/a.wav"
BODY = np.random.default_rng(0).bytes(900_000)


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file can grow beyond so many bytes: what does not fit is cut short first, and refused then, as on a disk that fills up."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_write_that_is_cut_short_leaves_no_hole(tmp_path: Path) -> None:
    path = tmp_path / "1.part"
    with open_part(path, URL) as part:
        part.begin('"v1"', '"v1"', len(BODY))
        with room_for(500_000), pytest.raises(OSError, match="too large"):
            part.write(BODY)
        assert part.size == 500_000  # what fitted counts
        part.write(BODY[500_000:600_000])  # there is room again
        part.keep()
    with open_part(path, URL) as part:
        assert (part.size, part.validator, part.length) == (600_000, '"v1"', len(BODY))
        part.write(BODY[part.size :])
        assert part.sha256 == hashlib.sha256(BODY).digest()
    assert path.read_bytes() == BODY


@pytest.mark.parametrize("damage", ["longer", "shorter", "another byte", "zeros", "no note", "half a note", "another url"])
def test_what_is_not_known_to_be_whole_is_not_gone_on_with(tmp_path: Path, damage: str) -> None:
    path, note = tmp_path / "1.part", tmp_path / "1.json"
    with open_part(path, URL) as part:
        part.begin('"v1"', '"v1"', len(BODY))
        part.write(BODY[:600_000])
        part.keep()
    whole = bytearray(path.read_bytes())
    whole[1000] ^= 1
    changes = {
        "longer": lambda: path.write_bytes(BODY[:600_000] + b"the end twice"),
        "shorter": lambda: path.write_bytes(BODY[:500_000]),
        "another byte": lambda: path.write_bytes(whole),
        "zeros": lambda: path.write_bytes(BODY[:300_000] + bytes(300_000)),
        "no note": lambda: note.unlink(),
        "half a note": lambda: note.write_text(note.read_text()[:40]),
        "another url": lambda: None,
    }
    changes[damage]()
    with open_part(path, URL + "?2" if damage == "another url" else URL) as part:
        assert part.size == (600_000 if damage == "longer" else 0)
        assert path.stat().st_size == part.size


def test_what_is_noted_on_the_way_outlives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "1.part"
    with open_part(path, URL) as part:
        part.begin('"v1"', '"v1"', None)
        for _ in range(12):
            part.write(BODY)
        left = part.size  # a kill: nothing is kept from here on
    with open_part(path, URL) as part:
        assert 0 < part.size < left
        assert path.stat().st_size == part.size
