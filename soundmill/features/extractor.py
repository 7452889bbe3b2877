"""What every feature extractor is: a name, a size, a fingerprint, and samples to vectors."""

from dataclasses import asdict
from typing import Protocol

import numpy as np
import numpy.typing as npt

from soundmill.fingerprint import digest

Vectors = npt.NDArray[np.float32]


class ExtractorUnavailable(RuntimeError):
    """An extractor whose model or runtime is not on this machine; says how to get it."""


class Extractor(Protocol):
    """A frozen dataclass whose fields are its parameters.

    Name, version and parameters make the fingerprint by which stored vectors are known to be stale.
    """

    @property
    def name(self) -> str:
        """What it is called in specifications, settings and table names."""
        ...

    @property
    def version(self) -> int:
        """Goes up whenever the same samples would give other numbers."""
        ...

    @property
    def size(self) -> int:
        """Numbers in one vector."""
        ...

    @property
    def groups(self) -> tuple[tuple[str, int], ...]:
        """Groups of numbers that belong together, in order: name and size; the sizes add up to `size`."""
        ...

    def __call__(self, samples: npt.NDArray[np.float32], sample_rate: int) -> Vectors:
        """Vectors of shape (n, size), n >= 0, float32, from mono samples in [-1, 1] of shape (length,)."""
        ...


def fingerprint(extractor: Extractor) -> str:
    """Changes whenever the extractor's numbers may."""
    return digest([extractor.name, str(extractor.version), str(sorted(asdict(extractor).items()))])  # type: ignore[call-overload]
