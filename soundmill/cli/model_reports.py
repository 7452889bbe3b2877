"""`soundmill model ...`: what is looked at before and after a fit: days, checks, reports, tests, comparisons, thresholds, new sounds."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from soundmill.cli.common import Json, days_in, print_json, refuse, settings, the_catalog, the_lake
from soundmill.cli.models import model
from soundmill.osr.promotion import FEWEST_GROUPS
from soundmill.settings import names_in
from soundmill.wording import count, table

if TYPE_CHECKING:
    from soundmill.catalog import ModelVersion
    from soundmill.workflows.training import Report

_NONE = "–"
Version = Annotated[int | None, typer.Option(help="Version number (default: the one trained last).")]


@model.command("days", epilog="Example: `soundmill model days --sources garden`")
def model_days(
    sources: Annotated[str, typer.Option(help="Sources, comma separated (default: all but those that are set apart).")] = "",
    as_json: Json = False,
) -> None:
    """Show what each day holds: labelled sounds by tag, segments, coverage. Of long collections the last year."""
    from soundmill.workflows.training import days_of_data

    found = days_of_data(the_lake(), the_catalog(), names_in(sources))
    if as_json:
        print_json([{**vars(one), "day": one.day.isoformat()} for one in found])
        return
    for one in found:
        labels = ", ".join(f"{number} {tag}" for tag, number in one.tags.items()) or "no labels"
        covered = "" if one.coverage is None else f", {one.coverage:.0%} covered"
        typer.echo(f"{one.day}  {one.segments} segments{covered}: {labels}")


@model.command("suggest", epilog="Example: `soundmill model suggest --tags kettle,doorbell`")
def model_suggest(
    tags: Annotated[str, typer.Option(help="Tags, comma separated (default: all).")] = "",
    sources: Annotated[str, typer.Option(help="Sources, comma separated (default: all but those that are set apart).")] = "",
    as_json: Json = False,
) -> None:
    """Suggest training and test days: every tag on both sides where it can be, no recording and no copy on two."""
    from soundmill.workflows.training import suggest_days

    with _refusals():
        found = suggest_days(the_lake(), the_catalog(), names_in(tags), names_in(sources))
    days = {"train_days": [str(day) for day in found.train], "test_days": [str(day) for day in found.test]}
    if found.note:
        typer.echo(found.note, err=True)
    if as_json:
        print_json(days)
        return
    typer.echo(f"--train-days {','.join(days['train_days'])} --test-days {','.join(days['test_days'])}")


@model.command("check", epilog="Example: `soundmill model check kitchen`")
def model_check(
    name: str,
    copies: Annotated[bool, typer.Option(help="Look for copies of training sounds among the test sounds, too.")] = True,
    as_json: Json = False,
) -> None:
    """Say what stands against a model's definition before it is fitted. Exits with 1 where there would be no fit, or no report."""
    from soundmill.options import training_options
    from soundmill.workflows.training import check_choice, definition

    with _refusals():
        spec = definition(the_catalog(), name).spec
        found = check_choice(the_lake(), the_catalog(), spec.model_dump(mode="json"), training_options(settings()), copies=copies)
    if as_json:
        print_json(
            {"refused": found.is_refused, "findings": [vars(one) for one in found.findings], "train": found.train, "test": found.test}
        )
    else:
        for one in found.findings:
            typer.echo(f"{one.level}: {one.text}")
        if not found.findings:
            typer.echo("nothing stands against it")
    if found.is_refused:
        raise typer.Exit(1)


@model.command("copy", epilog="Example: `soundmill model copy kitchen kitchen_night`")
def model_copy(name: str, to: str) -> None:
    """Define another model as one is defined."""
    from soundmill.workflows.training import copy_model

    with _refusals():
        copy_model(the_catalog(), name, to)
    typer.echo(f"{to} is defined as {name} is")


@model.command("status", epilog="Example: `soundmill model status`")
def model_status(as_json: Json = False) -> None:
    """Say what becomes of each model right now: waiting for the sensor, queued, being fitted, failed, fitted."""
    from soundmill.workflows.training import requests_now

    found = requests_now(the_catalog(), settings().dagster_url)
    if as_json:
        print_json([{**vars(one), "since": one.since and one.since.isoformat()} for one in found.requests])
        return
    if found.problem:
        typer.echo(found.problem, err=True)
    for one in found.requests:
        typer.echo(f"{one.model}\t{one.state}\t{one.text}{f' ({one.link})' if one.link else ''}")


@model.command("report", epilog="Example: `soundmill model report kitchen --version 2`")
def model_report(name: str, version: Version = None, as_json: Json = False) -> None:
    """Print a version's report: its figures, each tag, and the confusion matrix."""
    from soundmill.workflows.training import read_report

    with _refusals():
        found = _version(name, version)
        _print_report(read_report(the_lake(), found), as_json)


@model.command("test", epilog="Example: `soundmill model test kitchen --days 2026-02-01..2026-02-03`")
def model_test(
    name: str,
    days: Annotated[str, typer.Option(help="Days to test on, such as 2026-01-05,2026-01-09..2026-01-11.")],
    background_days: Annotated[str | None, typer.Option(help="Days of background (default: the same days).")] = None,
    version: Version = None,
    as_json: Json = False,
) -> None:
    """Test a version on other days, without fitting it again; days that it was trained on are refused. Nothing is stored."""
    from soundmill.options import training_options
    from soundmill.workflows.training import evaluate_on_days

    with _refusals():
        quiet = None if background_days is None else days_in(background_days)
        found = evaluate_on_days(the_lake(), the_catalog(), _version(name, version), days_in(days), quiet, training_options(settings()))
        _print_report(found, as_json)


@model.command("compare", epilog="Example: `soundmill model compare kitchen/1 kitchen/2 --days 2026-02-01..2026-02-03`")
def model_compare(
    first: Annotated[str, typer.Argument(help="NAME/VERSION, or NAME for the one trained last.")],
    second: Annotated[str, typer.Argument(help="As the first.")],
    days: Annotated[str, typer.Option(help="Days that neither was trained on (default: those that test both).")] = "",
    as_json: Json = False,
) -> None:
    """Compare two versions on the same days: every figure of both, and 95 % of bootstraps of the difference."""
    from dataclasses import asdict

    from soundmill.options import training_options
    from soundmill.workflows.training import compare_versions

    with _refusals():
        one, other = (_named(name) for name in (first, second))
        found = compare_versions(the_lake(), the_catalog(), one, other, days_in(days) or None, None, training_options(settings()))
    result = found.result
    if as_json:
        told = asdict(result) | {"test_days": [day.isoformat() for day in found.test_days]}
        print_json(told)
        return
    typer.echo(f"{result.sounds} sounds in {result.groups} groups, on {', '.join(map(str, found.test_days))}", err=True)
    _warn_of_few(result.groups)
    rows = [
        [one.name if one in result.figures else f"F1 {one.name}", _figure(one.first), _figure(one.second), _interval(one.interval)]
        for one in [*result.figures, *result.tags]
    ]
    typer.echo(table(["figure", first, second, "difference, 95 %"], rows))


@model.command("thresholds", epilog="Example: `soundmill model thresholds kitchen kettle=+0.4 doorbell=-0.2`")
def model_thresholds(
    name: str,
    moves: Annotated[list[str], typer.Argument(metavar="TAG=BY...", help="Above 0: stricter; below 0: looser. In units of the margin.")],
    version: Version = None,
) -> None:
    """Move thresholds from where a version has them; the next fit of the model has them, as a version of its own."""
    from soundmill.workflows.training import move_thresholds

    by = {}
    for move in moves:
        tag, _, text = move.rpartition("=")
        try:
            by[tag] = float(text)
        except ValueError:
            raise typer.BadParameter(f"{move!r} is not of the form TAG=NUMBER", param_hint="TAG=BY") from None
    with _refusals():
        known = move_thresholds(the_catalog(), _version(name, version), by)
    said = ", ".join(f"{tag} {offset:+g}" for tag, offset in known.spec.threshold_offsets.items())
    typer.echo(f"thresholds of {name} are moved: {said or 'none'}")


@model.command("new-sounds", epilog="Example: `soundmill model new-sounds kitchen --group 1 --tag blender`")
def model_new_sounds(
    name: str,
    group: Annotated[int | None, typer.Option(help="With --tag: the group that gets it.")] = None,
    tag: Annotated[str, typer.Option(help="Label the sounds of the group with this tag.")] = "",
    author: Annotated[str, typer.Option(help="Whose labels they are.")] = "local user",
    version: Version = None,
    as_json: Json = False,
) -> None:
    """List groups of alike sounds that a version called "other" on its test days, or make a tag of one."""
    from pydantic import TypeAdapter

    from soundmill.workflows.training import read_report, tag_group
    from soundmill.workflows.training.reports import NewGroup

    if bool(tag) != (group is not None):
        raise typer.BadParameter("name both --group and --tag", param_hint="--tag")
    with _refusals():
        found = _version(name, version)
        if group is not None:
            typer.echo(count(tag_group(the_lake(), the_catalog(), found, group, tag, author), "new label"))
            return
        groups = read_report(the_lake(), found).new_sounds
    if as_json:
        print_json(TypeAdapter(list[NewGroup]).dump_python(groups, mode="json"))
        return
    for one in groups:
        first = one.members[0] if one.members else None
        where = f", such as {first.source} at {first.start:%Y-%m-%d %H:%M:%S} UTC" if first else ""
        typer.echo(f"{one.rank}: {one.sounds} sounds, nearest to {one.nearest}, novelty {one.novelty:.1f}{where}")
    if not groups:
        typer.echo("no group of alike sounds among the rejected")


@model.command("export", epilog="Example: `soundmill model export kitchen --to kitchen-files`")
def model_export(
    name: str, to: Annotated[Path, typer.Option(help="Folder, made where it is not there.", file_okay=False)], version: Version = None
) -> None:
    """Copy a version's card, model, report and predictions (CSV) to a folder."""
    from soundmill.errors import NoReport
    from soundmill.workflows.training import files_of, predictions_csv

    with _refusals():
        found = _version(name, version)
        files = {file: the_lake().read_bytes(path) for file, path in files_of(the_lake(), found).items()}
        try:
            files["predictions.csv"] = predictions_csv(the_lake(), found)
        except NoReport as error:
            typer.echo(str(error), err=True)
    to.mkdir(parents=True, exist_ok=True)
    for file, data in files.items():
        (to / file).write_bytes(data)
        typer.echo(str(to / file))


def _print_report(report: "Report", as_json: bool) -> None:
    from dataclasses import asdict

    result = report.evaluation
    if as_json:
        print_json(result.as_json() | {"test_days": [day.isoformat() for day in report.test_days]})
        return
    typer.echo(f"tested on {', '.join(map(str, report.test_days))}", err=True)
    _warn_of_few(result.groups)
    figures = [[name, _figure(value), _interval(result.intervals.get(name), "")] for name, value in asdict(result.headline).items()]
    typer.echo(table(["figure", "value", "95 %"], [row for row in figures if row[1] != _NONE]))
    head = ["tag", "test sounds", "precision", "recall", "expected recall"]
    rows = [
        [tag, str(one.support), *(_figure(value) for value in (one.precision, one.recall, one.expected_recall))]
        for tag, one in result.tags.items()
    ]
    typer.echo("\n" + table(head, rows))
    matrix = [[row, *map(str, counts)] for row, counts in zip(result.rows, result.confusion, strict=True)]
    typer.echo("\n" + table(["predicted, of", *result.columns], matrix))


def _warn_of_few(groups: int) -> None:
    if groups < FEWEST_GROUPS:
        said = "are narrower than they should be" if groups > 1 else "cannot be had"
        typer.echo(f"{count(groups, 'group')} of test sounds (recordings, or ten minutes of one): with so few intervals {said}", err=True)


def _figure(value: float | None) -> str:
    return _NONE if value is None else f"{value:.3f}"


def _interval(bounds: Any, sign: str = "+") -> str:
    return f"{bounds[0]:{sign}.3f} to {bounds[1]:{sign}.3f}" if bounds else _NONE


def _version(name: str, version: int | None) -> "ModelVersion":
    from soundmill.catalog import ModelRegistry
    from soundmill.workflows.predictions import version_named

    if version is None:
        return ModelRegistry(the_catalog()).current(name)
    found = version_named(the_catalog(), f"{name}/{version}")
    assert found is not None  # a name was given
    return found


def _named(text: str) -> "ModelVersion":
    name, _, number = text.partition("/")
    if number and not number.isdigit():
        raise typer.BadParameter(f"{text!r} is not of the form NAME/VERSION")
    return _version(name, int(number) if number else None)


@contextmanager
def _refusals() -> Iterator[None]:
    """What is refused, as one line."""
    from soundmill.errors import SoundmillError

    try:
        yield
    except SoundmillError as error:
        refuse(str(error))
