"""The command, as people and scripts use it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.cli import app


class Command:
    """`soundmill` with a home of its own."""

    def __init__(self, home: Path) -> None:
        self.environment = {"SOUNDMILL_HOME": str(home), "SOUNDMILL_START_DATE": "2025-01-01"}

    def __call__(self, *arguments: str, code: int = 0, **environment: str) -> str:
        """Runs it in this process; its standard output, or its standard error where a failure is expected."""
        done = CliRunner().invoke(app, arguments, env={"DAGSTER_HOME": None, **self.environment, **environment})
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout if code == 0 else done.stderr


@pytest.fixture
def soundmill(tmp_path: Path) -> Command:
    return Command(tmp_path / "home")
