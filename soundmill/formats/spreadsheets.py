"""Cells of CSV files that people open in a spreadsheet."""

from typing import Any

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def cell(value: Any) -> Any:
    """A value as a cell: text that a spreadsheet would run as a formula (OWASP, "CSV injection") gets an apostrophe before it."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def text_of(value: str) -> str:
    """The text of a cell, also where `cell` put an apostrophe before it."""
    return value[1:] if value.startswith("'") and value[1:].startswith(_FORMULA) else value
