"""`python -m soundmill.studio.openapi`: the studio's OpenAPI document on standard output, from which the pages' types are made."""

import json
import sys
from pathlib import Path

from soundmill.settings import Settings
from soundmill.studio.app import create_app


def document() -> dict[str, object]:
    """The document of an application without a home: nothing is opened."""
    return create_app(Settings(home=Path("none"), _env_file=None)).openapi()


if __name__ == "__main__":
    json.dump(document(), sys.stdout)
