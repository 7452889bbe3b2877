"""The backup as an asset."""

import json
from pathlib import Path

from resources import BackupResource
from soundmill.backup import Bucket, restore, verify
from soundmill.catalog import Ledger, open_catalog
from soundmill.lake import open_lake
from tests.assets.graph import ask, checks
from tests.home import DAYS, Home
from tests.web import Web


def test_the_backup_copies_what_changed_and_the_restored_home_goes_on(
    local_home: Home, web: Web, s3_url: str, s3_endpoint: str, tmp_path: Path
) -> None:
    ask(local_home, web)
    local_home.land_day(DAYS[0])
    local_home.run("downloads", "captured_segments", "annotations", days=DAYS[:1])
    assert local_home.run("s3_backup")["s3_backup", None]["status"].startswith("not set")
    local_home.resources["backup"] = BackupResource(url=s3_url, endpoint=s3_endpoint, settings={"SOUNDMILL_BACKUP": s3_url})
    local_home.rebuild()
    first = local_home.run("s3_backup")["s3_backup", None]
    assert first["status"] == "updated"
    assert first["files_uploaded"] == len(list(local_home.lake.files("")))
    again = local_home.run("s3_backup")["s3_backup", None]
    assert (again["status"], again["files_uploaded"]) == ("unchanged", 0)
    assert checks(local_home, "s3_backup") == {"everything_copied": True}
    bucket, new = Bucket(s3_url, s3_endpoint), tmp_path / "new"
    assert verify(bucket).sound
    url = f"sqlite:///{new}/catalog.db"
    assert restore(bucket, open_lake(str(new / "lake")), url, new).damaged == []
    restored = Home(
        {
            **local_home.resources,
            "lake": type(local_home.resources["lake"])(url=str(new / "lake")),
            "catalog": type(local_home.resources["catalog"])(url=url),
        },
        local_home.instance,
    )
    assert restored.stored("") == local_home.stored("")
    assert Ledger(open_catalog(url)).counts() == local_home.ledger.counts()
    done = restored.run("downloads", "captured_segments", "capture_coverage", "annotations", days=DAYS[:1])
    assert {asset: facts["status"] for (asset, _), facts in done.items()} == {
        "downloads": "unchanged", "captured_segments": "unchanged", "capture_coverage": "updated", "annotations": "unchanged",
    }  # fmt: skip
    assert done["captured_segments", str(DAYS[0])]["files_worked_on"] == 0
    assert json.loads((new / "restored-settings.json").read_text())["SOUNDMILL_BACKUP"] == s3_url
