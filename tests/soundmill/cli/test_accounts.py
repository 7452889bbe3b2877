"""soundmill account."""

import json
from typing import Any

from typer.testing import CliRunner

from pipeline.cli import app
from tests.command import Command


def test_accounts_of_the_transcriber_are_made_listed_and_removed(soundmill: Command) -> None:
    def with_password(*arguments: str, password: str = "correct-horse-9") -> Any:
        return CliRunner().invoke(app, ["account", *arguments], env=soundmill.environment, input=f"{password}\n")

    assert with_password("add", "ann", "--admin").exit_code == 0
    assert "too common" in with_password("add", "bob", password="password").stderr
    assert [(one["username"], one["is_admin"]) for one in json.loads(soundmill("account", "list", "--json"))] == [("ann", True)]
    assert "ann is now: client" in soundmill("account", "admin", "ann", "--off")
    assert "ann is now: engineer,annotator" in soundmill("account", "role", "ann", "engineer,annotator").replace(", ", ",")
    assert "there is no such role" in soundmill("account", "role", "ann", "king", code=1)
    assert with_password("password", "ann", password="another-horse-7").exit_code == 0
    assert "would be deleted" in soundmill("account", "remove", "ann", code=1)
    assert "ann is removed" in soundmill("account", "remove", "ann", "--yes")
    assert soundmill("account", "list") == ""
