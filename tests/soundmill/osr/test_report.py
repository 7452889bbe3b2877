"""The report of an evaluation as a page of its own."""

import json

import numpy as np

from soundmill.osr.card import card_markdown, model_card
from soundmill.osr.evaluation import Evaluation
from soundmill.osr.open_set import OpenSet
from soundmill.osr.report import playable, report_html, report_pictures
from soundmill.osr.spec import ModelSpec
from tests.soundmill.osr.plain import TAGS


def test_the_report_stands_alone_and_plays_what_went_wrong(model: OpenSet, result: Evaluation) -> None:
    spec = ModelSpec()
    facts = {
        "train_days": ["2026-01-01"], "test_days": ["2026-01-02"], "background_days": [], "timezone": "UTC",
        "support": dict.fromkeys(TAGS, 25), "sounds": 100, "groups": 4, "groups_are": "recordings", "background_segments": 60,
    }  # fmt: skip
    card = model_card("house", 3, "abc", spec, model, facts)
    tone = (np.sin(np.arange(44_100) / 20) * 9000).astype(np.int16)
    played = {example.key: playable(tone, 44_100, "porch, at noon") for example in result.worst}
    html = report_html(result, card, report_pictures(model, result), played)
    assert html.count("<audio") == len(result.worst)
    assert "http://" not in html.replace("http-equiv", "")
    assert "https://" not in html
    assert "{{" not in html
    text = card_markdown(card)
    assert "| bell | 25 |" in text
    assert "Chosen by the data" in text
    assert json.loads(json.dumps(card))["expected_recall"].keys() == set(TAGS)
