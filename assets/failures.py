"""What the library refuses, as Dagster says it: one line, no trace of the code, and no second attempt."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from soundmill.errors import Damaged, InputRefused, NotFound


@contextmanager
def refused_in_one_line(prefix: str = "") -> Iterator[None]:
    """Input that cannot be used, what is not there, and what is damaged fail the step for good; `prefix` says what the message is about."""
    try:
        yield
    except (InputRefused, NotFound, Damaged) as error:
        raise dg.Failure(f"{prefix}{error}", allow_retries=False) from None
