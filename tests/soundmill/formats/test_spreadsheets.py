"""Cells that a spreadsheet does not run."""

import pytest

from soundmill.formats.spreadsheets import cell, text_of


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1"])
def test_text_that_would_run_as_a_formula_is_text(text: str) -> None:
    assert cell(text) == f"'{text}"
    assert text_of(cell(text)) == text


def test_numbers_and_other_text_stay_as_they_are() -> None:
    assert [cell(value) for value in (-1.5, 0, "a=b", "call-7", "", None)] == [-1.5, 0, "a=b", "call-7", "", None]
    assert [text_of(text) for text in ("'tis", "'", "=a")] == ["'tis", "'", "=a"]
