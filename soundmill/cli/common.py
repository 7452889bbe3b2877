"""What all commands share: the application, its settings, and how it refuses, counts and prints."""

import json
import logging
import sys
from datetime import date, datetime
from typing import Annotated, Any, NoReturn

import typer
from pydantic import ValidationError
from typer.core import TyperGroup

from soundmill.errors import UnreadableTime
from soundmill.settings import Settings, masked_url
from soundmill.times import parse_days, parse_instant


class _Commands(TyperGroup):
    """Commands that end in one line where a disk, a folder or the catalog is at fault."""

    def invoke(self, ctx: Any) -> Any:
        """Runs the command that was typed."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise
        except OSError as error:
            refuse(_in_words(error))
        except Exception as error:
            if (sqlalchemy := sys.modules.get("sqlalchemy.exc")) and isinstance(error, sqlalchemy.OperationalError):
                refuse(f"the catalog cannot be used: {masked_url(str(error.orig))}")
            raise


def _in_words(error: OSError) -> str:
    place = f"{error.filename}: " if error.filename else ""
    return f"{place}{error.strerror or error}"


app = typer.Typer(
    cls=_Commands,
    name="soundmill",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Turn audio into segments, labels, recognition models and reports. Start with `soundmill demo`, then `soundmill dev`.",
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]


def refuse(message: str) -> NoReturn:
    """Ends the command with one clear line and exit code 1."""
    typer.echo(f"soundmill: {message}", err=True)
    raise typer.Exit(1)


def settings() -> Settings:
    """The settings, or one line on what is wrong with them."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "SOUNDMILL_" + str(first["loc"][0]).upper() if first["loc"] else "the settings"
        refuse(f"{name}: {first['msg'].removeprefix('Value error, ')}")


def print_json(values: Any) -> None:
    """JSON on standard output; times and days as ISO text."""
    typer.echo(json.dumps(values, indent=1, default=lambda value: value.isoformat() if hasattr(value, "isoformat") else str(value)))


def instant(text: str | None) -> datetime | None:
    """A moment that was typed, or a usage error."""
    if text is None:
        return None
    try:
        return parse_instant(text)
    except UnreadableTime as error:
        raise typer.BadParameter(str(error)) from None


def days_in(text: str | None) -> tuple[date, ...]:
    """Days that were typed, or a usage error."""
    try:
        return parse_days(text or "")
    except UnreadableTime as error:
        raise typer.BadParameter(str(error)) from None


def hours(value: float | None) -> float | None:
    """Hours that were typed, or a usage error."""
    if value is not None and not 0 < value <= 1e9:
        raise typer.BadParameter("hours are more than 0, and no more than a billion")
    return value


def the_lake() -> Any:
    """The lake of the settings."""
    from soundmill.lake import open_lake

    values = settings()
    return open_lake(values.lake_url, values.s3_endpoint)


def the_catalog() -> Any:
    """The catalog of the settings, or one line on why it cannot be opened."""
    from soundmill.catalog import open_catalog
    from soundmill.errors import CatalogUnavailable

    try:
        return open_catalog(settings().catalog_url)
    except CatalogUnavailable as error:
        refuse(str(error))


def log_to_stderr() -> None:
    """Log lines of what runs for long, on standard error, without those of libraries that say what they always do."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    for name in ("alembic", "httpx"):
        logging.getLogger(name).setLevel(logging.WARNING)
