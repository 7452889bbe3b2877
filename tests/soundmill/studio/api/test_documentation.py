"""Each API describes itself, below its own prefix."""

import httpx
import pytest


@pytest.mark.parametrize("api", ["downloader", "capture", "transcriber"])
def test_an_api_has_its_own_page_and_description(client: httpx.Client, api: str) -> None:
    paths = client.get(f"/{api}/openapi.json").json()["paths"]
    assert paths
    assert all(path.startswith(f"/{api}/") for path in paths)
    page = client.get(f"/{api}/docs")
    assert page.status_code == 200
    assert f"/{api}/openapi.json" in page.text
    for part in ("js", "css"):
        (address,) = [word for word in page.text.split('"') if word.endswith(f".{part}")]
        assert client.get(address).status_code == 200
