"""Jobs: pruning of old runs."""

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from resources import CollectionResource
from sensors.jobs import PruneConfig, prune_runs
from sensors.schedules import weekly_pruning
from tests.home import DAYS, Home


def test_pruning_deletes_old_finished_runs_and_only_says_so_in_a_dry_run(local_home: Home) -> None:
    kept = {"collection": CollectionResource(keep_runs_days=30)}
    context = dg.build_schedule_context(scheduled_execution_time=datetime(2025, 3, 2, 3, 15, tzinfo=UTC), resources=kept)
    (request,) = weekly_pruning.evaluate_tick(context).run_requests or []
    assert request.run_config["ops"]["delete_old_runs"]["config"] == {"older_than_days": 30, "dry_run": False}
    local_home.run("annotations", days=DAYS[:1])
    partial = Path(local_home.lake.root) / ".half.wav.abc.partial"
    partial.write_bytes(b"half")

    def prune(**config: object) -> None:
        settings = {"ops": {"delete_old_runs": {"config": config}}, "loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        prune_runs.execute_in_process(instance=local_home.instance, run_config=settings, resources={"lake": local_home.resources["lake"]})

    assert PruneConfig().dry_run
    local_home.run("annotations", days=DAYS[:1])
    local_home.run("annotations", days=DAYS[1:])
    prune(older_than_days=-1)
    assert local_home.instance.get_runs_count() == 4
    prune(older_than_days=-1, dry_run=False)
    # gone: the run whose day was made again, and the dry run; kept: the newest run of each day, and the pruning run itself
    assert local_home.instance.get_runs_count() == 3
    assert local_home.instance.get_materialized_partitions(dg.AssetKey("annotations")) == {day.isoformat() for day in DAYS}
    assert partial.exists()  # it is young, and may belong to a writer at work
