"""The labelling loop on ESC-10: how soon labels help, against labels drawn at random; and whether the audit's interval holds the truth."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.preprocessing import StandardScaler

from bench.recognition.collection import Clips, esc10
from soundmill.features.registry import extractor
from soundmill.labelling.audit import STRATA, Stratum, audited, draw, strata_of
from soundmill.labelling.choosing import Pick, at_random, least_sure, projected, typical

Floats = NDArray[np.float64]
_SEEDS = 20
_BATCH, _BUDGET, _COLD = 10, 100, 40
_TOLD = (20, 40, 60, 100)
_RARE_CLASSES, _RARE_CLIPS = 6, 6
_DAYS, _SEGMENTS = 400, 28_800
_LEAST_COVERAGE = 0.93
Choose = Callable[[Floats, list[int], NDArray[np.str_], int], list[Pick]]


def main() -> None:
    """Prints both tables."""
    for line in lines():
        print(line, flush=True)


def lines() -> Iterator[str]:
    """Both tables, line by line."""
    clips = esc10()
    tool = extractor("pooled_spectral")
    vectors = np.array([tool(sound, clips.sample_rate).mean(axis=0) for sound in clips.samples], float)
    for name in ("balanced", "rare"):
        yield from _loop(name, clips, vectors)
    yield from _audit()


def _loop(name: str, clips: Clips, vectors: Floats) -> Iterator[str]:
    curves: dict[str, list[list[float]]] = {"random": [], "soundmill": []}
    for seed in range(_SEEDS):
        pool, test = np.flatnonzero(clips.folds != 1 + seed % 5), np.flatnonzero(clips.folds == 1 + seed % 5)
        if name == "rare":
            pool = _thinned(pool, clips.classes, np.random.default_rng(seed))
        for who, choose in (("random", _random), ("soundmill", _ours)):
            curves[who].append(_curve(vectors[pool], clips.classes[pool], vectors[test], clips.classes[test], choose, seed))
    told = {who: np.mean(many, axis=0) for who, many in curves.items()}
    for who, curve in told.items():
        shown = " ".join(f"{curve[budget // _BATCH - 1]:.3f} @{budget}" for budget in _TOLD)
        yield f"{name:9} {who:10} balanced accuracy {shown}"
    over = np.mean(np.array(curves["soundmill"]) - np.array(curves["random"]), axis=1)
    low, high = stats.t.interval(0.95, _SEEDS - 1, loc=over.mean(), scale=stats.sem(over))
    worst = float((told["soundmill"] - told["random"]).min())
    is_ok = low > 0 and worst > -0.02
    yield (
        f"{name:9} area over random {over.mean():+.3f} [{low:+.3f}, {high:+.3f}], better in {int((over > 0).sum())} of {_SEEDS} seeds, "
        f"at no budget worse than {worst:+.3f}  target above 0 with 95 %, never under -0.02  {'ok' if is_ok else 'SHORT'}"
    )


def _thinned(pool: NDArray[np.int64], classes: NDArray[np.str_], rng: np.random.Generator) -> NDArray[np.int64]:
    """The pool with a few clips alone of most classes."""
    rare = rng.choice(np.unique(classes[pool]), _RARE_CLASSES, replace=False)
    kept = [pool[~np.isin(classes[pool], rare)]]
    kept += [rng.choice(pool[classes[pool] == one], _RARE_CLIPS, replace=False) for one in rare]
    return np.sort(np.concatenate(kept))


def _curve(pool: Floats, tags: NDArray[np.str_], test: Floats, truth: NDArray[np.str_], choose: Choose, seed: int) -> list[float]:
    """Balanced accuracy on the test clips after each batch of labels."""
    scale = StandardScaler().fit(pool)
    space = projected(np.concatenate([scale.transform(pool), scale.transform(test)]))
    inside, outside = space[: len(pool)], space[len(pool) :]
    labelled: list[int] = []
    curve = []
    while len(labelled) < _BUDGET:
        labelled += [pick.index for pick in choose(inside, labelled, tags, seed)]
        curve.append(float(balanced_accuracy_score(truth, _fitted(inside, labelled, tags).predict(outside))))
    return curve


def _fitted(space: Floats, labelled: Sequence[int], tags: NDArray[np.str_]) -> LogisticRegression:
    return LogisticRegression(max_iter=1000).fit(space[list(labelled)], tags[list(labelled)])


def _random(space: Floats, labelled: list[int], tags: NDArray[np.str_], seed: int) -> list[Pick]:
    return at_random(len(space), labelled, _BATCH, seed * 1000 + len(labelled))


def _ours(space: Floats, labelled: list[int], tags: NDArray[np.str_], seed: int) -> list[Pick]:
    if len(labelled) < _COLD:
        return typical(space, labelled, _BATCH, seed)
    scores = np.sort(_fitted(space, labelled, tags).predict_proba(space), axis=1)
    return least_sure(scores[:, -1] - scores[:, -2], labelled, _BATCH, burst=range(len(space)), vectors=space)


def _audit() -> Iterator[str]:
    for area, separation in ((0.964, 2.545), (0.80, 1.19)):
        for prevalence in (0.003, 0.01, 0.05):
            held, errors, widths = [], [], []
            for seed in range(_DAYS):
                low, told, high, truth = _audited_day(prevalence, separation, seed)
                held.append(low <= truth <= high)
                errors.append(told - truth)
                widths.append(high - low)
            coverage = float(np.mean(held))
            yield (
                f"audit     detector of AUROC {area:.3f}, prevalence {prevalence:5.1%}, 200 labels: coverage {coverage:.3f}, bias "
                f"{np.mean(errors):+.2f}, RMSE {np.sqrt(np.mean(np.square(errors))):.2f}, width {np.mean(widths):.2f}  "
                f"target {_LEAST_COVERAGE}  {'ok' if coverage >= _LEAST_COVERAGE else 'SHORT'}"
            )


def _audited_day(prevalence: float, separation: float, seed: int) -> tuple[float, float, float, float]:
    """(low, estimate, high, truth) of the recall of a detector that finds three of four, from 200 labels of what it did not detect."""
    rng = np.random.default_rng(seed)
    has = rng.random(_SEGMENTS) < prevalence
    scores = rng.normal(size=_SEGMENTS) + separation * has
    threshold = np.quantile(scores[has], 0.25)
    hit, quiet = np.flatnonzero(scores >= threshold), np.flatnonzero(scores < threshold)
    strata = strata_of(scores[quiet])
    picked, _ = draw(strata, 200, seed)
    mine = [picked[strata[picked] == number] for number in range(STRATA)]
    found = [Stratum(int((strata == n).sum()), len(one), int(has[quiet[one]].sum())) for n, one in enumerate(mine)]
    looked = rng.choice(hit, min(50, len(hit)), replace=False)
    told = audited(found, len(hit), (int(has[looked].sum()), int((~has[looked]).sum())), seed=seed).recall
    return told.low, told.value, told.high, float((scores[has] >= threshold).mean())


if __name__ == "__main__":
    main()
