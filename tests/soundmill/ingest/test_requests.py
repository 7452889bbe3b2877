"""Lists of downloads in the two forms that people keep."""

import pytest

from soundmill.errors import RequestListRefused
from soundmill.ingest.requests import read_requests

A, B = "http://a.test/a.wav", "http://a.test/b.wav"


def test_a_line_for_each_call_asks_for_both_sides() -> None:
    found = read_requests(f"Conversation_ID,customer_url,agent_url,notes\none,{B},{A},x\ntwo,,{A},\n,{B},{A},\n\n")
    assert [(one.conversation, one.speaker, one.url) for one in found.wanted] == [
        ("one", "agent", A),
        ("one", "customer", B),
        ("two", "agent", A),
    ]
    assert (found.refused, found.skipped) == ((), 1)


@pytest.mark.parametrize("header", ["", "id,speaker,url\n", "\ufeffconversation_id,speaker_label,audio_url\n"])
def test_a_line_for_each_file_with_or_without_a_header(header: str) -> None:
    (one,) = read_requests(f"{header}call,agent,{A}\n").wanted
    assert (one.conversation, one.speaker, one.url) == ("call", "agent", A)


def test_lines_that_cannot_be_carried_out_are_named_and_the_rest_is_taken() -> None:
    found = read_requests(f"conversation_id,agent_url,customer_url\n../up,{A},{B}\nempty,,\nok,{A},\n")
    assert [one.conversation for one in found.wanted] == ["ok"]
    assert [line.split(":")[0] for line in found.refused] == ["line 2", "line 3"]


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "id,name\n1,2\n", 'id,url\n"unclosed' + "x" * 200_000])
def test_a_file_that_is_no_list_is_refused(text: str) -> None:
    with pytest.raises(RequestListRefused):
        read_requests(text)


def test_an_empty_file_asks_for_nothing() -> None:
    assert read_requests("\n\n").wanted == ()


def test_a_url_with_a_comma_is_refused_and_not_cut() -> None:
    found = read_requests("id,speaker,url\na,agent,http://a.test/x,y=2\nb,agent,http://a.test/b\n")
    assert [one.conversation for one in found.wanted] == ["b"]
    assert found.refused[0].startswith("line 2: it has 4 cells")


def test_a_quote_that_never_ends_swallows_no_request() -> None:
    with pytest.raises(RequestListRefused, match="line 3"):
        read_requests('id,note,url\na,x,http://a.test/a\nb,"open,http://a.test/b\nc,x,http://a.test/c\n')
