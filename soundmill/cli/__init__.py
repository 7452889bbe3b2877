"""The command `soundmill`: what people type. Data to standard output, everything else to standard error.

Here belongs one module for each group of commands, thin over the library. Commands that need Dagster are added by `pipeline/cli.py`.
"""

from soundmill.cli import (
    accounts,
    backup,
    capture,
    detect,
    downloads,
    intervals,
    labels,
    model_reports,
    models,
    pretrained,
    prompts,
    releases,
    rounds,
    sound,
    speech,
    state,
    studio,
)
from soundmill.cli.common import Json, app, print_json, refuse, settings

__all__ = [
    "Json",
    "accounts",
    "app",
    "backup",
    "capture",
    "detect",
    "downloads",
    "intervals",
    "labels",
    "model_reports",
    "models",
    "pretrained",
    "print_json",
    "prompts",
    "refuse",
    "releases",
    "rounds",
    "settings",
    "sound",
    "speech",
    "state",
    "studio",
]
