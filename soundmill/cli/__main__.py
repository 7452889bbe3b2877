"""`python -m soundmill.cli`: the library's commands without those that need Dagster, which start faster."""

from soundmill.cli import app

app()
