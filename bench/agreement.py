"""Our measures of agreement beside those of libraries that are not dependencies (GPL-3, or heavy): how far they differ."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from soundmill.labelling.agreement import krippendorff_alpha
from soundmill.labelling.raters import dawid_skene

_ORACLES = ("krippendorff", "crowd-kit", "nltk", "regex", "click", "transformers", "tokenizers", "huggingface_hub", "safetensors")
_DRAWS = 50
_FINDS, _INVENTS = np.array([0.95, 0.85, 0.7, 0.6, 0.9]), np.array([0.02, 0.05, 0.1, 0.2, 0.05])


def main() -> None:
    """Prints how far ours and theirs differ."""
    with _installed():
        for line in lines():
            print(line, flush=True)


def lines() -> Iterator[str]:
    """Two lines: alpha against krippendorff, the truth of votes against crowd-kit."""
    import krippendorff
    from crowdkit.aggregation import DawidSkene

    rng = np.random.default_rng(0)
    apart = []
    for _ in range(_DRAWS):
        values = rng.integers(0, 4, (rng.integers(5, 60), rng.integers(2, 6))).astype(float)
        values[rng.random(values.shape) < 0.3] = np.nan
        theirs = krippendorff.alpha(reliability_data=values.T, level_of_measurement="nominal")
        apart.append(abs(krippendorff_alpha(values) - theirs))
    yield f"alpha: at most {max(apart):.1e} from krippendorff's, in {_DRAWS} random tables with missing values"
    labels, probabilities, errors, truths = [], [], [], []
    for _ in range(_DRAWS // 5):
        truth, votes = _votes(rng)
        ours = dawid_skene(votes)
        model = DawidSkene(n_iter=200).fit(_as_frame(votes))
        theirs_yes = model.probas_[1].loc[range(len(votes))].to_numpy()
        labels.append(((ours.posterior[:, 0] > 0.5) == (theirs_yes > 0.5)).mean())
        probabilities.append(np.abs(ours.posterior[:, 0] - theirs_yes).max())
        confusion = np.array([[model.errors_.loc[(who, 1), true] for true in (0, 1)] for who in range(votes.shape[1])])
        errors.append(np.abs(np.concatenate([ours.invents, ours.finds], axis=1) - confusion).max())
        truths.append([((one > 0.5) == truth).mean() for one in (ours.posterior[:, 0], theirs_yes)])
    right = np.mean(truths, axis=0)
    yield (
        f"Dawid and Skene, 400 items, 5 people, one vote in ten missing: the same answer as crowd-kit in {np.mean(labels):.2%}; "
        f"probabilities at most {max(probabilities):.3f} apart, people's errors {max(errors):.3f}; "
        f"right in {right[0]:.2%}, crowd-kit in {right[1]:.2%}"
    )


def _votes(rng: np.random.Generator) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    truth = rng.random(400) < 0.4
    chance = np.where(truth[:, None], _FINDS, _INVENTS)
    votes = (rng.random(chance.shape) < chance).astype(np.int64)
    votes[rng.random(votes.shape) < 0.1] = -1
    return truth, votes


def _as_frame(votes: NDArray[np.int64]) -> pd.DataFrame:
    rows = [(item, who, votes[item, who]) for item in range(len(votes)) for who in range(votes.shape[1]) if votes[item, who] >= 0]
    return pd.DataFrame(rows, columns=["task", "worker", "label"])


@contextmanager
def _installed() -> Iterator[None]:
    """The libraries in a folder of their own, for as long as this takes."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder, *_ORACLES]
        subprocess.run(command, check=True)
        sys.path.append(folder)
        try:
            yield
        finally:
            sys.path.remove(folder)


if __name__ == "__main__":
    main()
