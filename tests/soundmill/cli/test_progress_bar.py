"""Progress is shown where somebody looks, and nowhere else."""

import io

import pytest
import rich.console

from soundmill.cli.progress_bar import bar, steps


def test_nothing_is_printed_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    with bar("fetching", 2) as advance, steps("copying") as reached:
        advance("a line")
        advance()
        reached(1, 2)
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "a line\n")


def test_on_a_terminal_the_bar_says_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    console = rich.console.Console(file=screen, force_terminal=True, width=80)
    monkeypatch.setattr(rich.console, "Console", lambda **_: console)
    with bar("fetching", 2) as advance:
        advance("[bold] call: done")
        advance()
    assert "[bold] call: done" in screen.getvalue()
    assert "2/2" in screen.getvalue()
