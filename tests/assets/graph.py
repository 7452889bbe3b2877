"""What tests of assets ask for and look at."""

from datetime import UTC, date, datetime

import dagster as dg

from soundmill.catalog import DownloadQueue, Wanted
from tests.conftest import wav
from tests.home import DAYS, Home
from tests.web import Web


def ask(home: Home, web: Web, day: date = DAYS[0]) -> None:
    """A call with both sides, one without a customer, and a file that is not there."""
    moment = datetime(day.year, day.month, day.day, 8, tzinfo=UTC)
    urls = [web.serve(f"/{day}/{n}", wav(2, 300 + 50 * n + day.day)) for n in range(3)]
    wanted = [Wanted(f"{day}-a", "agent", urls[0]), Wanted(f"{day}-a", "customer", urls[1]), Wanted(f"{day}-b", "agent", urls[2])]
    DownloadQueue(home.catalog).add([*wanted, Wanted(f"{day}-b", "customer", web.url + "/gone")], moment)


def checks(home: Home, asset: str = "") -> dict[str, bool]:
    """The newest result of each check that has one, of an asset or of all."""
    found = {}
    for key in home.defs.resolve_asset_graph().asset_check_keys:
        record = home.instance.get_latest_asset_check_evaluation_record(key)
        if record is not None and record.status.value in ("SUCCEEDED", "FAILED") and (not asset or key.asset_key == dg.AssetKey(asset)):
            found[key.name] = record.status.value == "SUCCEEDED"
    return found
