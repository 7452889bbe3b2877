"""The evaluation as people read it: pictures, and one HTML page that stands alone."""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from jinja2 import Environment, PackageLoader, select_autoescape

from soundmill.osr.card import learned_from
from soundmill.osr.evaluation import Evaluation
from soundmill.osr.novelty import NewSound
from soundmill.osr.spec import OTHER
from soundmill.osr.time_of_day import GRID
from soundmill.plots import ACCENT, INK, WARM, figure, png

if TYPE_CHECKING:
    from soundmill.osr.recogniser import Recogniser

_LONGEST_SECONDS = 6
# of the headline: its name, what it means, and whether more is better
FIGURES = (
    ("delivered_recall", "known sounds named rightly, mean of the tags", True),
    ("closed_accuracy", "right name among the known ones, if it had to give one", True),
    ("known_auroc", "AUROC: how well known sounds stand apart from all others; 0.5 is chance", True),
    ("accw", "ACCw: mean of known sounds named rightly and others called “other”", True),
    ("oscr", "OSCR: named rightly against others accepted, over all thresholds", True),
    ("fpr95", "FPR95: others accepted if 95 % of known sounds were", False),
    ("false_positives_per_hour", "names called in an hour of unlabelled sound", False),
    ("event_f1", "event F1: whole events found, within a segment", True),
    ("calibration_error", "calibration error: how far probabilities are from the truth", False),
    ("expected_recall", "recall that cross-validation had led to expect, mean of the tags", True),
)


@dataclass(frozen=True)
class Playable:
    """A sound in a page: where and when it was recorded, and its data URL."""

    where: str
    url: str


def confusion_picture(result: Evaluation) -> bytes:
    """The confusion matrix as PNG: counts, shaded by share of their column."""
    counts = np.array(result.confusion)
    shares = counts / np.maximum(1, counts.sum(axis=0, keepdims=True))
    fig, axis = figure(1.6 + 0.62 * len(result.columns), 1.3 + 0.42 * len(result.rows))
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axis.set_xticks(range(len(result.columns)), result.columns, rotation=35, ha="right")
    axis.set_yticks(range(len(result.rows)), result.rows)
    axis.set_xlabel("true", fontsize=8, color=INK)
    axis.set_ylabel("predicted", fontsize=8, color=INK)
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
    fig, axes = figure(2.2 * columns, 2.1 * rows, rows, columns)
    flat = np.atleast_1d(axes).ravel()
    for axis, tag in zip(flat, tags, strict=False):
        precision, recall = result.curves[tag]
        axis.step([0, *recall], [precision[0] if precision else 0, *precision], where="pre", color=ACCENT, linewidth=1.5)
        chosen = result.tags[tag]
        if chosen.recall is not None and chosen.precision is not None:
            axis.plot(chosen.recall, chosen.precision, "o", color=WARM, markersize=5)
        axis.set(xlim=(0, 1.03), ylim=(0, 1.03))
        axis.set_title(f"{tag} ({chosen.support})")
        axis.set_xlabel("recall", fontsize=7, color=INK)
        axis.set_ylabel("precision", fontsize=7, color=INK)
    for axis in flat[len(tags) :]:
        axis.set_visible(False)
    return png(fig)


def hours_picture(model: "Recogniser") -> bytes | None:
    """The time-of-day model of every tag, as PNG; None where the hour does not count."""
    if not np.ptp(model.time_weights_, axis=1).any():
        return None
    fig, axis = figure(6.4, 2.1)
    names = model.classes_ if len(model.time_weights_) == len(model.classes_) else model.tags_
    for name, weights in zip(names, model.time_weights_, strict=True):
        axis.plot(GRID, weights, label=name, linewidth=1.4)
    axis.set(xlim=(0, 24), ylim=(0, 1.05), xticks=range(0, 25, 3))
    axis.set_xlabel("hour of the day", fontsize=8, color=INK)
    axis.legend(fontsize=7, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return png(fig)


def reliability_picture(result: Evaluation) -> bytes | None:
    """Share that was right over the probability that was given, as PNG; None where the recogniser gives none."""
    if not result.reliability:
        return None
    fig, axis = figure(2.8, 2.5)
    given, right, counts = zip(*result.reliability, strict=True)
    axis.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle=":")
    axis.scatter(given, right, s=[12 + 90 * count / max(counts) for count in counts], color=ACCENT)
    axis.set(xlim=(0, 1.03), ylim=(0, 1.03))
    axis.set_xlabel("probability given", fontsize=8, color=INK)
    axis.set_ylabel("share that was right", fontsize=8, color=INK)
    return png(fig)


def openness_picture(result: Evaluation) -> bytes | None:
    """AUROC and ACCw over how many unknown tags are met, as PNG; None with fewer than two."""
    if len(result.openness) < 2:
        return None
    fig, axis = figure(3.4, 2.5)
    counts = [point.unknown_tags for point in result.openness]
    axis.plot(counts, [point.auroc for point in result.openness], "o-", color=ACCENT, label="AUROC", markersize=4)
    axis.plot(counts, [point.accw for point in result.openness], "o-", color=WARM, label="ACCw", markersize=4)
    axis.set(ylim=(0, 1.03), xticks=counts if len(counts) < 12 else counts[:: len(counts) // 6])
    axis.set_xlabel("unknown tags met", fontsize=8, color=INK)
    axis.legend(fontsize=7, frameon=False)
    return png(fig)


def report_pictures(model: "Recogniser", result: Evaluation) -> dict[str, bytes]:
    """Every picture of the report by name."""
    pictures = {
        "confusion": confusion_picture(result),
        "curves": curves_picture(result),
        "hours": hours_picture(model),
        "reliability": reliability_picture(result),
        "openness": openness_picture(result),
    }
    return {name: picture for name, picture in pictures.items() if picture is not None}


def playable(samples: npt.NDArray[np.int16], sample_rate: int, where: str) -> Playable:
    """A sound that a page can hold and play: Ogg Vorbis in a data URL, at most six seconds of it."""
    import soundfile as sf

    buffer = io.BytesIO()
    with sf.SoundFile(buffer, "w", sample_rate, 1, format="OGG", subtype="VORBIS") as file:
        for start in range(
            0, min(len(samples), _LONGEST_SECONDS * sample_rate), sample_rate
        ):  # libsndfile's encoder overflows on long writes
            file.write(samples[start : min(start + sample_rate, _LONGEST_SECONDS * sample_rate)])
    return Playable(where, f"data:audio/ogg;base64,{base64.b64encode(buffer.getvalue()).decode()}")


def report_html(
    result: Evaluation,
    card: Mapping[str, Any],
    pictures: Mapping[str, bytes],
    sounds: Mapping[str, Playable],
    new_sounds: Sequence[NewSound] = (),
    promotion: str = "",
) -> str:
    """One page with everything inside it; it loads nothing. `sounds` are the examples' by key, `promotion` what became of the model."""
    environment = Environment(loader=PackageLoader("soundmill.osr", "templates"), autoescape=select_autoescape())
    environment.filters["share"] = lambda value: "–" if value is None else f"{value:.2f}"
    sources = {name: f"data:image/png;base64,{base64.b64encode(picture).decode()}" for name, picture in pictures.items()}
    return environment.get_template("report.html").render(
        result=result,
        headline=result.headline,
        card=card,
        pictures=sources,
        sounds=sounds,
        other=OTHER,
        figures=FIGURES,
        new_sounds=new_sounds,
        promotion=promotion,
        short=_in_short(result),
        learned=learned_from(card["data"]),
    )


def _in_short(result: Evaluation) -> list[str]:
    """What the figures come to, in sentences."""
    counts = np.array(result.confusion)
    place = {name: k for k, name in enumerate(result.rows)}
    columns = [k for k, name in enumerate(result.columns) if name in place and name != OTHER]
    tested = counts[:, columns]
    total = max(1, int(tested.sum()))
    right = sum(int(counts[place[result.columns[k]], k]) for k in columns)
    missed = int(tested[place[OTHER]].sum())
    sentences = [
        f"Of {int(tested.sum())} test sounds of the {len(result.tags)} tags it names {right} rightly ({right / total:.0%}), calls {missed} "
        f"“{OTHER}” ({missed / total:.0%}), and gives {total - right - missed} a wrong name ({(total - right - missed) / total:.0%})."
    ]
    weak = sorted((row.recall, tag) for tag, row in result.tags.items() if row.recall is not None and row.recall < 0.7)
    if weak:
        sentences.append("It misses the most of " + ", ".join(f"{tag} (finds {recall:.0%})" for recall, tag in weak[:3]) + ".")
    if result.unknown_support:
        share = result.unknown_rejected / result.unknown_support
        sentences.append(
            f"Of {result.unknown_support} sounds it was not trained on it calls {result.unknown_rejected} “{OTHER}” ({share:.0%})."
        )
    return sentences
