"""Numbers and tables for people to read."""

from soundmill.wording import count, table


def test_a_noun_is_plural_but_for_one() -> None:
    assert [count(number, "file") for number in (0, 1, 2)] == ["0 files", "1 file", "2 files"]


def test_a_bar_in_a_cell_ends_no_column() -> None:
    assert table(["tag", "clips"], [["a|b", "2"]]) == "| tag | clips |\n| --- | --- |\n| a\\|b | 2 |"


def test_a_table_without_rows_is_its_head() -> None:
    assert table(["tag"], []) == "| tag |\n| --- |"
