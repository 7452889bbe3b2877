"""From a landing area to segments: listing, cutting, the silence gate, coverage, and sound back by time.

Here belongs what knows microphones' streams and their timeline. What a segment sounds like is the business of `features/`.
"""

from soundmill.capture.coverage import COVERAGE, coverage_of, spans_of
from soundmill.capture.landing import LandedFile, land, landed_on, landing_by_day
from soundmill.capture.segmenter import SEGMENTS, DayOfSegments, Segmenter, segment_row, update_segments
from soundmill.capture.timeline import Timeline

__all__ = [
    "COVERAGE",
    "SEGMENTS",
    "DayOfSegments",
    "LandedFile",
    "Segmenter",
    "Timeline",
    "coverage_of",
    "land",
    "landed_on",
    "landing_by_day",
    "segment_row",
    "spans_of",
    "update_segments",
]
