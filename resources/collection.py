"""How this collection treats its audio: partitions, segments, features, targets, and when to warn."""

from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import dagster as dg

from soundmill.options import TrainingOptions

if TYPE_CHECKING:
    from soundmill.capture.segmenter import Segmenter
    from soundmill.features.extractor import Extractor


class CollectionResource(dg.ConfigurableResource):
    """Values that the operator sets; see `soundmill.settings` for what each means."""

    start_date: str = "2025-01-01"
    gate_dbfs: float | None = -48.0
    segment_samples: int = 132_352
    segment_rate: int = 44_100
    channels: str = "mix"
    truncated: str = "keep"
    extractors: list[str] = ["pooled_spectral"]  # noqa: RUF012  # a pydantic field, copied per instance
    networks: dict[str, str] = {}  # noqa: RUF012  # files by name
    timezone: str = "UTC"
    target_hours: float | None = None
    quarantine_warn_share: float = 0.05
    max_attempts: int = 5
    run_spacing_seconds: int = 60
    keep_runs_days: int = 90
    promote_automatically: bool = True
    promotion_margin: float = 0.05
    stations: str = ""  # folder of the status files of captures

    @property
    def days(self) -> dg.DailyPartitionsDefinition:
        """The days of the collection. Today is one of them while it lasts, so that sound is segmented the minute it arrives."""
        return dg.DailyPartitionsDefinition(start_date=self.start_date, end_offset=1)

    @property
    def zone(self) -> ZoneInfo:
        """The zone for hours of the day."""
        return ZoneInfo(self.timezone)

    def segmenter(self) -> "Segmenter":
        """How recordings are cut."""
        from soundmill.capture.segmenter import Segmenter

        return Segmenter(
            self.segment_rate,
            self.segment_samples,
            self.gate_dbfs,
            "first" if self.channels == "first" else "mix",
            "refuse" if self.truncated == "refuse" else "keep",
        )

    def training(self) -> TrainingOptions:
        """How models are trained and promoted."""
        return TrainingOptions(self.timezone, self.promote_automatically, self.promotion_margin, self.extractors[0])

    def extractor(self, name: str) -> "Extractor":
        """A feature extractor by name. Raises `UnknownExtractor`."""
        from soundmill.features.registry import extractor

        return extractor(name, {network: Path(path) for network, path in self.networks.items()})
