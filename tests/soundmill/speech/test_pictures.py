"""Sentiment as a picture."""

import io

import numpy as np
from PIL import Image

from soundmill.speech.pictures import sentiment_picture
from soundmill.speech.sentiment import Scores, TimedScores


def share_of_red_and_green(along: dict[str, list[TimedScores]]) -> tuple[float, float]:
    image = np.asarray(Image.open(io.BytesIO(sentiment_picture(along))).convert("RGB"), np.int16)
    left = image[:, : image.shape[1] * 3 // 4]  # the scale of colours stands on the right
    red, green = left[..., 0] - left[..., 1], left[..., 1] - left[..., 0]
    return float((red > 80).mean()), float((green > 80).mean())


def test_bad_is_red_and_good_is_green() -> None:
    bad, good = TimedScores(0, 60, "", Scores(1.0, 0.0, 0.0)), TimedScores(0, 60, "", Scores(0.0, 0.0, 1.0))
    red, green = share_of_red_and_green({"a": [bad]})
    assert red > 10 * green
    red, green = share_of_red_and_green({"a": [good]})
    assert green > 10 * red


def test_there_is_a_picture_of_one_that_said_nothing_and_of_many_with_long_names() -> None:
    for along in ({"a": []}, {f"{n} " + "x" * 99: [TimedScores(0, 0, "", Scores(0.2, 0.6, 0.2))] for n in range(30)}):
        assert Image.open(io.BytesIO(sentiment_picture(along))).size[0] == 810
