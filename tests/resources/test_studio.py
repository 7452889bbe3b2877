"""Links to the studio."""

from datetime import UTC, date, datetime
from urllib.parse import parse_qs, urlsplit

from resources import StudioResource

STUDIO = StudioResource(url="https://sound.example/")


def test_links_lead_to_what_they_name_whatever_the_source_is_called() -> None:
    start = datetime(2026, 1, 5, 12, tzinfo=UTC)
    address = STUDIO.moment("yard & street", start, 3.25)
    assert parse_qs(urlsplit(address).query) == {"source": ["yard & street"], "at": ["1767614400000"], "span": ["3250"]}
    assert parse_qs(urlsplit(STUDIO.day("a/b", date(2026, 1, 5))).query) == {"source": ["a/b"], "day": ["2026-01-05"]}
    assert STUDIO.source("a/b?") == "https://sound.example/sources/a%2Fb%3F"
    assert STUDIO.overview() == StudioResource(url="https://sound.example").overview() == "https://sound.example/"
