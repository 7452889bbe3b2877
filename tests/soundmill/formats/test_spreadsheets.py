"""CSV as spreadsheets write it, and cells that they do not run."""

import pytest

from soundmill.formats.spreadsheets import Row, cell, decoded, named_cells, read_rows, text_of


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1"])
def test_text_that_would_run_as_a_formula_is_text(text: str) -> None:
    assert cell(text) == f"'{text}"
    assert text_of(cell(text)) == text


def test_numbers_and_other_text_stay_as_they_are() -> None:
    assert [cell(value) for value in (-1.5, 0, "a=b", "call-7", "", None)] == [-1.5, 0, "a=b", "call-7", "", None]
    assert [text_of(text) for text in ("'tis", "'", "=a")] == ["'tis", "'", "=a"]


TABLE = [Row(1, ["id", "name"]), Row(2, ["1", "Größe"]), Row(4, ["2", "a\nb"]), Row(6, ["3", "c"])]
TEXT = 'id,name\n1,Größe\n\n2,"a\nb"\n 3 , c\n'


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_delimiter_and_line_end_gives_the_same_rows(delimiter: str, end: str) -> None:
    assert read_rows(TEXT.replace(",", delimiter).replace("\n", end), ValueError) == TABLE


def test_a_first_line_may_say_what_parts_the_cells() -> None:
    assert read_rows("sep=;\nid;name,first\n1;a,b\n", ValueError) == [Row(2, ["id", "name,first"]), Row(3, ["1", "a,b"])]
    assert read_rows("", ValueError) == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_text_is_read_in_the_encodings_of_spreadsheets(encoding: str) -> None:
    assert decoded(TEXT.encode(encoding)).removeprefix("\ufeff") == TEXT


def test_a_quote_without_an_end_is_named_by_the_line_it_begins_on() -> None:
    with pytest.raises(ValueError, match="line 3: a quote that is opened there is never closed"):
        read_rows('id,note\n1,a\n2,"b\n3,c\n4,d\n', ValueError)


def test_more_cells_than_names_are_refused_and_empty_ones_are_none() -> None:
    assert named_cells(Row(7, ["1", "a", "", ""]), ["id", "name"], ValueError) == {"id": "1", "name": "a"}
    assert named_cells(Row(7, ["1"]), ["id", "name"], ValueError) == {"id": "1"}
    with pytest.raises(ValueError, match="line 7: it has 3 cells, and the header 2"):
        named_cells(Row(7, ["1", "http://a.test/x", "y=2"]), ["id", "url"], ValueError)
