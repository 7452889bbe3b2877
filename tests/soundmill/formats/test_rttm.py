"""RTTM: a line for each turn, in ten fields."""

from soundmill.formats.rttm import rttm_lines, without_blanks


def test_a_turn_is_a_line_of_ten_fields() -> None:
    (line,) = rttm_lines("call 7", "the agent", [(0.5, 2.25)])
    assert line == "SPEAKER call_7 1 0.500 1.750 <NA> <NA> the_agent <NA> <NA>"
    assert len(line.split()) == 10
    assert rttm_lines("call", "agent", []) == []


def test_no_blank_of_any_kind_is_left() -> None:
    assert without_blanks("a \t b\u00a0c\nd") == "a_b_c_d"
