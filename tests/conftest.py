"""Fixtures: real ground to stand on. Lakes in a folder and on S3 over HTTP, catalogs in SQLite and PostgreSQL, real sound."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

for _threads in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")  # before numpy is imported: the tests share the cores, a worker each

import hypothesis  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402

for _name in [
    name for name in os.environ if name.startswith("SOUNDMILL_") and name not in {"SOUNDMILL_TEST_DATA", "SOUNDMILL_TEST_STRICT"}
]:
    del os.environ[_name]  # a developer's own settings must not reach the tests
os.environ["SOUNDMILL_START_DATE"] = "2025-01-01"

from soundmill.audio import wav_bytes  # noqa: E402
from soundmill.catalog import Catalog, open_catalog  # noqa: E402
from soundmill.lake import Lake, open_lake  # noqa: E402
from tests.catalogs import sqlite_in  # noqa: E402
from tests.command import soundmill  # noqa: E402, F401  # a fixture
from tests.home import _built, built_home, home, instance_home, local_home  # noqa: E402, F401  # fixtures
from tests.web import web  # noqa: E402, F401  # a fixture

hypothesis.settings.register_profile("no deadlines", deadline=None)  # which a busy machine misses
hypothesis.settings.load_profile("no deadlines")
ROOT = Path(__file__).resolve().parent.parent
RATE = 44_100


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest tests first, so that no worker is left alone with one at the end."""
    items.sort(key=lambda item: item.get_closest_marker("e2e") is None)


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder with real audio."""
    folder = Path(os.environ.get("SOUNDMILL_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no test data in {folder}; set SOUNDMILL_TEST_DATA")
    return folder


def _model(data: Path, *parts: str) -> Path:
    path = data.parent.joinpath("models", *parts)
    if not path.is_file():
        pytest.skip(f"no model in {path}")
    return path


@pytest.fixture
def yamnet(data: Path) -> Path:
    """The file of the network YAMNet."""
    return _model(data, "yamnet", "yamnet.tflite")


@pytest.fixture
def mn04(data: Path) -> Path:
    """The file of the network mn04."""
    return _model(data, "efficientat-mn04", "mn04_as_mAP_432.pt")


@pytest.fixture(scope="session")
def digits_model(data: Path) -> Path:
    """The folder of a real speech model for the words zero to nine."""
    path = data.parent / "models" / "vosk-tiny-digits"
    if not path.is_dir():
        pytest.skip(f"no speech model in {path}")
    return path


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """An S3 server on loopback."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A PostgreSQL server on loopback, run as an unprivileged user; its URL without a database."""
    binaries = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)
    found = str(binaries / "initdb") if binaries else shutil.which("initdb")
    if not found:
        if os.environ.get("SOUNDMILL_TEST_STRICT"):
            pytest.fail("no PostgreSQL server is installed, and SOUNDMILL_TEST_STRICT is set")
        pytest.skip("no PostgreSQL server is installed (Debian: apt-get install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="soundmill-postgres-"))
    user = "postgres" if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user)
    tools = Path(found).parent
    subprocess.run(
        [tools / "initdb", "-D", folder / "data", "-U", "postgres", "-A", "trust", "--no-sync"],
        check=True,
        user=user,
        capture_output=True,
        cwd=folder,
    )
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        port = holder.getsockname()[1]
    options = ["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-k", str(folder), "-p", str(port)]
    server = subprocess.Popen([tools / "postgres", "-D", folder / "data", *options], user=user, cwd=folder, stderr=subprocess.DEVNULL)
    wait_until(lambda: subprocess.run([tools / "pg_isready", "-h", "127.0.0.1", "-p", str(port)], capture_output=True).returncode == 0, 60)
    yield f"postgresql+psycopg://postgres@127.0.0.1:{port}"
    server.terminate()
    server.wait()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> str:
    """A database with every table of the catalog and no rows, from which others are copied."""
    name = "catalog_template"
    _on_server(postgres_server, f"CREATE DATABASE {name}")
    open_catalog(f"{postgres_server}/{name}").close()
    return name


def _on_server(postgres_server: str, statement: str) -> None:
    import psycopg

    with psycopg.connect(postgres_server.replace("+psycopg", "") + "/postgres", autocommit=True) as connection:
        connection.execute(statement)  # type: ignore[call-overload]  # a name of our own


def _database(postgres_server: str, template: str) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex}"
    _on_server(postgres_server, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield f"{postgres_server}/{name}"
    _on_server(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def empty_postgres_url(postgres_server: str) -> Iterator[str]:
    """A database without any table."""
    yield from _database(postgres_server, "template1")


@pytest.fixture
def postgres_url(postgres_server: str, postgres_template: str) -> Iterator[str]:
    """A catalog's database of its own, dropped afterwards."""
    yield from _database(postgres_server, postgres_template)


@pytest.fixture
def other_postgres_url(postgres_server: str) -> Iterator[str]:
    """Another database, without any table, for what goes from one to the other."""
    yield from _database(postgres_server, "template1")


@pytest.fixture
def s3_url(s3_endpoint: str) -> str:
    """A prefix in a bucket of its own."""
    import boto3

    bucket = f"test-{uuid.uuid4().hex}"
    boto3.client("s3", endpoint_url=s3_endpoint).create_bucket(Bucket=bucket)
    return f"s3://{bucket}/lake"


@pytest.fixture(params=["folder", "s3"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Lake:
    """A lake in a folder, and again on S3."""
    if request.param == "folder":
        return open_lake(str(tmp_path / "lake"))
    return open_lake(request.getfixturevalue("s3_url"), request.getfixturevalue("s3_endpoint"))


@pytest.fixture
def folder_lake(tmp_path: Path) -> Lake:
    """A lake in a folder, for tests to which the file system makes no difference."""
    return open_lake(str(tmp_path / "lake"))


@pytest.fixture(params=["sqlite", "postgresql"])
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Catalog]:
    """A catalog in SQLite, and again in PostgreSQL."""
    opened = open_catalog(sqlite_in(tmp_path) if request.param == "sqlite" else request.getfixturevalue("postgres_url"))
    yield opened
    opened.close()


@pytest.fixture
def sqlite_catalog(tmp_path: Path) -> Iterator[Catalog]:
    """A catalog in SQLite, for tests to which the database makes no difference."""
    opened = open_catalog(sqlite_in(tmp_path))
    yield opened
    opened.close()


PATIENCE = 5  # a deadline only ends what hangs: on a busy machine all takes several times as long


def wait_until(holds: Callable[[], Any], seconds: float) -> Any:
    """Polls until something is true, and returns it; fails when it hangs: after `PATIENCE` times the seconds it takes at most when idle."""
    began = time.monotonic()
    while (waited := time.monotonic() - began) < PATIENCE * seconds:
        if value := holds():
            return value
        time.sleep(min(0.005 + waited / 20, 0.5))  # whoever waits long does not look every moment
    raise AssertionError(f"not so within {PATIENCE * seconds} s")


def tone(seconds: float, hertz: float = 440.0, rate: int = RATE, amplitude: float = 0.3) -> np.ndarray:
    """A sine as float32."""
    return (amplitude * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def wav(seconds: float, hertz: float = 440.0, rate: int = RATE, amplitude: float = 0.3) -> bytes:
    """A sine as a WAV file."""
    return wav_bytes((tone(seconds, hertz, rate, amplitude) * 32_767).astype(np.int16), rate)
