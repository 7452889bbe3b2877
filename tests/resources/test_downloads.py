"""How downloads are fetched, as the library takes it."""

from pathlib import Path

from resources import DownloadsResource


def test_limits_of_one_file_and_of_all_arrive() -> None:
    found = DownloadsResource(spool="/spool", per_host=2, most_bytes=5, allow=["127.0.0.1"], concurrency=3, stop_at_hours=1.5).options()
    assert (found.spool, found.concurrency, found.stop_at_hours) == (Path("/spool"), 3, 1.5)
    assert (found.fetch.per_host, found.fetch.most_bytes, found.fetch.allow) == (2, 5, ("127.0.0.1",))
