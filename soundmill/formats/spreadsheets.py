"""CSV as spreadsheets write and read it: any of their encodings and delimiters in, no formula out."""

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_DELIMITERS = ",;\t|"


@dataclass(frozen=True)
class Row:
    """A row that holds anything: the number of the line that it begins on, and its cells without blanks around them."""

    line: int
    cells: list[str]


def decoded(data: bytes) -> str:
    """Text by its byte order mark, else UTF-8, else Windows' Latin (cp1252), which older programs write."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    if data[:4].count(0) >= 1 and len(data) % 2 == 0:  # UTF-16 without a mark
        return data.decode("utf-16-le" if data[1:2] == b"\0" else "utf-16-be", "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def read_rows(text: str, refuse: Callable[[str], Exception]) -> list[Row]:
    """The rows of a CSV, parted by comma, semicolon, tab or bar, as its first line shows or says (`sep=;`).

    Raises what `refuse` makes of a sentence that names the line, for a quote that never ends and text that is no CSV.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    skipped = 0
    first, _, rest = text.partition("\n")
    if first.strip().lower().startswith("sep=") and len(first.strip()) == 5:
        delimiter, text, skipped = first.strip()[4], rest, 1
    else:
        header = next((line for line in text.split("\n") if line.strip()), "")
        delimiter = max(_DELIMITERS, key=lambda mark: (header.count(mark), -_DELIMITERS.index(mark)))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows, begins = [], 1 + skipped
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append(Row(begins, [text_of(cell.strip()) for cell in cells]))
            begins = reader.line_num + 1 + skipped
    except csv.Error as error:
        why = "a quote that is opened there is never closed" if "unexpected end" in str(error) else str(error)
        raise refuse(f"line {begins}: {why}") from None
    return rows


def named_cells(row: Row, names: list[str], refuse: Callable[[str], Exception]) -> dict[str, str]:
    """A row's cells by the names of the header. Raises what `refuse` makes of it where there are more of them than names."""
    if any(row.cells[len(names) :]):
        message = (
            f"line {row.line}: it has {len(row.cells)} cells, and the header {len(names)}: put a cell that holds the delimiter in quotes"
        )
        raise refuse(message)
    return dict(zip(names, row.cells, strict=False))


def cell(value: Any) -> Any:
    """A value as a cell: text that a spreadsheet would run as a formula (OWASP, "CSV injection") gets an apostrophe before it."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def text_of(value: str) -> str:
    """The text of a cell, also where `cell` put an apostrophe before it."""
    return value[1:] if value.startswith("'") and value[1:].startswith(_FORMULA) else value
