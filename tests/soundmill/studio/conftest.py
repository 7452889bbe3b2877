"""Fixtures: the studio with people."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.soundmill.studio.running import studio
from tests.soundmill.studio.signing_in import PASSWORD, accounts


@pytest.fixture
def people(tmp_path: Path) -> Iterator[httpx.Client]:
    """A studio with an admin, an engineer, a speaker and a client."""
    known = accounts(tmp_path)
    for role in ("admin", "engineer", "speaker", "client"):
        known.add(f"the_{role}", PASSWORD, roles=[role])
    with studio(tmp_path) as client:
        yield client
