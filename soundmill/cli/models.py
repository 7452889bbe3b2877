"""`soundmill model`: recognisers by name."""

from typing import Annotated, Any

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
from soundmill.settings import names_in
from soundmill.wording import count

model = typer.Typer(no_args_is_help=True, help="Recognition models: define, train, list, show, promote, delete.")
app.add_typer(model, name="model")


@model.command("define", epilog="Example: `soundmill model define kitchen --tags kettle,doorbell --train-days 2026-01-01..2026-01-20`")
def model_define(
    name: Annotated[str, typer.Argument(help="Letters, digits, dashes, underscores.")],
    tags: Annotated[str, typer.Option(help="Tags to train on, comma separated (default: all).")] = "",
    train_days: Annotated[str, typer.Option(help="Days to train on (default: the first 70 % of the annotated days).")] = "",
    test_days: Annotated[str, typer.Option(help="Days to evaluate on (default: the other annotated days).")] = "",
    background_days: Annotated[str | None, typer.Option(help="Days whose unlabelled sound is background; '' for none.")] = None,
    sources: Annotated[str, typer.Option(help="Sources to use, comma separated (default: all).")] = "",
    extractor: Annotated[
        str, typer.Option(help="pooled_spectral, yamnet, loudest_frames (Buddybork's features), or several joined by +.")
    ] = "pooled_spectral",
    recogniser: Annotated[
        str | None, typer.Option(help="open_set, or gaussian_votes (Buddybork's recogniser; the default with loudest_frames).")
    ] = None,
    least_recall: Annotated[
        float | None,
        typer.Option(help="Recall on known sounds that thresholds are to keep (default: known and unknown sounds are balanced)."),
    ] = None,
    threshold: Annotated[
        str | None,
        typer.Option(
            help="quantile, background_balance, left_out_classes, mean, stricter, training_percentile (default: the data decide)."
        ),
    ] = None,
    rejection: Annotated[
        str | None,
        typer.Option(help="relative_mahalanobis, background_ratio, combined, energy, max_softmax (default: the data decide)."),
    ] = None,
    projector: Annotated[str, typer.Option(help="pca_lda, logistic, none.")] = "pca_lda",
    class_model: Annotated[str, typer.Option(help="gaussian_angle, gaussian, mixture, logistic, knn.")] = "gaussian_angle",
    least_dbfs: Annotated[float | None, typer.Option(help="Segments with a lower peak level (dBFS) are always 'other'.")] = None,
    time_of_day: Annotated[bool | None, typer.Option(help="Use the hour of the day.")] = None,
    allow_duplicates: Annotated[bool, typer.Option(help="Evaluate the model even if test sounds are copies of training sounds.")] = False,
) -> None:
    """Define a model, or change its definition.

    While `soundmill dev` runs, the sensor `model_requests` trains and evaluates it. By hand:
    `soundmill materialize osr_model evaluation_report --model NAME`.
    """
    from soundmill.catalog import Annotations, ModelRegistry
    from soundmill.errors import SpecRefused
    from soundmill.osr.spec import ModelSpec, check_name

    values = {
        "tags": names_in(tags),
        "train_days": days_in(train_days),
        "test_days": days_in(test_days),
        "background_days": None if background_days is None else days_in(background_days),
        "sources": names_in(sources),
        "extractor": extractor,
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
    if extractor not in settings().extractor_names:
        refuse(f"{extractor!r} is not among the extractors run here: {', '.join(settings().extractor_names)} (SOUNDMILL_EXTRACTORS)")
    known_tags = Annotations(the_catalog()).tags()
    if known_tags and (unknown := sorted(set(names_in(tags)) - set(known_tags))):
        refuse(_no_such_tag(unknown, known_tags))
    try:
        spec = ModelSpec.parse(values)
        registry = ModelRegistry(the_catalog())
        wanted = spec.model_dump(mode="json")
        same = next((other for other, known in registry.specs().items() if known == wanted and other != name), None)
        registry.define(check_name(name), wanted)
    except SpecRefused as error:
        refuse(str(error))
    typer.echo(f"{name} is defined" + (f"; it is the same as {same}" if same else ""))


def _no_such_tag(unknown: list[str], known: list[str]) -> str:
    """What is said of tags that no label has: the nearest that one has."""
    from difflib import get_close_matches

    close = {tag: get_close_matches(tag, known, 1) for tag in unknown}
    named = ", ".join(f"{tag!r}" + (f" (did you mean {found[0]!r}?)" if found else "") for tag, found in close.items())
    return f"no label has the tag {named}; there are {', '.join(known)}"


@model.command("list", epilog="Example: `soundmill model list --json`")
def model_list(as_json: Json = False) -> None:
    """List models, their versions, and the champion."""
    from soundmill.catalog import ModelRegistry

    registry = ModelRegistry(the_catalog())
    mine: dict[str, list[Any]] = {}
    for fit in registry.versions():
        mine.setdefault(fit.name, []).append(fit)
    rows = [
        {
            "model": name,
            "version": version.version if version else None,
            "champion": bool(version and version.champion),
            "fitted": bool(version and version.card),
            "tags": version.card["tags"] if version and version.card else [],
        }
        for name in registry.specs()
        for version in (mine.get(name) or [None])
    ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        state = "not fitted yet" if not row["fitted"] else ", ".join(row["tags"])
        typer.echo(f"{row['model']}\t{row['version'] or '-'}\t{'champion' if row['champion'] else ''}\t{state}")


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
    from soundmill.errors import UnknownModel
    from soundmill.workflows.training import promote_model

    try:
        chosen = promote_model(the_catalog(), name, because, version)
    except UnknownModel as error:
        refuse(str(error))
    typer.echo(f"{chosen.name} version {chosen.version} is the champion")


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
