"""Days and models as partitions."""

from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest

from assets.partitions import RANGE_END, RANGE_START
from pipeline.run import RunFailed
from tests.home import DAYS, FIRST, Home


def test_a_month_is_one_run(local_home: Home) -> None:
    many = tuple(FIRST + timedelta(days=n) for n in range(65))
    local_home.run("annotations", days=many)
    runs = local_home.instance.get_runs()
    assert [(run.tags.get(RANGE_START), run.tags.get(RANGE_END)) for run in reversed(runs)] == [
        ("2025-01-01", "2025-01-31"),
        ("2025-02-01", "2025-03-03"),
        ("2025-03-04", "2025-03-06"),
    ]


def test_a_day_that_has_not_come_is_refused_whoever_asks_for_it(local_home: Home) -> None:
    job = local_home.defs.resolve_implicit_global_asset_job_def()
    chosen = [dg.AssetKey("captured_segments")]
    later = (datetime.now(UTC).date() + timedelta(days=400)).isoformat()
    run = {"asset_selection": chosen, "instance": local_home.instance, "tags": {"dagster/partition": later}, "raise_on_error": False}
    try:
        assert not job.execute_in_process(**run).success
    except dg.DagsterUnknownPartitionError:
        pass  # Dagster itself knows better, by now
    assert not local_home.lake.exists(f"tables/captured_segments/{later}.parquet")


def test_the_good_days_of_a_failed_range_count_as_made(local_home: Home) -> None:
    for day in DAYS:
        local_home.land_day(day)
    local_home.run("captured_segments", days=DAYS)
    local_home.lake.write_bytes("tables/captured_segments/2025-01-02.parquet", b"damaged")
    with pytest.raises(RunFailed, match="1 of 3 days failed"):
        local_home.run("segment_features", days=DAYS)
    assert local_home.instance.get_materialized_partitions(dg.AssetKey("segment_features")) == {"2025-01-01", "2025-01-03"}


def test_every_day_from_the_start_to_today_is_a_partition() -> None:
    from assets.partitions import days

    keys = days.get_partition_keys()
    assert keys[0] == "2025-01-01"
    assert keys[-1] == datetime.now(UTC).date().isoformat()
    assert len(keys) == (datetime.now(UTC).date() - date(2025, 1, 1)).days + 1
