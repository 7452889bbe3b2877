"""soundmill studio: an open door is refused."""

from pathlib import Path

import pytest
import typer
from fastapi.testclient import TestClient

from soundmill.cli.studio import application, refuse_open_door
from tests.command import Command
from tests.soundmill.studio.signing_in import PASSWORD, accounts


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SOUNDMILL_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "studio.example"])
def test_with_neither_people_nor_a_password_it_listens_to_this_machine_alone(soundmill: Command, home: Path, host: str) -> None:
    said = soundmill("studio", "--host", host, code=1)
    assert f"on {host} everybody in the network could open the studio" in said
    assert "soundmill account add NAME --role admin" in said
    refuse_open_door("127.0.0.1")
    refuse_open_door("localhost")
    refuse_open_door("::1")


def test_an_account_or_a_password_opens_the_door_and_a_client_s_account_does_not(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    accounts(home).add("carl", PASSWORD, roles=["client"])
    with pytest.raises(typer.Exit):
        refuse_open_door("0.0.0.0")
    with monkeypatch.context() as patched:
        patched.setenv("SOUNDMILL_STUDIO_PASSWORD", PASSWORD)
        refuse_open_door("0.0.0.0")
    accounts(home).add("anna", PASSWORD, roles=["admin"])
    refuse_open_door("0.0.0.0")


def test_each_process_makes_its_application_of_the_settings(home: Path) -> None:
    with TestClient(application()) as client:
        assert client.get("/downloader/health").json()["status"] == "healthy"
    assert (home / "catalog.db").is_file()
