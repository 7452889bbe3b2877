"""The studio, as links lead there."""

from datetime import date, datetime
from urllib.parse import quote, urlencode

import dagster as dg

from soundmill.times import to_ms


class StudioResource(dg.ConfigurableResource):
    """Addresses of what the studio shows, below the one that people open it under."""

    url: str = "http://localhost:8000"

    def overview(self) -> str:
        """The first page: stations, detections, downloads, what is in quarantine."""
        return f"{self.url.rstrip('/')}/"

    def source(self, source: str) -> str:
        """A microphone's page."""
        return f"{self.overview()}sources/{quote(source, safe='')}"

    def day(self, source: str, day: date) -> str:
        """A day of a source on the timeline, to hear and to label."""
        return f"{self.overview()}annotate?{urlencode({'source': source, 'day': day.isoformat()})}"

    def takes(self, name: str) -> str:
        """A prompt set's takes, to hear and to judge."""
        return f"{self.overview()}record/{quote(name, safe='')}/takes"

    def moment(self, source: str, start: datetime, seconds: float) -> str:
        """A stretch of a source on the timeline."""
        return f"{self.overview()}annotate?{urlencode({'source': source, 'at': to_ms(start), 'span': round(1000 * seconds)})}"
