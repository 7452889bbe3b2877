"""A progress bar on standard error for work that takes long; nothing where nobody looks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def bar(what: str, total: int) -> Iterator[Callable[[str | None], None]]:
    """Shows `what` with a bar of so many steps; call what it gives after each step, with a line to print above the bar, or None."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as shown:
        task = shown.add_task(what, total=total)

        def advance(line: str | None = None) -> None:
            if line:
                console.print(line, highlight=False, markup=False)
            shown.advance(task)

        yield advance
