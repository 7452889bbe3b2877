"""Sounds as the recogniser sees them: each a bag of vectors, with the hour it was recorded and how loud it was."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Sounds:
    """n sounds with m vectors between them.

    keys     (n,) names
    vectors  (m, d) float32
    owner    (m,) which sound each vector belongs to
    hours    (n,) local hour of the day in [0, 24)
    dbfs     (n,) peak level; +inf where it is not to count
    tags     (n,) true tags, where they are known
    groups   (n,) what each belongs to that may not be torn apart (a recording, a day), where that is known
    """

    keys: tuple[str, ...]
    vectors: npt.NDArray[np.float32]
    owner: npt.NDArray[np.int64]
    hours: Floats
    dbfs: Floats
    tags: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.keys)

    @classmethod
    def build(
        cls,
        keys: Sequence[str],
        started_at: Sequence[datetime],
        zone: ZoneInfo,
        vector_keys: Sequence[str],
        vectors: npt.NDArray[np.float32],
        *,
        max_amp: Sequence[int] | None = None,
        tags: Sequence[str] = (),
        groups: Sequence[str] = (),
    ) -> "Sounds":
        """Sounds from their keys and starts, and vectors (m, d) with the key of each; vectors of other keys are left out."""
        index = {key: i for i, key in enumerate(keys)}
        owner = np.array([index.get(key, -1) for key in vector_keys], np.int64)
        mine = owner >= 0
        with np.errstate(divide="ignore"):
            dbfs = np.full(len(keys), np.inf) if max_amp is None else 20 * np.log10(np.asarray(max_amp, float) / 32_767)
        return cls(
            tuple(keys),
            vectors if mine.all() else vectors[mine],
            owner[mine],
            _hours(started_at, zone),
            np.asarray(dbfs, float),
            tuple(tags),
            tuple(groups),
        )

    @classmethod
    def of_vectors(cls, vectors: Sequence[npt.NDArray[np.float32]], tags: Sequence[str] = ()) -> "Sounds":
        """Sounds named "0", "1" and so on from an array (frames, d) each; no hour and no level is known of them."""
        count = len(vectors)
        every = np.concatenate(vectors) if count else np.empty((0, 0), np.float32)
        owner = np.repeat(np.arange(count), [len(rows) for rows in vectors])
        return cls(tuple(map(str, range(count))), every, owner, np.zeros(count), np.full(count, np.inf), tuple(tags))

    def pooled(self) -> Floats:
        """(n, d) the mean of each sound's vectors; zeros where it has none."""
        if len(self.vectors) == len(self) and np.array_equal(self.owner, np.arange(len(self))):
            return self.vectors.astype(np.float64)
        sums = np.zeros((len(self), self.vectors.shape[1]))
        np.add.at(sums, self.owner, self.vectors)
        means: Floats = sums / np.maximum(1, np.bincount(self.owner, minlength=len(self)))[:, None]
        return means

    def has_vectors(self) -> npt.NDArray[np.bool_]:
        """(n,) whether a sound has any vector."""
        present = np.zeros(len(self), bool)
        present[self.owner] = True
        return present

    def with_vectors(self) -> "Sounds":
        """Those that have a vector."""
        return self.take(np.flatnonzero(self.has_vectors()))

    def take(self, chosen: npt.NDArray[np.int64]) -> "Sounds":
        """The sounds at these places, in this order."""
        place = np.full(len(self), -1, np.int64)
        place[chosen] = np.arange(len(chosen))
        mine = place[self.owner] >= 0
        return Sounds(
            tuple(self.keys[i] for i in chosen),
            self.vectors[mine],
            place[self.owner[mine]],
            self.hours[chosen],
            self.dbfs[chosen],
            tuple(self.tags[i] for i in chosen) if self.tags else (),
            tuple(self.groups[i] for i in chosen) if self.groups else (),
        )

    @classmethod
    def joined(cls, parts: Sequence["Sounds"]) -> "Sounds":
        """Sounds of several sets, one after another; at least one set."""
        starts = np.cumsum([0, *(len(part) for part in parts)])[:-1]
        return cls(
            tuple(key for part in parts for key in part.keys),
            np.concatenate([part.vectors for part in parts]),
            np.concatenate([part.owner + start for part, start in zip(parts, starts, strict=True)]),
            np.concatenate([part.hours for part in parts]),
            np.concatenate([part.dbfs for part in parts]),
            tuple(tag for part in parts for tag in part.tags),
            tuple(group for part in parts for group in part.groups),
        )


class Verdicts(NamedTuple):
    """What a recogniser says of n sounds: a name for each; margins to the thresholds, shape (n, tags), above 0 within; the tag that is
    nearest, thresholds and "other" aside; and how probable each tag and, last, "other" is, shape (n, tags + 1), None where unknown."""

    names: list[Any]
    margins: Floats
    nearest: list[Any]
    probabilities: Floats | None = None


def _hours(moments: Sequence[datetime], zone: ZoneInfo) -> Floats:
    local = (moment.astimezone(zone) for moment in moments)
    return np.array([moment.hour + moment.minute / 60 + moment.second / 3600 for moment in local], float)
