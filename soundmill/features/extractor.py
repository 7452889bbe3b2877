"""What every feature extractor is: a name, a size, a fingerprint, and samples to vectors."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from soundmill.fingerprint import digest

Vectors = npt.NDArray[np.float32]
Sound = tuple[npt.NDArray[np.float32], int]  # mono samples in [-1, 1], and their rate in Hz


class Extractor(Protocol):
    """A frozen dataclass whose fields are its parameters.

    Name, version and parameters make the fingerprint by which stored vectors are known to be stale. Where a field is no parameter (a path),
    a property `parameters` says what counts.
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


def vectors_of(extractor: Extractor, sounds: Sequence[Sound]) -> list[Vectors]:
    """The vectors of several sounds, together where the extractor has a way that takes less time (`batch`)."""
    if hasattr(extractor, "batch"):
        found: list[Vectors] = extractor.batch(sounds)
        return found
    return [extractor(samples, rate) for samples, rate in sounds]


def fingerprint(extractor: Extractor) -> str:
    """Changes whenever the extractor's numbers may."""
    return digest([extractor.name, str(extractor.version), str(sorted(parameters(extractor).items()))])


def parameters(extractor: Extractor) -> dict[str, Any]:
    """The parameters that decide the numbers: its `parameters` where it has such a property, else its fields."""
    found: dict[str, Any] = extractor.parameters if hasattr(extractor, "parameters") else asdict(extractor)  # type: ignore[call-overload]
    return found
