"""The evaluation as people read it: pictures, and one HTML page that stands alone."""

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, select_autoescape

from soundmill.osr.evaluation import Evaluation
from soundmill.osr.gaussian_votes import GaussianVotes
from soundmill.osr.spec import OTHER
from soundmill.osr.time_of_day import GRID
from soundmill.plots import ACCENT, INK, WARM, figure, png


def confusion_picture(result: Evaluation) -> bytes:
    """The confusion matrix as PNG: counts, shaded by share of their column."""
    counts = np.array(result.confusion)
    shares = counts / np.maximum(1, counts.sum(axis=0, keepdims=True))
    fig, axis = figure(1.6 + 0.62 * len(result.columns), 1.3 + 0.42 * len(result.rows))
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axis.set_xticks(range(len(result.columns)), result.columns, rotation=35, ha="right")
    axis.set_yticks(range(len(result.rows)), result.rows)
    axis.set_xlabel("true", fontsize=8, color=INK)
    axis.set_ylabel("said", fontsize=8, color=INK)
    for row, column in np.ndindex(counts.shape):
        if counts[row, column]:
            axis.text(
                column, row, counts[row, column], ha="center", va="center", fontsize=8, color="white" if shares[row, column] > 0.55 else INK
            )
    return png(fig)


def curves_picture(result: Evaluation) -> bytes:
    """Precision over recall for every tag, with the point its threshold chose, as PNG."""
    tags = list(result.tags)
    columns = min(4, len(tags))
    rows = -(-len(tags) // columns)
    fig, axes = figure(2.1 * columns, 1.9 * rows, rows, columns)
    flat = np.atleast_1d(axes).ravel()
    for axis, tag in zip(flat, tags, strict=False):
        precision, recall = result.curves[tag]
        axis.step([0, *recall], [precision[0] if precision else 0, *precision], where="pre", color=ACCENT, linewidth=1.5)
        chosen = result.tags[tag]
        if chosen.recall is not None and chosen.precision is not None:
            axis.plot(chosen.recall, chosen.precision, "o", color=WARM, markersize=5)
        axis.set(xlim=(0, 1.03), ylim=(0, 1.03))
        axis.set_title(f"{tag} ({chosen.support})")
    for axis in flat[len(tags) :]:
        axis.set_visible(False)
    return png(fig)


def hours_picture(model: GaussianVotes) -> bytes:
    """The time-of-day model of every tag, as PNG."""
    fig, axis = figure(6.4, 2.1)
    for name, weights in zip(model.classes_, model.time_weights_, strict=True):
        axis.plot(GRID, weights, label=name, linewidth=1.4)
    axis.set(xlim=(0, 24), ylim=(0, 1.05), xticks=range(0, 25, 3))
    axis.set_xlabel("hour of the day", fontsize=8, color=INK)
    axis.legend(fontsize=7, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return png(fig)


def report_pictures(model: GaussianVotes, result: Evaluation) -> dict[str, bytes]:
    """Every picture of the report by name."""
    return {"confusion": confusion_picture(result), "curves": curves_picture(result), "hours": hours_picture(model)}


def report_html(result: Evaluation, card: Mapping[str, Any], pictures: Mapping[str, bytes]) -> str:
    """One page with everything inside it; it loads nothing."""
    environment = Environment(loader=PackageLoader("soundmill.osr", "templates"), autoescape=select_autoescape())
    environment.filters["share"] = lambda value: "–" if value is None else f"{value:.2f}"
    sources = {name: f"data:image/png;base64,{base64.b64encode(picture).decode()}" for name, picture in pictures.items()}
    return environment.get_template("report.html").render(result=result, card=card, pictures=sources, other=OTHER)
