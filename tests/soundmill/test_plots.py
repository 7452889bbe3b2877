"""Small pictures: PNGs of one look, as Markdown too."""

import base64
import io
import re

from PIL import Image

from soundmill.plots import figure, markdown_image, png


def test_a_figure_becomes_a_small_png_of_its_size() -> None:
    fig, axis = figure(3.0, 2.0)
    axis.plot([0, 1], [1, 0])
    data = png(fig)
    assert Image.open(io.BytesIO(data)).size == (270, 180)
    assert len(data) < 20_000


def test_several_axes_share_the_look_and_the_markdown_holds_the_picture() -> None:
    fig, axes = figure(3.0, 2.0, 2, 3)
    assert axes.shape == (2, 3)
    assert not any(axis.spines["top"].get_visible() for axis in axes.flat)
    data = png(fig)
    (held,) = re.fullmatch(r"!\[a day\]\(data:image/png;base64,(.*)\)", markdown_image(data, "a day")).groups()  # type: ignore[union-attr]
    assert base64.b64decode(held) == data
