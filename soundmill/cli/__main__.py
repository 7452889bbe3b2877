"""The entry point: `soundmill`, and `python -m soundmill.cli`.

Commands that need more than the library, such as those that run Dagster, come by the entry points `soundmill.commands`: modules that add
themselves to the application when they are imported.
"""

import os
from importlib.metadata import entry_points

from soundmill.cli import app


def main() -> None:
    """Runs the command with everything that is installed; what it makes is its user's own."""
    os.umask(0o077)
    for commands in sorted(entry_points(group="soundmill.commands")):
        commands.load()
    app()


if __name__ == "__main__":
    main()
