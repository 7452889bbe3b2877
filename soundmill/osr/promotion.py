"""Whether a challenger takes the champion's place: both evaluated on the same test sounds, by what either was trained on."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from soundmill.osr import metrics
from soundmill.osr.evaluation import HeldOut, Predictions
from soundmill.osr.spec import OTHER

if TYPE_CHECKING:
    from soundmill.osr.recogniser import Recogniser

FEWEST_GROUPS = 6  # of sounds of known tags: with fewer, every draw of them may point one way by chance
_WEAKEST_SUPPORT = 5  # test sounds below which a tag's F1 says too little to hold a model back


@dataclass(frozen=True)
class Comparison:
    """ACCw of both on the same test sounds, where every tag that either was trained on counts as known; the interval of the difference,
    by a bootstrap that draws the same groups for both; and F1 by tag. `promote` and `because` say what follows."""

    champion: float
    challenger: float
    gain: tuple[float, float]
    f1: dict[str, tuple[float, float]]
    promote: bool
    because: str

    def as_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def compare(champion: "tuple[Recogniser, HeldOut]", challenger: "tuple[Recogniser, HeldOut]", margin: float = 0.05) -> Comparison | None:
    """The comparison of two models on test sounds with the same keys, each as vectors of its own; None where it cannot be made.

    The challenger is promoted when the whole interval of the gain lies above 0 and no tag's F1 falls by more than `margin`.
    """
    old, new = (Predictions.of(model, data) for model, data in (champion, challenger))
    if not np.array_equal(old.keys, new.keys) or not len(old.truth):
        return None
    tags = sorted(set(champion[0].tags_) | set(challenger[0].tags_))
    known = np.isin(old.truth, tags)
    if not known.any() or known.all():
        return None

    def accw(predictions: Predictions, chosen: npt.NDArray[np.int64]) -> float | None:
        right, mine = predictions.names[chosen] == predictions.truth[chosen], known[chosen]
        return metrics.weighted_accuracy(right[mine], predictions.names[chosen][~mine] == OTHER)

    def gain(chosen: npt.NDArray[np.int64]) -> dict[str, float | None]:
        a, b = accw(old, chosen), accw(new, chosen)
        return {"gain": None if a is None or b is None else b - a}

    every = np.arange(len(known))
    before, after = accw(old, every), accw(new, every)
    interval = metrics.bootstrap_intervals(old.groups, gain).get("gain")
    if before is None or after is None or interval is None or len(np.unique(old.groups[known])) < FEWEST_GROUPS:
        return None
    f1 = {tag: (_f1(old, tag), _f1(new, tag)) for tag in tags if np.count_nonzero(old.truth == tag) >= _WEAKEST_SUPPORT}
    worse = {tag: pair for tag, pair in f1.items() if pair[1] < pair[0] - margin}
    better = f"ACCw {after:.3f} against {before:.3f}, the gain between {interval[0]:+.3f} and {interval[1]:+.3f}"
    if worse:
        named = ", ".join(f"{tag} ({a:.2f} to {b:.2f})" for tag, (a, b) in worse.items())
        return Comparison(before, after, interval, f1, False, f"F1 falls by more than {margin:g} for {named}; {better}")
    if interval[0] <= 0:
        return Comparison(before, after, interval, f1, False, f"not better beyond chance: {better}")
    return Comparison(before, after, interval, f1, True, better)


def _f1(predictions: Predictions, tag: str) -> float:
    hits = int(np.count_nonzero((predictions.names == tag) & (predictions.truth == tag)))
    total = int(np.count_nonzero(predictions.names == tag)) + int(np.count_nonzero(predictions.truth == tag))
    return metrics.ratio(2 * hits, total) or 0.0


def may_compete(champion: Mapping[str, Any], challenger: Mapping[str, Any]) -> str | None:
    """Why two models, by their cards, cannot be compared fairly; None where they can: the champion must not have met the test days."""
    met = set(champion["data"]["train_days"]) | set(champion["data"]["background_days"])
    if shared := sorted(met & set(challenger["data"]["test_days"])):
        return f"the champion {champion['name']} {champion['version']} was trained on {', '.join(shared)}: only days new to both can decide"
    if lost := sorted(set(champion["tags"]) - set(challenger["tags"])):
        return f"it was not trained on {', '.join(lost)}, which the champion names"
    return None
