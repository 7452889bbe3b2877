"""How this collection treats its audio: segments, features, targets, and when to warn."""

from zoneinfo import ZoneInfo

import dagster as dg

from soundmill.capture.segmenter import Segmenter


class CollectionResource(dg.ConfigurableResource):
    """Values that the operator sets; see `soundmill.settings` for what each means."""

    gate_dbfs: float | None = -48.0
    segment_samples: int = 132_352
    segment_rate: int = 44_100
    channels: str = "mix"
    extractors: list[str] = ["pooled_spectral"]  # noqa: RUF012  # a pydantic field, copied per instance
    timezone: str = "UTC"
    target_hours: float | None = None
    quarantine_warn_share: float = 0.05
    max_attempts: int = 5
    promote_automatically: bool = True
    promotion_margin: float = 0.05
    stations: str = ""  # folder of the status files of captures

    def segmenter(self) -> Segmenter:
        """How recordings are cut."""
        return Segmenter(self.segment_rate, self.segment_samples, self.gate_dbfs, "first" if self.channels == "first" else "mix")

    @property
    def zone(self) -> ZoneInfo:
        """The zone for hours of the day."""
        return ZoneInfo(self.timezone)
