"""The command `soundmill`: what people type. Data to standard output, everything else to standard error.

One module for each group of commands. Commands that need Dagster are added by `pipeline/cli.py`; these know the library only.
"""

from soundmill.cli import downloads, labels, models, sound, state
from soundmill.cli.common import Json, app, print_json, refuse, settings

__all__ = ["Json", "app", "downloads", "labels", "models", "print_json", "refuse", "settings", "sound", "state"]
