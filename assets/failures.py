"""What the library refuses, as Dagster says it: one line, no trace of the code, and no second attempt."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from soundmill.errors import InputRefused, NotFound


@contextmanager
def refused_in_one_line(prefix: str = "") -> Iterator[None]:
    """Input that cannot be used, and things that are not there, fail the step for good; `prefix` says what the message is about."""
    try:
        yield
    except (InputRefused, NotFound) as error:
        raise dg.Failure(f"{prefix}{error}", allow_retries=False) from None
