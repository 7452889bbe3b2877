"""soundmill prompts."""

import json
from pathlib import Path

from soundmill.catalog import Prompts, Takes, open_catalog
from soundmill.lake import open_lake
from soundmill.prompts.spec import PromptSetSpec
from tests.command import Command
from tests.soundmill.workflows.takes.reading import read, somebody


def test_a_set_is_imported_listed_followed_exported_and_taken_back(soundmill: Command, tmp_path: Path, data: Path) -> None:
    home = soundmill.environment["SOUNDMILL_HOME"]
    first, second = tmp_path / "a.txt", tmp_path / "b.csv"
    first.write_text("one two three\n\nfour five six\none two three\n")
    second.write_text("id,text,entity\nx,call nine,N9\n,,\n")
    (tmp_path / "consent.txt").write_text("You read for us.")
    assert "no prompt sets yet" in soundmill("prompts", "list")
    terms = ("--takes", "2", "--licence", "CC0-1.0", "--purposes", "train,publish", "--consent", str(tmp_path / "consent.txt"))
    said = soundmill(
        "prompts", "import", "digits", str(first), str(second), *terms, "--limit", "snr_again=10", "--limit", "level_again=-50:-5"
    )
    assert "3 sentences added to digits" in said
    catalog, lake = open_catalog(f"sqlite:///{home}/catalog.db"), open_lake(f"{home}/lake")
    spec = PromptSetSpec.of(Prompts(catalog).get("digits"))
    assert (spec.takes, spec.licence, spec.purposes, spec.consent) == (2, "CC0-1.0", ("train", "publish"), "You read for us.")
    assert (spec.limits.snr_again, spec.limits.level_again) == (10, (-50, -5))
    first.write_text("seven\n")
    again = json.loads(soundmill("prompts", "import", "digits", str(first), "--language", "en-GB", "--json"))
    assert (again["added"], again["left_out"]) == (1, [])
    spec = PromptSetSpec.of(Prompts(catalog).get("digits"))
    assert (spec.language, spec.takes, spec.consent) == ("en-GB", 2, "You read for us.")  # what is not given stays
    assert json.loads(soundmill("prompts", "list", "--json")) == [{"set": "digits", "sentences": 4, "takes": 0, "wanted": 8}]
    who = somebody(catalog)
    take = read(lake, catalog, data, who, "x")
    said = soundmill("prompts", "status", "digits")
    assert "1 of 8 takes" in said
    assert "sentences by takes: 0 3, 1 1" in said
    told = json.loads(soundmill("prompts", "status", "digits", "--json"))
    assert (told["takes"], told["by_entity"], told["remaining"]) == (1, {"N9": 1}, 7)
    assert sorted(told["by_utterance"].values()) == [0, 0, 0, 1]
    assert "1 recording of digits" in soundmill("prompts", "export", "digits", "--to", str(tmp_path / "out"))
    assert list(json.loads((tmp_path / "out" / "metadata.json").read_text())) == ["x.wav"]
    soundmill("prompts", "export", "digits", "--to", str(tmp_path / "out"), "--format", "csv")
    assert "x,call nine,N9,,1" in (tmp_path / "out" / "digits.csv").read_text()
    assert "1 take deleted" in soundmill("prompts", "withdraw", "--take", take.key)
    read(lake, catalog, data, who, "x", 1)
    assert "1 take deleted" in soundmill("prompts", "withdraw", who[0].id)
    assert Takes(catalog).listed(state=None)[1] == 0


def test_what_cannot_be_is_one_clear_line(soundmill: Command, tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text("{broken\n")
    assert "no sentence in it" in soundmill("prompts", "import", "digits", str(file), code=1)
    file.write_text('{"id": "a", "supervisions": [{"text": "one"}]}\n{broken\n')
    assert "a set's name" in soundmill("prompts", "import", "get-sentence", str(file), code=1)
    assert "language" in soundmill("prompts", "import", "digits", str(file), "--language", "of birds", code=1)
    soundmill("prompts", "import", "digits", str(file), "--format", "sheet", code=2)
    soundmill("prompts", "import", "digits", str(file), "--limit", "snr_again=loud", code=2)
    assert "1 sentence added" in soundmill("prompts", "import", "digits", str(file))  # the rest is loaded
    assert "No such file" in soundmill("prompts", "import", "digits", str(tmp_path / "none.txt"), code=1)
    for command in (("status", "none"), ("export", "none", "--to", str(tmp_path))):
        assert "no prompt set 'none'" in soundmill("prompts", *command, code=1)
    assert "no speaker" in soundmill("prompts", "withdraw", "nobody", code=1)
    assert "nobody recorded" in soundmill("prompts", "withdraw", "--username", "alice", code=1)
    soundmill("prompts", "withdraw", code=2)
