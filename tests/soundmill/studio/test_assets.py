"""What the pages' scripts were built to."""

from pathlib import Path

import httpx
import pytest

from soundmill.studio import assets


def test_a_page_without_its_script_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, client: httpx.Client, tmp_path: Path) -> None:
    monkeypatch.setattr(assets, "BUILT", tmp_path / "none")
    assert assets.built("annotator") is None
    page = client.get("/annotate").text
    assert "make web" in page
    assert "<script" not in page


def test_built_files_may_be_kept_for_ever_and_others_not(client: httpx.Client) -> None:
    found = assets.built("annotator")
    assert found is not None, "run make web"
    assert assets.built("nothing") is None
    for address in (found.script, *found.styles):
        answer = client.get(address)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
    assert "immutable" not in client.get("/static/studio.css").headers.get("cache-control", "")


def test_a_manifest_names_scripts_and_their_style_sheets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "meta.json").write_text(
        '{"outputs": {"../x/a-1.js": {"entryPoint": "src/a.tsx", "cssBundle": "../x/a-2.css"}, "../x/chunk-3.js": {}}}'
    )
    monkeypatch.setattr(assets, "BUILT", tmp_path)
    assert assets.built("a") == assets.Script("/static/built/a-1.js", ("/static/built/a-2.css",))
    assert assets.built("chunk") is None
