"""Links to pages of shared drives lead to the file."""

import socket
from pathlib import Path

import pytest

from soundmill.ingest import share_links
from tests.soundmill.ingest.asking import SOUND, fetch, refused
from tests.web import Asked, Web, reply

FORM = (
    '<!DOCTYPE html><html><body><p>too large to scan</p><form id="download-form" action="/download" method="get">'
    '<input type="hidden" name="id" value="F1"><input type="hidden" name="confirm" value="t"><input type="hidden" name="uuid" value="u-1">'
    "</form></body></html>"
)


def test_a_file_behind_a_shared_drive_link_comes(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(share_links, "DRIVE", web.url)

    def drive(asked: Asked, connection: socket.socket) -> None:
        if "uuid=u-1" in asked.path:
            reply(connection, "200 OK", SOUND, Content_Type="application/octet-stream")
        else:
            reply(connection, "200 OK", FORM.encode(), Content_Type="text/html")

    web.on("/download", drive)
    assert fetch("https://drive.google.com/file/d/F1/view?usp=sharing", tmp_path).path.read_bytes() == SOUND
    web.serve("/download", b"<html>Sign in to continue")
    assert refused("https://drive.google.com/open?id=F1", tmp_path).code == "not_shared"
    web.serve("/download", b"<html>Google Drive - Quota exceeded")
    assert refused("https://drive.google.com/uc?id=F1", tmp_path).transient


def test_share_links_lead_to_the_file() -> None:
    drive = "https://drive.usercontent.google.com/download?id=A_b-9&export=download&confirm=t"
    for link in ("file/d/A_b-9/view?usp=sharing", "file/u/0/d/A_b-9/edit", "open?id=A_b-9", "uc?export=download&id=A_b-9"):
        assert share_links.direct_link(f"https://drive.google.com/{link}") == drive
    assert share_links.direct_link("https://www.dropbox.com/s/x/a.wav?dl=0") == "https://www.dropbox.com/s/x/a.wav?dl=1"
    assert share_links.direct_link("https://a.test/x?dl=0") == "https://a.test/x?dl=0"
