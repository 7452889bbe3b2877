"""How much each sound is like each class: a projection learnt from known sounds, a model of every class in it, and what separates known
sounds from all others.

The default measures, where the classes' shared covariance is a sphere, how near a sound is to a class compared with all classes
together (the relative Mahalanobis distance of Ren et al., "A simple fix to Mahalanobis distance", 2021), and in which direction it lies.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator

Floats = npt.NDArray[np.float64]
PROJECTORS = ("pca_lda", "logistic", "none")
CLASS_MODELS = ("gaussian_angle", "gaussian", "mixture", "logistic", "knn")
_CLIP = 8.0  # standard deviations
_ANGLE_SPREAD = 0.2  # of the cosine between a sound and its own class
_DISTANCE_SPREAD = 0.4  # of the relative distance, per dimension
_BLOCK_POWER = -0.5  # every block then has the same variance
_NEIGHBOURS = 5


class ClassScores(BaseEstimator):  # type: ignore[misc]
    """Scores of known classes, and of known sound against everything else.

    projector        `pca_lda` (principal components, whitened within the classes), `logistic` (decision values), `none`
    class_model      `gaussian_angle`, `gaussian` (shared covariance), `mixture` (spherical Gaussians), `logistic`, `knn`
    dimensions       principal components that are kept; fewer where there are fewer sounds
    components       Gaussians in each mixture
    regularisation   C of every logistic regression
    blocks           sizes of the groups of columns that belong together, so that a large one does not drown a small one

    After `fit`: `classes_`, and arrays that make every score of the default a product of matrices.
    """

    def __init__(
        self,
        projector: str = "pca_lda",
        class_model: str = "gaussian_angle",
        dimensions: int = 100,
        components: int = 4,
        regularisation: float = 0.01,
        blocks: Sequence[int] | None = None,
        seed: int = 0,
    ) -> None:
        self.projector = projector
        self.class_model = class_model
        self.dimensions = dimensions
        self.components = components
        self.regularisation = regularisation
        self.blocks = blocks
        self.seed = seed

    def fit(self, X: Floats, y: npt.NDArray[Any], background: Floats | None = None) -> "ClassScores":
        """Learns from vectors X, shape (n, d), and their classes y, shape (n,); with background, shape (b, d), also its ratio."""
        if self.projector not in PROJECTORS:
            raise ValueError(f"projector {self.projector!r} is none of {', '.join(PROJECTORS)}")
        if self.class_model not in CLASS_MODELS:
            raise ValueError(f"class_model {self.class_model!r} is none of {', '.join(CLASS_MODELS)}")
        self.classes_, place = np.unique(y, return_inverse=True)
        self.mean_ = X.mean(axis=0)
        deviation = X.std(axis=0)
        self.scale_ = _block_weights(self.blocks, X.shape[1]) / np.where(deviation > 1e-9 * (1 + np.abs(self.mean_)), deviation, 1.0)
        self.reach_ = _CLIP * _block_weights(self.blocks, X.shape[1])
        scaled = self._scaled(X)
        self._fit_space(scaled, place)
        projected = scaled @ self.space_
        self._fit_classes(projected, place)
        self.ratio_ = None if background is None or not len(background) else self._fit_ratio(scaled, place, self._scaled(background))
        return self

    def score_all(self, X: Floats) -> dict[str, Floats]:
        """Every score there is, by name, each of shape (n, classes) and higher for what is more like the class: `class` (for naming),
        `relative_mahalanobis`, `energy`, `max_softmax`, and with background `background_ratio`."""
        scaled = self._scaled(X)
        of_class, of_all = self._class_scores(scaled)
        total = np.logaddexp.reduce(of_class, axis=1, keepdims=True)
        found = {
            "class": of_class,
            "relative_mahalanobis": of_class - of_all[:, None],
            "energy": np.broadcast_to(total, of_class.shape),
            "max_softmax": of_class - total,
        }
        if self.ratio_ is not None:
            weights, offsets = self.ratio_
            posterior = scaled @ weights + offsets
            found["background_ratio"] = posterior[:, :-1] - posterior[:, -1:]
        return found

    def _scaled(self, X: Floats) -> Floats:
        scaled: Floats = np.clip((X - self.mean_) * self.scale_, -self.reach_, self.reach_)
        return scaled

    def _fit_space(self, scaled: Floats, place: npt.NDArray[np.intp]) -> None:
        """`space_`, shape (d, r), and `around_`, shape (d, q): products with them are the space of the class models, and one in which
        all known sounds together are a sphere."""
        axes = _principal_axes(scaled, self.dimensions)
        inside = scaled @ axes
        self.around_ = axes @ _whitening(inside)
        if self.projector == "logistic" and len(self.classes_) > 1:
            weights, _ = _logistic(scaled, place, self.regularisation, self.seed)
            self.space_ = weights
        elif self.projector == "none":
            self.space_ = np.eye(scaled.shape[1])
        else:
            self.space_ = axes @ _whitening(inside - _means(inside, place)[place])

    def _fit_classes(self, projected: Floats, place: npt.NDArray[np.intp]) -> None:
        self.means_ = _means(projected, place)
        self.centre_ = self.means_.mean(axis=0)
        spread = (1e-6 + ((projected - self.means_[place]) ** 2).mean()) ** 0.5
        self.spread_ = 1.0 if self.projector == "pca_lda" else float(spread)
        self.models_: Any = None
        if self.class_model == "mixture":
            self.models_ = [self._mixture(projected[place == k]) for k in range(len(self.classes_))]
        elif self.class_model == "logistic" and len(self.classes_) > 1:
            self.models_ = list(_logistic(projected, place, self.regularisation, self.seed))
        elif self.class_model == "knn":
            directions = projected - self.centre_
            directions = directions / np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), 1e-12)
            self.models_ = [directions[place == k] for k in range(len(self.classes_))]

    def _class_scores(self, scaled: Floats) -> tuple[Floats, Floats]:
        """Scores of classes, shape (n, classes), and of all classes together on the same scale, shape (n,)."""
        projected = scaled @ self.space_
        around = -0.5 * ((scaled @ self.around_) ** 2).sum(axis=1)
        if self.class_model == "mixture":
            return np.stack([model.score_samples(projected) for model in self.models_], axis=1), around
        if self.class_model == "logistic" and self.models_ is not None:
            weights, offsets = self.models_
            return projected @ weights + offsets, np.zeros(len(projected))
        away = projected - self.centre_
        length = np.maximum(np.linalg.norm(away, axis=1), 1e-12)
        if self.class_model == "knn":
            directions = away / length[:, None]
            alike = [np.sort(directions @ of_class.T, axis=1)[:, -_NEIGHBOURS:].mean(axis=1) for of_class in self.models_]
            return np.stack(alike, axis=1) / _ANGLE_SPREAD, np.zeros(len(projected))
        squares = (projected**2).sum(axis=1, keepdims=True) - 2 * projected @ self.means_.T + (self.means_**2).sum(axis=1)
        distances = squares / self.spread_**2
        if self.class_model == "gaussian" or len(self.classes_) == 1:
            return -0.5 * distances, around
        outward = self.means_ - self.centre_
        cosines = (away @ outward.T) / length[:, None] / np.maximum(np.linalg.norm(outward, axis=1), 1e-12)
        scale = _DISTANCE_SPREAD * self.space_.shape[1]
        return cosines / _ANGLE_SPREAD - distances / scale, 2 * around / scale

    def _fit_ratio(self, scaled: Floats, place: npt.NDArray[np.intp], background: Floats) -> tuple[Floats, Floats]:
        """Weights (d, classes + 1) and offsets of a logistic regression with background as one more class."""
        both = np.concatenate([scaled, background])
        axes = _principal_axes(both, 2 * self.dimensions)
        weights, offsets = _logistic(
            both @ axes, np.concatenate([place, np.full(len(background), len(self.classes_))]), self.regularisation, self.seed
        )
        return axes @ weights, offsets

    def _mixture(self, projected: Floats) -> Any:
        from sklearn.mixture import GaussianMixture

        count = min(self.components, len(np.unique(projected, axis=0)))
        return GaussianMixture(count, covariance_type="spherical", reg_covar=1e-3, random_state=self.seed).fit(projected)


def _block_weights(blocks: Sequence[int] | None, columns: int) -> Floats:
    """A weight for each column: columns of a large group count for less, so that the group as a whole counts for little more."""
    if not blocks:
        return np.ones(columns)
    if sum(blocks) != columns:
        raise ValueError(f"blocks of {sum(blocks)} columns do not fit vectors of {columns}")
    weights = np.concatenate([np.full(size, float(size) ** _BLOCK_POWER) for size in blocks])
    even: Floats = weights / np.sqrt((weights**2).mean())
    return even


def _means(values: Floats, place: npt.NDArray[np.intp]) -> Floats:
    return np.stack([values[place == k].mean(axis=0) for k in range(int(place.max()) + 1)])


def _principal_axes(values: Floats, most: int) -> Floats:
    """The directions of largest variance as columns, at most `most`, by the smaller of the two Gram matrices."""
    from scipy.linalg import eigh

    centred = values - values.mean(axis=0)
    rows, columns = centred.shape
    gram = centred @ centred.T if rows <= columns else centred.T @ centred
    keep = max(1, min(most, rows - 1, columns))
    strength, vectors = eigh(gram, subset_by_index=(len(gram) - keep, len(gram) - 1))
    real = strength > 1e-10 * max(float(strength[-1]), 1e-300)
    real[-1] = True
    strength, vectors = strength[real][::-1], vectors[:, real][:, ::-1]
    axes: Floats = centred.T @ vectors / np.sqrt(np.maximum(strength, 1e-300)) if rows <= columns else vectors
    return axes


def _whitening(values: Floats) -> Floats:
    """The matrix that makes a sphere of values about nothing, shape (r, r), from their covariance as Ledoit and Wolf shrink it."""
    from sklearn.covariance import ledoit_wolf

    covariance, _ = ledoit_wolf(values, assume_centered=True)
    strength, vectors = np.linalg.eigh(np.atleast_2d(covariance))
    whitening: Floats = vectors / np.sqrt(np.maximum(strength, max(1e-9 * float(strength[-1]), 1e-12)))  # one sound a class has no spread
    return whitening


def _logistic(values: Floats, place: npt.NDArray[np.intp], regularisation: float, seed: int) -> tuple[Floats, Floats]:
    """Weights (r, classes) and offsets (classes,) of a multinomial logistic regression."""
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=regularisation, max_iter=500, random_state=seed).fit(values, place)
    weights, offsets = fitted.coef_.T, fitted.intercept_
    if weights.shape[1] == 1:  # two classes have one row, for the second
        weights, offsets = np.concatenate([-weights, weights], axis=1) / 2, np.concatenate([-offsets, offsets]) / 2
    return weights, offsets
