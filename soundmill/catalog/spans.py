"""Spans of a source's timeline that were taken back, and what lies in them."""

from collections.abc import Iterable
from datetime import datetime, timedelta

Span = tuple[datetime, datetime]  # from one moment to another
_TOUCH = timedelta(milliseconds=2)  # starts are rounded to one: who overlaps by less is a neighbour


def timeline_lock(source: str) -> str:
    """Under this name, who writes what a source recorded, or takes it back, is alone."""
    return f"timeline of {source}"


def lies_in(start: datetime | None, seconds: float, spans: Iterable[Span]) -> bool:
    """Whether any of a segment's sound lies in one of the spans."""
    if start is None:
        return False
    end = start + timedelta(seconds=seconds)
    return any(min(end, last) - max(start, first) > min(_TOUCH, (end - start) / 2) for first, last in spans)
