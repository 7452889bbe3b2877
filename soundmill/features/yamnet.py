"""What a network trained on AudioSet makes of a sound: YAMNet's embedding, and its scores of 521 classes.

The network comes as a TFLite file (`soundmill pretrained fetch yamnet`, or SOUNDMILL_YAMNET_MODEL) and needs the extra `yamnet`
(`pip install soundmill[yamnet]`): the LiteRT runtime.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
import soxr

from soundmill.errors import ExtractorUnavailable
from soundmill.features.checksum import checksum_of_network
from soundmill.features.extractor import Vectors

_RATE = 16_000
_WINDOW = 15_600  # samples: 0.975 s
_HOP = _WINDOW // 2
_SILENCE = 1e-4
_EMBEDDING = "global_average_pooling2d/Mean"
EMBEDDING_SIZE, CLASSES = 1024, 521


def _checksum(path: Path | None) -> str:
    """Its sha256. Raises `ExtractorUnavailable`."""
    return checksum_of_network(path, "YAMNet", "yamnet")


@dataclass(frozen=True)
class Yamnet:
    """The mean over windows of 0.975 s, every half of it, of the 1,024 numbers that YAMNet's classifier sees."""

    name: ClassVar[str] = "yamnet"
    network: ClassVar[str] = "yamnet"  # whose file it wants
    version: ClassVar[int] = 1

    file: Path | None = None  # the network; needed for vectors and fingerprints, not for sizes

    @property
    def parameters(self) -> dict[str, Any]:
        """The network by its content. Raises `ExtractorUnavailable`."""
        return {"model": _checksum(self.file)}

    @property
    def size(self) -> int:
        """Length of the embedding."""
        return EMBEDDING_SIZE

    @property
    def groups(self) -> tuple[tuple[str, int], ...]:
        """One group."""
        return ((self.name, self.size),)

    def __call__(self, samples: npt.NDArray[np.float32], sample_rate: int) -> Vectors:
        """See `Extractor`."""
        return _pooled([window.embedding for window in _windows(self.file, samples, sample_rate)], self.size)


@dataclass(frozen=True)
class YamnetScores:
    """Log of the mean over the same windows of YAMNet's scores of 521 AudioSet classes."""

    name: ClassVar[str] = "yamnet_scores"
    network: ClassVar[str] = "yamnet"
    version: ClassVar[int] = 1

    file: Path | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """The network by its content. Raises `ExtractorUnavailable`."""
        return {"model": _checksum(self.file)}

    @property
    def size(self) -> int:
        """Number of classes."""
        return CLASSES

    @property
    def groups(self) -> tuple[tuple[str, int], ...]:
        """One group."""
        return ((self.name, self.size),)

    def __call__(self, samples: npt.NDArray[np.float32], sample_rate: int) -> Vectors:
        """See `Extractor`."""
        scores = _pooled([window.scores for window in _windows(self.file, samples, sample_rate)], self.size)
        logs: Vectors = np.log(scores + np.float32(1e-4))
        return logs


class _Window(NamedTuple):
    embedding: Vectors
    scores: Vectors


def _pooled(values: list[Vectors], size: int) -> Vectors:
    return np.stack(values).mean(axis=0, keepdims=True, dtype=np.float32) if values else np.empty((0, size), np.float32)


def _windows(file: Path | None, samples: npt.NDArray[np.float32], sample_rate: int) -> Iterator[_Window]:
    if not len(samples):
        return
    _checksum(file)
    network = _network(str(file))
    resampled = soxr.resample(samples, sample_rate, _RATE)
    given = False
    for start in range(0, max(1, len(resampled) - _HOP), _HOP):
        window = np.pad(resampled[start : start + _WINDOW], (0, max(0, _WINDOW - len(resampled) + start)))
        last = start + 2 * _HOP >= len(resampled)
        # digital silence says nothing, and counts only where there is nothing else
        if np.abs(window).max(initial=0) >= _SILENCE or (last and not given):
            given = True
            yield network(window)


class _Network:
    def __init__(self, path: str) -> None:
        try:
            from ai_edge_litert.interpreter import Interpreter, OpResolverType
        except ImportError:
            raise ExtractorUnavailable("YAMNet needs LiteRT: pip install 'soundmill[yamnet]'") from None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that intermediate tensors are for debugging; the embedding is one
            self._interpreter: Any = Interpreter(
                path,
                num_threads=1,
                experimental_op_resolver_type=OpResolverType.BUILTIN,
                experimental_preserve_all_tensors=True,
            )
        given = self._interpreter.get_input_details()[0]
        if int(np.prod(given["shape"])) != _WINDOW:  # a build that takes any length
            self._interpreter.resize_tensor_input(given["index"], [_WINDOW])
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]
        outputs = {int(tensor["shape"][-1]): tensor["index"] for tensor in self._interpreter.get_output_details()}
        inside = [tensor["index"] for tensor in self._interpreter.get_tensor_details() if tensor["name"].endswith(_EMBEDDING)]
        embedding = outputs.get(EMBEDDING_SIZE, inside[0] if inside else None)
        if embedding is None or CLASSES not in outputs:
            raise ExtractorUnavailable(f"{path} is no YAMNet that shows its embedding")
        self._output, self._embedding = outputs[CLASSES], embedding

    def __call__(self, window: npt.NDArray[np.float32]) -> _Window:
        self._interpreter.set_tensor(self._input["index"], np.ascontiguousarray(window, np.float32).reshape(self._input["shape"]))
        self._interpreter.invoke()
        read = self._interpreter.get_tensor
        return _Window(read(self._embedding).reshape(-1).copy(), read(self._output).reshape(-1).copy())


@cache
def _network(path: str) -> _Network:
    return _Network(path)
