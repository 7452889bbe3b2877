"""The champion's verdict on samples, the same as the asset `detections` gives for the same segment."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from soundmill.audio import Resampler, levels, open_audio
from soundmill.audio.reader import Int16
from soundmill.capture import Segmenter
from soundmill.catalog import ModelRegistry, ModelVersion
from soundmill.errors import NoChampion
from soundmill.features.extractor import Extractor
from soundmill.features.registry import extractor
from soundmill.lake import Lake
from soundmill.osr.detections import score_of
from soundmill.osr.recogniser import Recogniser
from soundmill.osr.sounds import Sounds
from soundmill.osr.spec import ModelSpec
from soundmill.times import from_ms, to_ms
from soundmill.workflows.training.models import load_version

_LOOK_EVERY = 1.0  # seconds between two looks at who the champion is


@dataclass(frozen=True)
class WindowVerdict:
    """A prediction for a span of sound: its name, how far within that tag's threshold it is, and the margins of all tags."""

    started_at: datetime
    seconds: float
    tag: str
    score: float
    probability: float | None
    margins: dict[str, float]


class Detector:
    """The champion, loaded once, and anew when another one has been promoted."""

    def __init__(
        self, lake: Lake, registry: ModelRegistry, segmenter: Segmenter, zone: ZoneInfo, networks: Mapping[str, Path] | None = None
    ) -> None:
        self._lake, self._registry, self.segmenter, self._zone, self._networks = lake, registry, segmenter, zone, networks
        self._loaded: tuple[ModelVersion, Recogniser, Extractor] | None = None
        self._looked_at = -1e9

    def champion(self) -> ModelVersion:
        """The champion as it is now, looked up once a second. Raises `NoChampion`."""
        if self._loaded is None or time.monotonic() - self._looked_at > _LOOK_EVERY:
            now = self._registry.champion()
            if now is None or now.card is None:
                raise NoChampion("there is no champion model; see soundmill model promote")
            if self._loaded is None or (now.name, now.version) != (self._loaded[0].name, self._loaded[0].version):
                tool = extractor(ModelSpec.parse(now.card["spec"]).extractor, self._networks)
                self._loaded = (now, load_version(self._lake, now), tool)
            self._looked_at = time.monotonic()
        return self._loaded[0]

    def detect(self, samples: Int16, sample_rate: int, started_at: datetime) -> WindowVerdict:
        """The verdict on int16 samples, shape (n,). Raises `NoChampion`."""
        self.champion()
        assert self._loaded is not None
        _, model, tool = self._loaded
        vectors = tool(samples.astype(np.float32) / np.float32(32_768), sample_rate)
        loudest = levels(samples).max_amp
        sounds = Sounds.build(["it"], [started_at], self._zone, ["it"] * len(vectors), vectors.astype(np.float32), max_amp=[loudest])
        verdicts = model.verdicts(sounds)
        tag, margins = verdicts.names[0], dict(zip(model.tags_, map(float, verdicts.margins[0]), strict=True))
        probability = None if verdicts.probabilities is None else float(verdicts.probabilities[0][[*model.tags_, "other"].index(tag)])
        return WindowVerdict(started_at, len(samples) / sample_rate, tag, score_of(tag, margins), probability, margins)

    def segments(self, file: Path, began: datetime) -> Iterator[tuple[datetime, Int16]]:
        """A file's segments as the pipeline cuts them: start, to the millisecond, and int16 samples. Raises `UndecodableAudio`."""
        with open_audio(file) as reader:
            stream = Resampler(reader.info.sample_rate, self.segmenter.sample_rate)(reader.blocks(self.segmenter.channels))
            for offset, samples in self.segmenter.pieces(stream):
                yield from_ms(to_ms(began + timedelta(seconds=offset / self.segmenter.sample_rate))), samples


def window_across_boundary(earlier: Int16, samples: Int16, start: datetime, sample_rate: int) -> tuple[datetime, Int16] | None:
    """The window of half a segment's length before `start` and its first half, with its own start: a sound across the boundary is whole in
    it. None where the segment before is shorter than that half."""
    half = len(samples) // 2
    if not 0 < half <= len(earlier):
        return None
    return start - timedelta(seconds=half / sample_rate), np.concatenate([earlier[len(earlier) - half :], samples[:half]])
