"""Networks come whole, are held to their checksum, and are fetched once."""

import hashlib
import io
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from soundmill.errors import PretrainedUnavailable
from soundmill.options import FetchOptions
from soundmill.pretrained import PRETRAINED, fetch_pretrained
from soundmill.settings import Settings
from soundmill.speech import transcriber
from tests.web import Web

LOCAL = FetchOptions(allow=("127.0.0.1",), resumes=1, pause=0.1)
BODY = bytes(range(256)) * 4000


def test_a_network_is_fetched_once_and_held_to_its_checksum(web: Web, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    wanted = replace(PRETRAINED["yamnet"], url=web.serve("/yamnet.tflite", BODY), sha256=hashlib.sha256(BODY).hexdigest())
    place, fetched = fetch_pretrained(wanted, settings, options=LOCAL)
    assert (place, fetched) == (tmp_path / "pretrained" / "yamnet.tflite", True)
    assert place.read_bytes() == BODY
    assert fetch_pretrained(wanted, settings, options=LOCAL) == (place, False)
    assert web.times("/yamnet.tflite") == 1
    place.write_bytes(b"damaged")
    assert fetch_pretrained(wanted, settings, options=LOCAL)[1]
    assert [path.name for path in place.parent.iterdir()] == ["yamnet.tflite"]


def test_another_file_is_not_put_in_place(web: Web, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    with pytest.raises(PretrainedUnavailable, match=r"is not yamnet: its SHA-256 is .*, not 141fba1c"):
        fetch_pretrained(PRETRAINED["yamnet"], settings, web.serve("/other", BODY), options=LOCAL)
    assert not list((tmp_path / "pretrained").iterdir())
    mirror = web.serve("/mirror", BODY)
    assert fetch_pretrained(PRETRAINED["yamnet"], settings, mirror, hashlib.sha256(BODY).hexdigest(), LOCAL)[1]


def test_a_home_that_cannot_be_reached_is_said_with_a_way_by_hand(web: Web, tmp_path: Path) -> None:
    with pytest.raises(PretrainedUnavailable, match=r"did not come: .*; take it from https://tfhub.dev/.* and put it at .*yamnet.tflite"):
        fetch_pretrained(PRETRAINED["yamnet"], Settings(home=tmp_path), web.url + "/nowhere", options=LOCAL)


def zipped(folders: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in folders.items():
            archive.writestr(name, content)
    return target.getvalue()


def test_a_speech_model_is_unpacked_whole_and_fetched_once(web: Web, tmp_path: Path, digits_model: Path, data: Path) -> None:
    files = {f"vosk-model/{path.relative_to(digits_model)}": path.read_bytes() for path in digits_model.rglob("*") if path.is_file()}
    body = zipped(files)
    settings = Settings(home=tmp_path)
    wanted = replace(PRETRAINED["vosk-small-en"], url=web.serve("/model.zip", body), sha256=hashlib.sha256(body).hexdigest())
    place, fetched = fetch_pretrained(wanted, settings, options=LOCAL)
    assert (place, fetched) == (tmp_path / "pretrained" / "vosk-small-en", True)
    assert transcriber(place).transcribe(data / "digit-strings" / "one_digit.wav").text == "seven"
    assert transcriber(place).model.rpartition("-")[2] == transcriber(digits_model).model.rpartition("-")[2]  # however it came
    assert fetch_pretrained(wanted, settings, options=LOCAL) == (place, False)
    assert web.times("/model.zip") == 1
    (place / ".sha256").write_text("another")
    assert fetch_pretrained(wanted, settings, options=LOCAL)[1]
    assert [path.name for path in place.parent.iterdir()] == ["vosk-small-en"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (zipped({"a": b"1", "b": b"2"}), "2 entries, not one folder"),
        (zipped({"a/b": b"1"})[:40], "cannot be unpacked"),
        (zipped({"../../evil": b"x"}), "not one folder"),
    ],
    ids=["two entries", "cut off", "a way out"],  # the bytes hold the time, and every worker has to collect the same names
)
def test_an_archive_that_is_no_model_leaves_nothing_behind(web: Web, tmp_path: Path, content: bytes, says: str) -> None:
    wanted = replace(PRETRAINED["vosk-small-en"], url=web.serve("/bad.zip", content), sha256=hashlib.sha256(content).hexdigest())
    with pytest.raises(PretrainedUnavailable, match=says):
        fetch_pretrained(wanted, Settings(home=tmp_path / "home"), options=LOCAL)
    assert not [path for path in tmp_path.rglob("*") if path.name in ("evil", "vosk-small-en")]
