"""Downloads, progress and backup as assets, on a folder with SQLite and on S3 with PostgreSQL."""

from datetime import UTC, datetime

from soundmill.catalog import DownloadQueue, Wanted
from tests.assets.graph import ask, checks
from tests.conftest import wav
from tests.home import DAYS, Home
from tests.web import Web


def test_requests_of_two_days_become_files_tables_and_metadata(home: Home, web: Web) -> None:
    for day in DAYS[:2]:
        ask(home, web, day)
    done = home.run("downloads", days=DAYS[:2])
    for day in DAYS[:2]:
        facts = done["downloads", str(day)]
        assert {name: facts[name] for name in ("status", "files", "pairs", "quarantined", "attempts")} == {
            "status": "updated", "files": 3, "pairs": 1, "quarantined": 1, "attempts": 4,
        }  # fmt: skip
        assert "http_404" in facts["quarantine_reasons"]
        assert f"{day}-a" in facts["pairs_preview"]
    assert checks(home, "downloads") == {"all_16khz_mono": True, "pairs_agree": True, "nothing_silent": True, "few_failed": False}
    before = home.stored("audio", "tables", "manifests", "quarantine")
    asked = len(web.asked)
    assert {facts["status"] for facts in home.run("downloads", days=DAYS[:2]).values()} == {"unchanged"}
    assert home.stored("audio", "tables", "manifests", "quarantine") == before
    assert len(web.asked) == asked


def test_a_day_without_requests_says_so(home: Home) -> None:
    assert home.run("downloads", days=DAYS[:1])["downloads", str(DAYS[0])]["status"] == "no data"
    assert all(checks(home, "downloads").values())


def test_checks_fail_for_a_silent_side_a_pair_that_cannot_be_and_a_file_that_is_gone(local_home: Home, web: Web) -> None:
    moment = datetime(2025, 1, 1, 8, tzinfo=UTC)
    wanted = [Wanted("c", "agent", web.serve("/a", wav(2))), Wanted("c", "customer", web.serve("/b", wav(9, amplitude=0.0)))]
    DownloadQueue(local_home.catalog).add(wanted, moment)
    local_home.run("downloads", days=DAYS[:1])
    assert checks(local_home, "downloads") == {"all_16khz_mono": True, "pairs_agree": False, "nothing_silent": False, "few_failed": True}
    local_home.lake.delete("audio/downloads/2025-01-01/c/c_agent.wav")
    local_home.run("downloads", days=DAYS[:1])
    assert not checks(local_home, "downloads")["all_16khz_mono"]
