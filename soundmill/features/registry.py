"""The extractors there are. A new one is a file beside this one and a line here."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from soundmill.errors import UnknownExtractor
from soundmill.features.acoustic_fingerprint import AcousticFingerprint
from soundmill.features.extractor import Extractor, Vectors, parameters
from soundmill.features.loudest_frames import LoudestFrames
from soundmill.features.pooled_spectral import PooledSpectral
from soundmill.features.yamnet import Yamnet, YamnetScores

EXTRACTORS: dict[str, type[Extractor]] = {
    "pooled_spectral": PooledSpectral,
    "loudest_frames": LoudestFrames,
    "yamnet": Yamnet,
    "yamnet_scores": YamnetScores,
    "acoustic_fingerprint": AcousticFingerprint,
}
FINGERPRINT = AcousticFingerprint.name  # made of every annotated sound, to find the same recording on both sides of a split
JOIN = "+"
_SEVERAL = frozenset({"loudest_frames", "acoustic_fingerprint"})  # give several vectors a sound, and so cannot be joined to others


@dataclass(frozen=True)
class Joined:
    """Vectors of several extractors, one after another in one vector."""

    parts: tuple[Extractor, ...]

    @property
    def name(self) -> str:
        """Names of the parts, joined by +."""
        return JOIN.join(part.name for part in self.parts)

    @property
    def version(self) -> int:
        """The sum of the parts' versions, which goes up when any of them does."""
        return sum(part.version for part in self.parts)

    @property
    def parameters(self) -> dict[str, Any]:
        """Parameters of all parts."""
        return {"parts": tuple(parameters(part) for part in self.parts)}

    @property
    def size(self) -> int:
        """Numbers of all parts."""
        return sum(part.size for part in self.parts)

    @property
    def groups(self) -> tuple[tuple[str, int], ...]:
        """Groups of all parts."""
        return tuple(group for part in self.parts for group in part.groups)

    def __call__(self, samples: npt.NDArray[np.float32], sample_rate: int) -> Vectors:
        """See `Extractor`."""
        return np.concatenate([part(samples, sample_rate) for part in self.parts], axis=1)


def extractor(name: str, yamnet_model: Path | None = None) -> Extractor:
    """The extractor of that name, or several joined by + (`pooled_spectral+yamnet`), with default parameters.

    `yamnet_model` is the file of YAMNet, which `yamnet` and `yamnet_scores` need for vectors. Raises `UnknownExtractor`.
    """
    names = name.split(JOIN)
    if unknown := [part for part in names if part not in EXTRACTORS]:
        raise UnknownExtractor(
            f"no feature extractor is called {unknown[0]!r}; there are: {', '.join(EXTRACTORS)}, and several joined by +"
        )
    if len(names) == 1:
        return _made(name, yamnet_model)
    if several := _SEVERAL & set(names):
        raise UnknownExtractor(f"{name!r} cannot be joined: {', '.join(several)} gives many vectors a sound")
    if len(set(names)) < len(names):
        raise UnknownExtractor(f"{name!r} joins an extractor to itself")
    return Joined(tuple(_made(part, yamnet_model) for part in names))


def _made(name: str, yamnet_model: Path | None) -> Extractor:
    kind = EXTRACTORS[name]
    return kind(yamnet_model) if issubclass(kind, Yamnet | YamnetScores) else kind()
