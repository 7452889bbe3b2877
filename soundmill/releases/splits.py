"""Which split each group of clips goes to, so that every tag is in each of them in about the share that was asked for."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_SECONDS = "\0seconds"  # counts beside the tags: no tag has this name


@dataclass(frozen=True)
class Member:
    """A clip as far as splitting needs it: what it is never parted from, its seconds, and how often each tag is in it."""

    group: str
    seconds: float
    labels: Mapping[str, int]


def split_of_groups(
    members: Sequence[Member], shares: Mapping[str, float], seed: int = 0, kept: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The split of each group. Groups in `kept` stay where they were.

    The others go, those with the rarest tag first, to the split that lacks most of what they hold (after Sechidis, Tsoumakas and Vlahavas,
    "On the stratification of multi-label data", ECML 2011, for whole groups). What ties, a hash of the seed and the group decides.
    """
    holds: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for one in members:
        holds[one.group][_SECONDS] += one.seconds
        for tag, count in one.labels.items():
            holds[one.group][tag] += count
    total: dict[str, float] = defaultdict(float)
    for what in holds.values():
        for tag, number in what.items():
            total[tag] += number
    missing = {split: {tag: share * number for tag, number in total.items()} for split, share in shares.items()}
    placed = {group: split for group, split in (kept or {}).items() if group in holds and split in shares}

    def place(group: str, split: str) -> None:
        for tag, number in holds[group].items():
            missing[split][tag] -= number

    def urgency(group: str) -> tuple[float, float, str]:
        rarest = min((total[tag] for tag in holds[group] if tag != _SECONDS), default=float("inf"))
        return rarest, -holds[group][_SECONDS], _hash(seed, group)

    for group, split in placed.items():
        place(group, split)
    for group in sorted(holds.keys() - placed.keys(), key=urgency):

        def lack(split: str, group: str = group) -> tuple[float, str]:
            # a tag counts as much as all of the seconds do
            lacking = sum(missing[split][tag] * number / total[tag] ** 2 for tag, number in holds[group].items() if total[tag])
            return lacking, _hash(seed, group + split)

        placed[group] = max(shares, key=lack)
        place(group, placed[group])
    return placed


def _hash(seed: int, text: str) -> str:
    return hashlib.sha256(f"{seed} {text}".encode()).hexdigest()
