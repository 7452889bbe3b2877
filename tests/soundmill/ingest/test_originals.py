"""Originals, kept under their hash."""

from pathlib import Path

from soundmill.catalog import Catalog, DownloadQueue, Wanted
from soundmill.ingest.downloads import update_downloads
from soundmill.lake import Lake
from soundmill.workflows.erasure import Conversation, erase
from tests.conftest import wav
from tests.soundmill.ingest.asking import DAY, NOW, ask, options
from tests.web import Web


def test_originals_are_kept_under_their_hash_and_go_with_the_last_that_uses_them(
    folder_lake: Lake, sqlite_catalog: Catalog, web: Web, tmp_path: Path
) -> None:
    sound = wav(2)
    url = web.serve("/a", sound)
    ask(sqlite_catalog, ("a", "agent", url), ("b", "agent", url))
    update_downloads(folder_lake, sqlite_catalog, DAY, options(tmp_path, keep_originals=True))
    (kept,) = list(folder_lake.files("audio/originals"))
    assert folder_lake.read_bytes(kept.path) == sound
    erase(folder_lake, sqlite_catalog, Conversation("a"))
    assert folder_lake.exists(kept.path)
    erase(folder_lake, sqlite_catalog, Conversation("b"))
    assert not folder_lake.exists(kept.path)


def test_a_replaced_files_original_goes_when_nothing_uses_it(folder_lake: Lake, sqlite_catalog: Catalog, web: Web, tmp_path: Path) -> None:
    ask(sqlite_catalog, ("a", "agent", web.serve("/a", wav(1))))
    update_downloads(folder_lake, sqlite_catalog, DAY, options(tmp_path, keep_originals=True))
    DownloadQueue(sqlite_catalog).add([Wanted("a", "agent", web.serve("/b", wav(1, 500)))], NOW, replace=True)
    update_downloads(folder_lake, sqlite_catalog, DAY, options(tmp_path, keep_originals=True))
    (kept,) = list(folder_lake.files("audio/originals"))
    assert folder_lake.read_bytes(kept.path) == wav(1, 500)
