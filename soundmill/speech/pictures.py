"""Sentiment at a glance: a line for each recording, coloured along its sentences."""

from collections.abc import Mapping, Sequence

from soundmill.plots import INK, figure, png
from soundmill.speech.sentiment import TimedScores

_MOST_SHOWN = 12
_LONGEST_NAME = 40


def sentiment_picture(along: Mapping[str, Sequence[TimedScores]]) -> bytes:
    """The recordings with the most sentences, each from its first second to its last, from red (negative) to green (positive), as PNG."""
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable

    shown = sorted(along, key=lambda key: -len(along[key]))[:_MOST_SHOWN]
    colours = colormaps["RdYlGn"]
    fig, axis = figure(9, 0.9 + 0.32 * len(shown))
    for row, key in enumerate(shown):
        spans = [(one.start, max(one.end - one.start, 0.05)) for one in along[key]]
        tints = [colours((1 + one.scores.positive - one.scores.negative) / 2) for one in along[key]]
        axis.broken_barh(spans, (row - 0.35, 0.7), facecolors=tints)
    axis.set_yticks(range(len(shown)), [key if len(key) <= _LONGEST_NAME else f"…{key[1 - _LONGEST_NAME :]}" for key in shown])
    axis.set_ylim(len(shown) - 0.4, -0.6)
    axis.set_xlabel("seconds of the recording", fontsize=8, color=INK)
    bar = fig.colorbar(ScalarMappable(cmap=colours), ax=axis, ticks=[0, 0.5, 1], pad=0.01)
    bar.ax.set_yticklabels(["negative", "neutral", "positive"], fontsize=8, color=INK)
    return png(fig)
