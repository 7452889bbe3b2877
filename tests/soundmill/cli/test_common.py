"""What all commands share: what is typed, and how it is refused."""

import json
from datetime import UTC, date, datetime

import pytest
import typer

from soundmill.cli.common import days_in, hours, instant, print_json, refuse, settings, the_catalog
from soundmill.settings import names_in
from tests.command import Command


def test_a_refusal_is_one_line_and_a_code(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended:
        refuse("there is no such thing")
    assert ended.value.exit_code == 1
    assert capsys.readouterr().err == "soundmill: there is no such thing\n"


def test_a_wrong_setting_and_a_catalog_that_cannot_be_opened_are_refused_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SOUNDMILL_CATALOG", "oracle://nowhere")
    with pytest.raises(typer.Exit):
        the_catalog()
    monkeypatch.setenv("SOUNDMILL_TARGET_HOURS", "-1")
    with pytest.raises(typer.Exit):
        settings()
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("soundmill: ")
    assert "SOUNDMILL_TARGET_HOURS: " in second


def test_moments_days_hours_and_names_are_read_or_refused() -> None:
    assert instant("2026-01-05T10:00:00Z") == datetime(2026, 1, 5, 10, tzinfo=UTC)
    assert instant(None) is None
    assert days_in("2026-01-05..2026-01-06") == (date(2026, 1, 5), date(2026, 1, 6))
    assert days_in(None) == ()
    assert names_in(" a, b,,c ") == ("a", "b", "c")
    assert hours(1.5) == 1.5
    for wrong in (lambda: instant("soon"), lambda: days_in("monday"), lambda: hours(0.0), lambda: hours(1e12)):
        with pytest.raises(typer.BadParameter):
            wrong()


def test_times_are_text_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"at": datetime(2026, 1, 5, tzinfo=UTC), "day": date(2026, 1, 5)})
    assert json.loads(capsys.readouterr().out) == {"at": "2026-01-05T00:00:00+00:00", "day": "2026-01-05"}


def test_a_home_that_cannot_be_made_is_one_line(soundmill: Command) -> None:
    for command in (
        ["doctor"],
        ["progress"],
        ["account", "list"],
        ["device", "list"],
        ["download", "status"],
        ["labels", "export", "--days", "2025-01-01"],
    ):
        said = soundmill(*command, code=1, SOUNDMILL_HOME="/proc/nowhere/home")
        assert "/proc/nowhere" in said
        assert len(said.splitlines()) == 1, said
