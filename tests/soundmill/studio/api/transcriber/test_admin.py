"""What an admin sees."""

from pathlib import Path

import httpx

from soundmill.catalog import Accounts, open_catalog
from tests.soundmill.studio.api.transcriber.clients import post, sign_up


def test_admins_see_everybodys_recordings(api: httpx.Client, strings: Path, tmp_path: Path) -> None:
    ann, bob = sign_up(api), sign_up(api, "bob")
    for who in (ann, bob):
        post(api, who, strings / "one_digit.wav")
    assert Accounts(open_catalog(f"sqlite:///{tmp_path / 'catalog.db'}")).set_roles("bob", ["admin"])
    assert {row["user"] for row in api.get("/transcriber/admin/recordings/", headers=bob).json()} == {"ann", "bob"}
    assert [row["user"] for row in api.get("/transcriber/admin/recordings/?user__username=ann", headers=bob).json()] == ["ann"]
    assert {row["username"]: row["is_admin"] for row in api.get("/transcriber/admin/users/", headers=bob).json()} == {
        "ann": False,
        "bob": True,
    }
