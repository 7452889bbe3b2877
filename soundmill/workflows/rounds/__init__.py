"""Labelling rounds where subjects meet: sessions drawn from sound, features and detections, and what people made of them.

Here belongs what a round needs of lake and catalog together. Measures and choices are pure and lie in `labelling/`.
"""

from soundmill.workflows.rounds.drawing import Drawn, draw_round
from soundmill.workflows.rounds.outcome import Outcome, archive_of, outcome_of, settle_round

__all__ = ["Drawn", "Outcome", "archive_of", "draw_round", "outcome_of", "settle_round"]
