"""What the first page shows, where the numbers have their own tests elsewhere."""

from pathlib import Path

from soundmill.capture.status import Status, now_text, write_status
from soundmill.catalog import Catalog
from soundmill.settings import Settings
from soundmill.workflows.dashboard import collection_now, downloads_now, quarantine_now, stations_now, uploads_now


def test_a_station_whose_process_is_gone_alarms_and_shows_no_level(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, _env_file=None)  # type: ignore[call-arg]
    gone = Status("porch", "device 1", pid=2**22 + 1, updated_at=now_text(), on=True, state="live", peak_dbfs=-3.0, floor_dbfs=-70.0)
    write_status(tmp_path / "capture" / "porch.status.json", vars(gone))
    (station,) = stations_now(settings)
    assert (station.state, station.alarms, station.running, station.peak_dbfs) == ("stopped", True, False, None)
    assert station.floor_dbfs == -70.0


def test_an_empty_home_has_nothing_to_show_and_nothing_wrong(catalog: Catalog, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, target_hours=10, _env_file=None)  # type: ignore[call-arg]
    collection = collection_now(catalog, settings)
    assert (collection.ready_hours, collection.percent, collection.forecast, collection.days) == (0.0, 0.0, None, {})
    assert stations_now(settings) == []
    assert downloads_now(catalog, settings).failures == []
    assert uploads_now(catalog) == {}
    assert quarantine_now(catalog).items == []
