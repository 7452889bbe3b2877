"""What every feature extractor is: a name, a size, a fingerprint, and samples to vectors."""

from dataclasses import asdict
from typing import ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from soundmill.fingerprint import digest

Vectors = npt.NDArray[np.float32]


class Extractor(Protocol):
    """A frozen dataclass whose fields are its parameters.

    `version` goes up whenever the same samples would give other numbers; with the parameters it makes the fingerprint by which
    stored vectors are known to be stale.
    """

    name: ClassVar[str]
    version: ClassVar[int]

    @property
    def size(self) -> int:
        """Numbers in one vector."""
        ...

    def __call__(self, samples: npt.NDArray[np.float32], sample_rate: int) -> Vectors:
        """Vectors of shape (n, size), n >= 0, float32, from mono samples in [-1, 1] of shape (length,)."""
        ...


def fingerprint(extractor: Extractor) -> str:
    """Changes whenever the extractor's numbers may."""
    return digest([extractor.name, str(extractor.version), str(sorted(asdict(extractor).items()))])  # type: ignore[call-overload]
