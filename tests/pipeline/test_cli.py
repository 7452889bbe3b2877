"""The command, as people and scripts use it."""

import pytest
import typer
from typer.testing import CliRunner

from pipeline.cli import app, day_summary
from pipeline.run import Materialized
from tests.command import Command


def test_every_command_has_help_with_an_example() -> None:
    group = typer.main.get_command(app)
    commands = dict(group.commands)  # type: ignore[attr-defined]
    for name in [name for name, command in commands.items() if hasattr(command, "commands")]:
        commands |= {f"{name} {sub}": command for sub, command in commands.pop(name).commands.items()}
    assert {
        "demo",
        "dev",
        "ingest",
        "materialize",
        "progress",
        "doctor",
        "labels import",
        "labels export",
        "model define",
        "studio",
    } <= set(commands)
    for name, command in commands.items():
        shown = CliRunner().invoke(app, [*name.split(), "--help"]).output
        assert f"soundmill {name.split()[0]}" in shown.split("Example", 1)[1], name
        assert command.help, name


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("ingest", "nowhere.wav"), 1, "nowhere.wav is not there"),
        (("ingest", "README.md", "--started-at", "yesterday"), 2, "is not a moment"),
        (("ingest", "README.md", "--source", "a/b"), 1, "cannot name a source"),
        (("materialize", "segments", "--day", "2025-01-01"), 1, "no asset is called segments"),
        (("materialize", "detections"), 1, "which days"),
        (("materialize", "detections", "--day", "2020-01-01"), 1, "2020-01-01 is no partition"),
        (("ingest", "README.md", "--started-at", "9999-12-31T23:59:59-10:00"), 2, "is not a moment"),
        (("materialize", "detections", "--day", "monday"), 2, "is not a day"),
        (("materialize", "detections", "--from", "2025-01-02", "--to", "2025-01-01"), 2, "--to lies before --from"),
        (("materialize", "osr_model", "--model", "nosuch"), 1, "no model is called 'nosuch'"),
        (("model", "define", "no/slash"), 1, "cannot name a model"),
        (("model", "define", "x", "--extractor", "mfcc"), 1, "run here: pooled_spectral"),
        (("model", "define", "x", "--least-recall", "1.5"), 1, "least_recall"),
        (("model", "define", "x", "--train-days", "2025-01-01", "--test-days", "2025-01-01"), 1, "would both train and test"),
        (("transcribe", "nowhere.wav"), 1, "nowhere.wav is not there"),
        (("transcribe", "README.md", "--words", "a", "--format", "srt"), 2, "json only"),
        (("transcribe", "README.md", "--reference", "nowhere.txt"), 1, "nowhere.txt: No such file"),
        (("transcribe", "README.md", "--format", "doc"), 2, "there are: json, srt"),
        (("transcribe", "README.md", "LICENSE", "--format", "srt"), 2, "name a folder"),
        (("transcribe", "README.md", "--words", "a", "--stemming", "klingon"), 2, "no stems are known"),
        (("account", "admin", "nobody"), 1, "there is no account 'nobody'"),
        (("model", "show", "x"), 1, "no model is called 'x'"),
        (("model", "train", "x", "nowhere"), 1, "nowhere is no folder"),
        (("model", "train", "x", "docs", "--extractor", "yamnet"), 1, "SOUNDMILL_EXTRACTORS"),
        (("model", "promote", "x", "--version", "3"), 1, "no finished version"),
        (("labels", "import", "README.md"), 1, "the header lacks"),
        (("ingest", "docs/../.ci"), 1, "no audio file found"),
        (("labels", "import", "README.md", "--format", "xml"), 2, "is not one of"),
        (("labels", "export", "--days", ""), 2, "at least one day"),
        (("demo", "--clips", "docs"), 1, "three folders"),
        (("rubbish",), 2, "No such command"),
    ],
)
def test_what_is_typed_wrong_is_one_line_and_a_code(soundmill: Command, arguments: tuple[str, ...], code: int, says: str) -> None:
    message = " ".join(soundmill(*arguments, code=code).replace("│", " ").split())
    assert says in message


def test_a_range_of_days_is_told_in_a_line_for_each_asset() -> None:
    done = [
        Materialized("captured_segments", f"2025-01-0{day}", {"status": status})
        for day, status in ((1, "updated"), (2, "empty"), (3, "empty"))
    ]
    done.append(Materialized("captured_segments", "2025-01-04", {"status": "updated", "quarantined": 2}))
    assert day_summary(done) == [
        "captured_segments: 2 updated, 2 empty",
        "in quarantine: 2 files, on 2025-01-04 (2); each with its reason below quarantine/ in the lake",
    ]


def test_a_wrong_setting_is_named(soundmill: Command) -> None:
    assert "SOUNDMILL_TIMEZONE: no time zone is called 'Mars'" in soundmill("progress", code=1, SOUNDMILL_TIMEZONE="Mars")
    for command in ("progress", "doctor", "demo", "dev"):
        assert "SOUNDMILL_GATE_DBFS" in soundmill(command, code=1, SOUNDMILL_GATE_DBFS="loud")
    assert "SOUNDMILL_START_DATE" in soundmill("materialize", "day", "--day", "2025-01-01", code=1, SOUNDMILL_START_DATE="soon")
