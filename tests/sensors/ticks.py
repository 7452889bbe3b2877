"""Running what a tick asked for."""

import dagster as dg

from tests.home import Home


def launch(home: Home, request: dg.RunRequest, job: str) -> None:
    """Runs what a tick asked for, as the daemon would."""
    result = home.defs.resolve_job_def(job).execute_in_process(
        instance=home.instance,
        partition_key=request.partition_key,
        tags=dict(request.tags),
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )
    assert result.success
