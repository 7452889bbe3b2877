"""soundmill studio: an open door is refused."""

import socket
import ssl
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import typer
from fastapi.testclient import TestClient

from soundmill.catalog import open_catalog
from soundmill.cli.studio import application, refuse_open_door
from tests.command import Command
from tests.conftest import wait_until
from tests.soundmill.studio.signing_in import PASSWORD, accounts
from tests.soundmill.workflows.takes.reading import prompt_set


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


def test_it_serves_by_https_with_a_certificate_of_its_own_and_records_a_set(home: Path, tmp_path: Path) -> None:
    prompt_set(open_catalog(f"sqlite:///{home}/catalog.db"))
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        port = holder.getsockname()[1]
    command = [sys.executable, "-m", "soundmill.cli", "studio", "--port", str(port), "--tls", "--recorder", "digits"]
    with open(tmp_path / "said", "w") as said:
        process = subprocess.Popen(command, stderr=said)

    def sentence() -> str | None:
        try:
            answer = httpx.get(
                f"https://127.0.0.1:{port}/recorder/get-sentence",
                auth=("any", "thing"),
                headers={"X-Username": "alice"},
                verify=ssl.create_default_context(cafile=str(home / "tls" / "studio-cert.pem")),
            )
        except (httpx.HTTPError, OSError):
            return None
        return str(answer.json()["sentence"])

    try:
        assert wait_until(sentence, 60) == "sentence number 0 of this set"
    finally:
        process.terminate()
        process.wait(30)
    assert f"https://127.0.0.1:{port}/recorder/ serves digits" in (tmp_path / "said").read_text()


def test_a_set_that_is_not_there_and_half_a_certificate_are_refused(soundmill: Command, tmp_path: Path) -> None:
    assert "no prompt set 'none'" in soundmill("studio", "--recorder", "none", code=1)
    soundmill("studio", "--certificate", str(tmp_path / "cert.pem"), code=2)
    (tmp_path / "cert.pem").write_text("no certificate")
    files = ("--certificate", str(tmp_path / "cert.pem"), "--key", str(tmp_path / "cert.pem"))
    assert "cannot be used" in soundmill("studio", "--tls", *files, code=1)
