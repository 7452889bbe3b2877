"""The extractors there are. A new one is a file beside this one and a line here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from soundmill.errors import UnknownExtractor
from soundmill.features.acoustic_fingerprint import AcousticFingerprint
from soundmill.features.efficientat import Mn04
from soundmill.features.extractor import Extractor, Sound, Vectors, parameters, vectors_of
from soundmill.features.loudest_frames import LoudestFrames
from soundmill.features.pooled_spectral import PooledSpectral
from soundmill.features.yamnet import Yamnet, YamnetScores

EXTRACTORS: dict[str, type[Extractor]] = {
    "pooled_spectral": PooledSpectral,
    "mn04": Mn04,
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
        return self.batch([(samples, sample_rate)])[0]

    def batch(self, sounds: Sequence[Sound]) -> list[Vectors]:
        """The same for several sounds."""
        parts = [vectors_of(part, sounds) for part in self.parts]
        return [np.concatenate(of_sound, axis=1) for of_sound in zip(*parts, strict=True)]


def extractor(name: str, networks: Mapping[str, Path] | None = None) -> Extractor:
    """The extractor of that name, or several joined by + (`pooled_spectral+yamnet`), with default parameters.

    `networks` are files of networks by name (`yamnet`, `mn04`), which some extractors need for vectors. Raises `UnknownExtractor`.
    """
    names = name.split(JOIN)
    if unknown := [part for part in names if part not in EXTRACTORS]:
        raise UnknownExtractor(
            f"no feature extractor is called {unknown[0]!r}; there are: {', '.join(EXTRACTORS)}, and several joined by +"
        )
    if len(names) == 1:
        return _made(name, networks or {})
    if several := _SEVERAL & set(names):
        raise UnknownExtractor(f"{name!r} cannot be joined: {', '.join(several)} gives many vectors a sound")
    if len(set(names)) < len(names):
        raise UnknownExtractor(f"{name!r} joins an extractor to itself")
    return Joined(tuple(_made(part, networks or {}) for part in names))


def _made(name: str, networks: Mapping[str, Path]) -> Extractor:
    kind: Any = EXTRACTORS[name]
    made: Extractor = kind(networks.get(kind.network)) if hasattr(kind, "network") else kind()
    return made
