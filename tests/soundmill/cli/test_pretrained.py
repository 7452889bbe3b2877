"""soundmill pretrained."""

import json

from tests.command import Command


def test_networks_are_listed_and_a_wrong_name_is_refused(soundmill: Command) -> None:
    assert [row["name"] for row in json.loads(soundmill("pretrained", "list", "--json"))] == ["mn04", "yamnet", "vosk-small-en"]
    assert "there are: mn04" in soundmill("pretrained", "fetch", "hearing", code=1)
