"""How speech is transcribed, as the library takes it."""

from pathlib import Path

from resources import SpeechResource


def test_empty_means_none_for_a_folder_and_all_for_sources() -> None:
    found = SpeechResource(vosk_model="/models/en").options()
    assert (found.vosk_model, found.sentiment_model, found.is_wanted("porch")) == (Path("/models/en"), None, True)
    named = SpeechResource(vosk_model="/m", sentiment_model="/s", sources=["calls"], keywords=["a"], sentiment_enabled=False).options()
    assert (named.sentiment_model, named.is_wanted("porch"), named.keywords, named.sentiment_enabled) == (Path("/s"), False, ("a",), False)
