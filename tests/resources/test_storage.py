"""Lake and catalog are opened once in a process."""

from pathlib import Path

from resources import CatalogResource, LakeResource


def test_the_same_place_is_opened_once_and_another_by_itself(tmp_path: Path, s3_url: str, s3_endpoint: str) -> None:
    here = LakeResource(url=str(tmp_path / "lake"))
    assert here.open() is LakeResource(url=str(tmp_path / "lake")).open()
    bucket = LakeResource(url=s3_url, s3_endpoint=s3_endpoint).open()
    bucket.write_bytes("a", b"1")
    assert (bucket.read_bytes("a"), here.open().exists("a")) == (b"1", False)


def test_the_ledger_is_of_the_catalog_of_the_url(tmp_path: Path, postgres_url: str) -> None:
    for url in (f"sqlite:///{tmp_path / 'catalog.db'}", postgres_url):
        resource = CatalogResource(url=url)
        assert resource.open() is CatalogResource(url=url).open()
        assert resource.ledger().counts() == []
        resource.open().close()
