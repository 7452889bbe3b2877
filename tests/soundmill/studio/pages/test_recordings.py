"""The page of recordings."""

from pathlib import Path

from tests.soundmill.studio.api.transcriber.clients import post, sign_up
from tests.soundmill.studio.running import studio


def test_the_page_of_recordings_shows_them_to_who_knows_the_studio_s_password(tmp_path: Path, strings: Path, digits_model: Path) -> None:
    with studio(tmp_path, vosk_model=digits_model, studio_password="open") as api:
        assert api.get("/recordings").status_code == 401
        shown = api.get("/recordings", auth=("me", "open")).text
        assert "/transcriber/auth/users/" in shown
        post(api, sign_up(api), strings / "one_digit.wav", name="<b>bold</b>", words="seven")
        shown = api.get("/recordings", auth=("me", "open")).text
        assert "&lt;b&gt;bold&lt;/b&gt;" in shown
        assert "seven 0.4 s" in shown
        assert "None found" in api.get("/recordings?search=eight", auth=("me", "open")).text
        assert api.get("/api/overview", auth=("me", "open")).json()["uploads"]["done"] > 0
