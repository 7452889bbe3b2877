"""Names of files made from any text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soundmill.names import file_name, plain_name, text_of_name


@pytest.mark.parametrize("text", ["84-121123-0000", "你好", "Größe", "x y", "x_y", "don't", "सात"])
def test_a_plain_name_stays_as_it_is(text: str) -> None:
    assert file_name(text) == text


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a/b", "a%2Fb"),
        ("..", "%2E%2E"),
        (".hidden", "%2Ehidden"),
        ("", "%"),
        ("100%", "100%25"),
        ("a\nb", "a%0Ab"),
        ("end.", "end%2E"),
        (" ", "%20"),
    ],
)
def test_what_no_file_system_takes_is_spelled_out(text: str, name: str) -> None:
    assert file_name(text) == name
    assert text_of_name(name) == text


@given(st.text(max_size=60), st.text(max_size=60))
def test_names_are_of_one_text_each_and_stay_in_their_folder(first: str, second: str) -> None:
    one, other = file_name(first), file_name(second)
    assert (one == other) == (first == second)
    assert text_of_name(one) == first or len(one.encode("utf-8", "surrogatepass")) >= 190
    assert one not in ("", ".", "..")
    assert "/" not in one


def test_long_names_are_cut_and_stay_apart() -> None:
    first, second = file_name("ä" * 300 + "1"), file_name("ä" * 300 + "2")
    assert first != second
    assert max(len(name.encode()) for name in (first, second)) <= 200


@pytest.mark.parametrize(
    ("text", "name"),
    [("my take #1.wav", "my_take_1.wav"), ("你好.wav", "你好.wav"), ("Größe (2).wav", "Größe_2_.wav"), ("../../x", "_.._x"), (".x", "x")],
)
def test_a_landed_name_keeps_letters_of_every_script(text: str, name: str) -> None:
    assert plain_name(text) == name
    assert len(plain_name("ä" * 500).encode()) <= 120
