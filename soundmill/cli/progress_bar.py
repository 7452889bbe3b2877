"""A progress bar on standard error for work that takes long; nothing where nobody looks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress


@contextmanager
def bar(what: str, total: int) -> Iterator[Callable[[str | None], None]]:
    """Shows `what` with a bar of so many steps; call what it gives after each step, with a line to print above the bar, or None."""
    with _bars() as bars:
        task = bars.add_task(what, total=total)

        def advance(line: str | None = None) -> None:
            if line:
                bars.console.print(line, highlight=False, markup=False)
            bars.advance(task)

        yield advance


@contextmanager
def steps(what: str) -> Iterator[Callable[[int, int], None]]:
    """The same for work whose length shows on the way; call what it gives with steps done and steps in all."""
    with _bars() as bars:
        task = bars.add_task(what, total=None)

        def reached(done: int, total: int) -> None:
            bars.update(task, completed=done, total=total)

        yield reached


def _bars() -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal)
