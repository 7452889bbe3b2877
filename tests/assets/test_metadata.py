"""What assets say about themselves."""

from datetime import UTC, datetime

import dagster as dg
import pyarrow as pa

from assets.metadata import counts_table, links, picture, preview, status, table_facts
from soundmill.capture import SEGMENTS


def test_the_first_words_say_whether_anything_is_there_and_new() -> None:
    assert (status(True, 3), status(False, 3), status(True, 0)) == ("updated", "unchanged", "no data")


def test_a_preview_shows_eight_rows_and_how_many_more_there_are() -> None:
    rows = pa.table({"at": [datetime(2026, 1, 5, tzinfo=UTC)] * 20, "tag": ["a|b"] * 20, "score": [0.123456] * 20})
    lines = str(preview(rows, ["tag", "at", "score"]).md_str).splitlines()
    assert lines[0] == "| tag | at | score |"
    assert lines[2] == "| a\\|b | 2026-01-05 00:00:00.000 | 0.123 |"
    assert len(lines) == 2 + 8 + 1
    assert lines[-1].startswith("| … 12 more |")


def test_columns_of_a_table_are_those_of_its_schema_with_their_meaning() -> None:
    facts = table_facts(SEGMENTS, 7, "/lake/x.parquet")
    schema = facts["dagster/column_schema"]
    assert isinstance(schema, dg.TableSchema)
    assert [column.name for column in schema.columns] == SEGMENTS.schema.names
    assert all(column.description for column in schema.columns)
    assert facts["dagster/row_count"] == 7


def test_counts_and_pictures_are_markdown() -> None:
    assert counts_table({"bell": 3, "share": 0.5}, "tag").md_str == "| tag | |\n| --- | --- |\n| bell | 3 |\n| share | 0.500 |"
    assert str(picture(b"png", "a day").md_str).startswith("![a day](data:image/png;base64,")


def test_each_row_of_a_preview_leads_to_where_it_is_shown() -> None:
    rows = pa.table({"tag": ["owl", "fox"], "at": [1, 2]})
    lines = str(preview(rows, ["tag"], lambda row: f"http://studio/{row['at']}").md_str).splitlines()
    assert lines[2:] == ["| owl | [hear and label](http://studio/1) |", "| fox | [hear and label](http://studio/2) |"]
    assert links({"hear": "http://studio/"}).md_str == "- [hear](http://studio/)"
