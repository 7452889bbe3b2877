"""soundmill round."""

import json
from datetime import timedelta

from soundmill.catalog import Box, Rounds, RoundSession, open_catalog
from tests.command import Command
from tests.soundmill.catalog.test_rounds import NOON
from tests.soundmill.workflows.rounds.people import answer


def test_a_round_is_defined_opened_followed_closed_and_exported(soundmill: Command) -> None:
    assert "no rounds yet" in soundmill("round", "list")
    said = soundmill("round", "new", "owls", "--tags", "owl, fox", "--days", "2026-01-05..2026-01-06", "--sessions", "3")
    assert "soundmill materialize labelling_sessions --round owls" in said
    assert "has no sessions yet" in soundmill("round", "open", "owls", code=1)
    assert "labelling_sessions --round owls" in soundmill("round", "close", "owls", code=1)
    catalog = open_catalog(f"sqlite:///{soundmill.environment['SOUNDMILL_HOME']}/catalog.db")
    rounds = Rounds(catalog)
    assert rounds.get("owls").spec["days"] == ["2026-01-05", "2026-01-06"]
    starts = [NOON + timedelta(minutes=number) for number in range(3)]
    rounds.put("owls", [RoundSession("owls", n, "garden", s, s + timedelta(minutes=1), "random", 2) for n, s in enumerate(starts, 1)], None)
    assert "at /rounds/owls" in soundmill("round", "open", "owls")
    assert "its recipe stays" in soundmill("round", "new", "owls", "--tags", "x", "--days", "2026-01-05", code=1)

    def hears(claim: object) -> list[Box]:
        one = claim.session  # type: ignore[attr-defined]
        return [Box(one.start + timedelta(seconds=24.5), one.start + timedelta(seconds=26.95), "owl")] if one.number < 3 else []

    answer(catalog, "owls", {"ann": hears, "bob": hears})
    assert "owls  open  3 of 3 sessions done, tags owl, fox" in soundmill("round", "list")
    text = soundmill("round", "status", "owls")
    assert "ann: 3 sessions" in text
    assert "owl: alpha 1.00 [1.00, 1.00], event F1 1.00" in text
    told = json.loads(soundmill("round", "status", "owls", "--json"))
    assert (told["done"], told["submissions"], told["agreement"]["owl"]["alpha"]["value"]) == (3, 6, 1.0)
    assert "labelled_round --round owls" in soundmill("round", "close", "owls")
    rows = [line.split("\t") for line in soundmill("round", "export", "owls").splitlines()]
    assert rows[0][:4] == ["dataset", "wav_filename", "start_time_s", "duration_s"]
    assert rows[1] == ["owls", "2026-01-05T12-00-00-000_60000_garden.wav", "24.500", "2.450", "garden", "2026-01-05", "04:00:00", "owl"]
    assert rows[3][2:4] == ["0.000", "0.000"]
    assert [one["state"] for one in json.loads(soundmill("round", "list", "--json"))] == ["closed"]


def test_what_is_typed_wrong_is_one_line(soundmill: Command) -> None:
    assert "there is no round 'foxes'" in soundmill("round", "status", "foxes", code=1)
    assert "there is no round 'foxes'" in soundmill("round", "export", "foxes", code=1)
    assert "overlap" in soundmill("round", "new", "x", "--tags", "owl", "--days", "2026-01-05", "--overlap", "7", code=1)
    assert "56 of them" in soundmill("round", "new", "x" * 57, "--tags", "owl", "--days", "2026-01-05", code=2)
