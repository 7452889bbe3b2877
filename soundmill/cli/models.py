"""`soundmill model`: recognisers by name."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from soundmill.cli.common import (
    Json,
    app,
    days_in,
    print_json,
    refuse,
    settings,
    the_catalog,
    the_lake,
)
from soundmill.osr.spec import settings_of_models
from soundmill.settings import names_in
from soundmill.wording import count

if TYPE_CHECKING:
    from soundmill.workflows.training.overview import VersionNow

model = typer.Typer(no_args_is_help=True, help="Recognition models: define, train, list, show, promote, delete.")
app.add_typer(model, name="model")
_SETTINGS = {one.name: one for one in settings_of_models()}


def setting(name: str) -> str:
    """What a setting does, and what it can be."""
    choices = ", ".join(_SETTINGS[name].choices)
    return _SETTINGS[name].about + (f": {choices}." if choices else ".")


@model.command("define", epilog="Example: `soundmill model define kitchen --tags kettle,doorbell --train-days 2026-01-01..2026-01-20`")
def model_define(
    name: Annotated[str, typer.Argument(help="Letters, digits, dashes, underscores.")],
    tags: Annotated[str, typer.Option(help="Tags to train on, comma separated (default: all).")] = "",
    train_days: Annotated[str, typer.Option(help="Days to train on (default: the first 70 % of the annotated days).")] = "",
    test_days: Annotated[str, typer.Option(help="Days to evaluate on (default: the other annotated days).")] = "",
    background_days: Annotated[str | None, typer.Option(help="Days whose unlabelled sound is background; '' for none.")] = None,
    test_background_days: Annotated[str | None, typer.Option(help="Days of background to test on (default: the test days).")] = None,
    sources: Annotated[str, typer.Option(help="Sources to use, comma separated (default: all).")] = "",
    extractor: Annotated[str | None, typer.Option(help=setting("extractor") + " (default: the first of SOUNDMILL_EXTRACTORS)")] = None,
    recogniser: Annotated[str | None, typer.Option(help=setting("recogniser"))] = None,
    least_recall: Annotated[float | None, typer.Option(help=setting("least_recall"))] = None,
    threshold: Annotated[str | None, typer.Option(help=setting("threshold"))] = None,
    rejection: Annotated[str | None, typer.Option(help=setting("rejection"))] = None,
    projector: Annotated[str, typer.Option(help=setting("projector"))] = "pca_lda",
    class_model: Annotated[str, typer.Option(help=setting("class_model"))] = "gaussian_angle",
    least_dbfs: Annotated[float | None, typer.Option(help=setting("least_dbfs"))] = None,
    time_of_day: Annotated[bool | None, typer.Option(help=setting("time_of_day"))] = None,
    allow_duplicates: Annotated[bool, typer.Option(help=setting("allow_duplicates"))] = False,
) -> None:
    """Define a model, or change its definition.

    While `soundmill dev` runs, the sensor `model_requests` trains and evaluates it. By hand:
    `soundmill materialize osr_model evaluation_report --model NAME`.
    """
    from soundmill.errors import SpecRefused
    from soundmill.options import training_options
    from soundmill.workflows.training import check_choice, define_model

    values = {
        "tags": names_in(tags),
        "train_days": days_in(train_days),
        "test_days": days_in(test_days),
        "background_days": None if background_days is None else days_in(background_days),
        "test_background_days": None if test_background_days is None else days_in(test_background_days),
        "sources": names_in(sources),
        **({} if extractor is None else {"extractor": extractor}),
        "projector": projector,
        "class_model": class_model,
        "rejection": rejection,
        "threshold": threshold,
        "least_recall": least_recall,
        "least_dbfs": least_dbfs,
        "allow_duplicates": allow_duplicates,
        **({} if time_of_day is None else {"time_of_day": time_of_day}),
        **({} if recogniser is None else {"recogniser": recogniser}),
    }
    try:
        known = define_model(the_catalog(), name, values, settings().extractor_names)
    except SpecRefused as error:
        refuse(str(error))
    typer.echo(f"{name} is defined" + (f"; it is the same as {known.same_as}" if known.same_as else ""))
    found = check_choice(the_lake(), the_catalog(), known.spec.model_dump(mode="json"), training_options(settings()))
    for one in found.findings:
        if one.level == "refusal":
            typer.echo(f"it cannot be fitted, or not evaluated, as it is: {one.text}", err=True)


@model.command("list", epilog="Example: `soundmill model list --json`")
def model_list(as_json: Json = False) -> None:
    """List models, their versions, and the champion."""
    from soundmill.workflows.training import models_now

    rows: list[dict[str, Any]] = [
        {
            "model": one.name,
            "version": version.version if version else None,
            "champion": bool(version and version.champion),
            "fitted": version is not None,
            "tags": list(version.support) if version else [],
            "headline": asdict(version.headline) if version and version.headline else None,
        }
        for one in sorted(models_now(the_lake(), the_catalog()), key=lambda one: one.name)
        for version in _each_or_none(one.versions)
    ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        state = "not fitted yet" if not row["fitted"] else ", ".join(row["tags"])
        accw = (row["headline"] or {}).get("accw")
        figures = "" if accw is None else f"\tACCw {accw:.2f}"
        typer.echo(f"{row['model']}\t{row['version'] or '-'}\t{'champion' if row['champion'] else ''}\t{state}{figures}")


def _each_or_none(versions: list["VersionNow"]) -> list["VersionNow | None"]:
    """The oldest first; of a model that was never fitted there is a row, too."""
    return [*versions[::-1]] or [None]


@model.command("show", epilog="Example: `soundmill model show kitchen`")
def model_show(
    name: str, version: Annotated[int | None, typer.Option(help="Version number (default: the one trained last).")] = None
) -> None:
    """Print the card of a version as JSON."""
    from soundmill.catalog import ModelRegistry
    from soundmill.errors import UnknownModel

    registry = ModelRegistry(the_catalog())
    try:
        found = registry.current(name) if version is None else next((v for v in registry.versions(name) if v.version == version), None)
    except UnknownModel as error:
        refuse(str(error))
    if found is None or found.card is None:
        refuse(f"{name!r} has no finished version {version}")
    print_json(found.card)


@model.command("promote", epilog="Example: `soundmill model promote kitchen --version 3 --because 'fewer false alarms at night'`")
def model_promote(
    name: str,
    version: Annotated[int | None, typer.Option(help="Version number (default: the one trained last).")] = None,
    because: Annotated[str, typer.Option(help="The reason, which is stored with the version.")] = "by hand",
) -> None:
    """Make a version the champion: the one model whose predictions become detections."""
    from soundmill.errors import NoReport, UnknownModel
    from soundmill.workflows.training import promote_model, read_summary

    try:
        chosen = promote_model(the_catalog(), name, because, version)
    except UnknownModel as error:
        refuse(str(error))
    typer.echo(f"{chosen.name} version {chosen.version} is the champion")
    try:
        read_summary(the_lake(), chosen)
    except NoReport as error:
        typer.echo(f"nobody knows how good it is: {error}", err=True)


@model.command("delete", epilog="Example: `soundmill model delete kitchen --yes`")
def model_delete(
    name: str, yes: Annotated[bool, typer.Option("--yes", help="Actually delete; without, print what would be deleted.")] = False
) -> None:
    """Delete a model with all its versions. Its detections stay."""
    from soundmill.catalog import ModelRegistry
    from soundmill.errors import UnknownModel
    from soundmill.workflows.training import delete_model

    registry = ModelRegistry(the_catalog())
    try:
        if not yes:
            registry.spec(name)
            typer.echo(f"would delete {name} with {count(len(registry.versions(name)), 'version')}; add --yes to delete it")
            return
        versions = delete_model(the_lake(), the_catalog(), name)
    except UnknownModel as error:
        refuse(str(error))
    typer.echo(f"deleted {name} with {count(len(versions), 'version')}")
