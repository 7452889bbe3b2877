"""What a small network trained on AudioSet makes of a sound: EfficientAT, a MobileNetV3 on log-mel spectrograms (Schmid, Koutini and
Widmer, "Efficient large-scale audio tagging via transformer-to-CNN knowledge distillation", ICASSP 2023).

The network comes as a PyTorch state dict (`soundmill pretrained fetch mn04`, or SOUNDMILL_MN04_MODEL), read without running any code it
might bring along. Any width of the network fits: `mn04` has about a million numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
import soxr

from soundmill.errors import ExtractorUnavailable
from soundmill.features.checksum import checksum_of_network
from soundmill.features.extractor import Vectors
from soundmill.features.spectrogram import Float32, LogMel, banded

if TYPE_CHECKING:
    from torch import Tensor

_RATE = 32_000
_FFT, _WINDOW, _HOP, _BANDS = 1024, 800, 320, 128
_TOP = 15_000.0  # Hz
_EMPHASIS = np.float32(0.97)
_FLOOR = 1e-5
_LONGEST = 10 * _RATE  # samples: a longer sound is heard in pieces of this length
_AT_ONCE = 4  # pieces: more of them leave the cache
_STRIDES = (1, 2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1)  # of the blocks
_PLAIN = 6  # blocks with ReLU; those after them have hard swish
_EPSILON = 1e-3  # of batch normalisation
SIZE = 512  # of the last layer before the classes


@dataclass(frozen=True)
class Mn04:
    """The 512 numbers before the network's classes; of a sound longer than ten seconds the mean over pieces of ten seconds."""

    name: ClassVar[str] = "mn04"
    network: ClassVar[str] = "mn04"  # whose file it wants
    version: ClassVar[int] = 1

    file: Path | None = None  # the network; needed for vectors and fingerprints, not for sizes

    @property
    def parameters(self) -> dict[str, Any]:
        """The network by its content. Raises `ExtractorUnavailable`."""
        return {"model": self._checksum()}

    @property
    def size(self) -> int:
        """Length of the embedding."""
        return SIZE

    @property
    def groups(self) -> tuple[tuple[str, int], ...]:
        """One group."""
        return ((self.name, self.size),)

    def __call__(self, samples: npt.NDArray[np.float32], sample_rate: int) -> Vectors:
        """See `Extractor`."""
        return self.batch([(samples, sample_rate)])[0]

    def batch(self, sounds: Sequence[tuple[npt.NDArray[np.float32], int]]) -> list[Vectors]:
        """The same for several sounds, which take less time together. Raises `ExtractorUnavailable`."""
        self._checksum()
        network = _network(str(self.file))
        pieces, owner = [], []
        for number, (samples, rate) in enumerate(sounds):
            resampled = soxr.resample(samples, rate, _RATE) if len(samples) else np.empty(0, np.float32)
            for start in range(0, len(resampled), _LONGEST):
                piece = resampled[start : start + _LONGEST]
                if start == 0 or len(piece) >= _RATE:  # less than a second at the end says nothing more
                    pieces.append(_log_mel(piece))
                    owner.append(number)
        embedded = network.embed(pieces)
        found = []
        for number in range(len(sounds)):
            mine = [one for one, of in zip(embedded, owner, strict=True) if of == number]
            found.append(np.stack(mine).mean(axis=0, keepdims=True, dtype=np.float32) if mine else np.empty((0, SIZE), np.float32))
        return found

    def _checksum(self) -> str:
        return checksum_of_network(self.file, "mn04", self.network)


def _log_mel(samples: Float32) -> Float32:
    """The network's own front end, shape (bands, frames)."""
    emphasised = samples[1:] - _EMPHASIS * samples[:-1] if len(samples) > 1 else np.zeros(1, np.float32)
    around = _FFT // 2
    padded = np.pad(emphasised, around, mode="reflect" if len(emphasised) > around else "constant")
    first = (_FFT - _WINDOW) // 2  # the window lies in the middle of the transform
    energies = _front_end()(padded[first:])[: 1 + len(emphasised) // _HOP]
    scaled: Float32 = np.ascontiguousarray(((energies + 4.5) / 5).T)
    return scaled


@lru_cache(maxsize=1)
def _front_end() -> LogMel:
    """Mel scale 1127 ln(1 + f / 700), triangles that are straight on it, without normalisation of their area."""
    mels = 1127 * np.log1p(np.arange(_FFT // 2 + 1) * _RATE / _FFT / 700)
    edges = np.linspace(0.0, 1127 * np.log1p(_TOP / 700), _BANDS + 2)
    rising = (mels - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - mels) / np.diff(edges)[1:, None]
    taper = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_WINDOW) / (_WINDOW - 1))).astype(np.float32)
    return LogMel(_RATE, _BANDS, _WINDOW, _HOP, _FFT, floor=_FLOOR, bank=banded(np.maximum(0, np.minimum(rising, falling))), taper=taper)


class _Network:
    """The network, with its normalisations folded into the convolutions before them."""

    def __init__(self, path: str) -> None:
        import torch

        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            self._first = _convolution(state, "features.0.0", "features.0.1")
            self._blocks = [_block(state, number) for number in range(1, len(_STRIDES) + 1)]
            self._last = _convolution(state, "features.16.0", "features.16.1")
            self._head = state["classifier.2.weight"], state["classifier.2.bias"]
            self._classes = state["classifier.5.weight"], state["classifier.5.bias"]
        except Exception as error:  # noqa: BLE001  # whatever PyTorch, zip and pickle stumble over in another file
            raise ExtractorUnavailable(f"{path} is no network of EfficientAT: {' '.join(str(error).split())[:200]}") from None

    def embed(self, pieces: Sequence[Float32]) -> list[Float32]:
        """The embedding, shape (size,), of each spectrogram, shape (bands, frames); those of one length together."""
        import torch

        found: list[Float32] = [np.empty(0, np.float32)] * len(pieces)
        by_length: dict[int, list[int]] = {}
        for place, piece in enumerate(pieces):
            by_length.setdefault(piece.shape[1], []).append(place)
        with torch.inference_mode():
            for places in by_length.values():
                for start in range(0, len(places), _AT_ONCE):
                    some = places[start : start + _AT_ONCE]
                    out = self._forward(torch.from_numpy(np.stack([pieces[place] for place in some]))[:, None]).numpy()
                    for place, row in zip(some, out, strict=True):
                        found[place] = row
        return found

    def scores(self, embedding: Float32) -> Float32:
        """The probability of each of AudioSet's 527 classes, shape (527,), by an embedding."""
        import torch

        with torch.inference_mode():
            found: Float32 = torch.sigmoid(torch.nn.functional.linear(torch.from_numpy(embedding), *self._classes)).numpy()
            return found

    def _forward(self, x: "Tensor") -> "Tensor":
        import torch.nn.functional as nn

        x = nn.hardswish(nn.conv2d(x, *self._first, stride=2, padding=1))
        for number, (block, stride) in enumerate(zip(self._blocks, _STRIDES, strict=True)):
            activation = nn.relu if number < _PLAIN else nn.hardswish
            given, x = x, _run(block, x, stride, activation)
            x = x + given if x.shape == given.shape else x
        x = nn.hardswish(nn.conv2d(x, *self._last)).mean((2, 3))
        return nn.hardswish(nn.linear(x, *self._head))


def _convolution(state: dict[str, Any], weights: str, normalisation: str) -> "tuple[Tensor, Tensor]":
    """Weights and biases of a convolution that do what it and the batch normalisation after it do."""
    weight, of = (
        state[f"{weights}.weight"],
        {name: state[f"{normalisation}.{name}"] for name in ("weight", "bias", "running_mean", "running_var")},
    )
    scale = of["weight"] / (of["running_var"] + _EPSILON).sqrt()
    return weight * scale[:, None, None, None], of["bias"] - of["running_mean"] * scale


def _block(state: dict[str, Any], number: int) -> "list[tuple[Tensor, ...]]":
    """The parts of an inverted residual block: convolutions (weights, biases), and squeeze-and-excitation (two layers of each)."""
    before = f"features.{number}.block."
    parts = sorted({int(name.removeprefix(before).split(".")[0]) for name in state if name.startswith(before)})
    found: list[tuple[Tensor, ...]] = []
    for part in parts:
        squeeze = f"{before}{part}.conc_se_layers.0."
        if f"{squeeze}fc1.weight" in state:
            found.append(tuple(state[f"{squeeze}{name}"] for name in ("fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias")))
        else:
            found.append(_convolution(state, f"{before}{part}.0", f"{before}{part}.1"))
    return found


def _run(block: "list[tuple[Tensor, ...]]", x: "Tensor", stride: int, activation: Any) -> "Tensor":
    import torch.nn.functional as nn
    from torch import sigmoid

    for place, part in enumerate(block):
        if len(part) == 4:
            squeezed = nn.relu(nn.linear(x.mean((2, 3)), part[0], part[1]))
            x = x * sigmoid(nn.linear(squeezed, part[2], part[3]))[:, :, None, None]
            continue
        weight, bias = part
        is_by_channel = weight.shape[2] > 1
        x = nn.conv2d(x, weight, bias, stride if is_by_channel else 1, weight.shape[2] // 2, groups=len(weight) if is_by_channel else 1)
        x = activation(x) if place < len(block) - 1 else x  # the last one is a projection
    return x


@cache
def _network(path: str) -> _Network:
    import torch

    torch.set_num_threads(1)  # runs share the cores
    return _Network(path)
