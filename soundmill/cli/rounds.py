"""`soundmill round`: labelling rounds."""

from pathlib import Path
from typing import Annotated, Any

import typer

from soundmill.cli.common import Json, app, days_in, print_json, refuse, the_catalog
from soundmill.settings import names_in
from soundmill.wording import count

rounds = typer.Typer(no_args_is_help=True, help="Labelling rounds: define, draw, open, follow, close, export.")
app.add_typer(rounds, name="round")

Name = Annotated[str, typer.Argument(help="The round's name: letters, digits, dashes, underscores.")]


@rounds.command("new", epilog="Example: `soundmill round new owls --tags owl,fox --days 2026-01-05..2026-01-11 --sources garden`")
def round_new(
    name: Name,
    tags: Annotated[str, typer.Option(help="What people look for, comma separated.")],
    days: Annotated[str, typer.Option(help="Days of sound, such as 2026-01-05..2026-01-11.")],
    sources: Annotated[str, typer.Option(help="Sources, comma separated (default: all).")] = "",
    sessions: Annotated[int, typer.Option(help="How many stretches of sound to draw.")] = 100,
    seconds: Annotated[float, typer.Option(help="Length of each.")] = 60.0,
    shortest: Annotated[float, typer.Option(help="A box is made at least so long, in seconds.")] = 0.0,
    guideline: Annotated[str, typer.Option(help="What counts as what: people read it beside the sound.")] = "",
    rule: Annotated[str, typer.Option(help="auto, candidates (with a prediction), typical, margin, or random.")] = "auto",
    model: Annotated[str, typer.Option(help="NAME/VERSION whose predictions are shown (default: the champion).")] = "",
    threshold: Annotated[float, typer.Option(help="Leave out predictions below this margin; below 0 for a high recall.")] = 0.0,
    annotators: Annotated[int, typer.Option(help="How many people label a session that several label.")] = 2,
    overlap: Annotated[float, typer.Option(help="Share of the sessions that several people label.")] = 0.15,
    audit: Annotated[float, typer.Option(help="Share drawn to measure what the model missed.")] = 0.1,
    gold: Annotated[float, typer.Option(help="Share beside them whose answer is known from other rounds, unmarked.")] = 0.05,
    seed: Annotated[int, typer.Option(help="The same seed on the same data draws the same sessions.")] = 0,
) -> None:
    """Define a labelling round, or another recipe for one that is not open yet.

    While `soundmill dev` runs, its sessions are drawn by itself. By hand: `soundmill materialize labelling_sessions --round NAME`.
    """
    from soundmill.catalog import Rounds
    from soundmill.errors import RoundRefused, SpecRefused
    from soundmill.labelling.spec import NAME, round_spec

    if not NAME.fullmatch(name):
        raise typer.BadParameter("letters, digits, dashes and underscores, 56 of them at most", param_hint="NAME")
    values = {
        "tags": names_in(tags),
        "days": days_in(days),
        "sources": names_in(sources),
        "sessions": sessions,
        "session_seconds": seconds,
        "shortest_seconds": shortest,
        "guideline": guideline,
        "rule": rule,
        "model": model,
        "threshold": threshold,
        "annotators": annotators,
        "overlap": overlap,
        "audit": audit,
        "gold": gold,
        "seed": seed,
    }
    try:
        Rounds(the_catalog()).define(name, round_spec(values).model_dump(mode="json"))
    except (RoundRefused, SpecRefused) as error:
        refuse(str(error))
    typer.echo(f"round {name} is defined; next: soundmill materialize labelling_sessions --round {name}, then soundmill round open {name}")


@rounds.command("list", epilog="Example: `soundmill round list --json`")
def round_list(as_json: Json = False) -> None:
    """List rounds, the newest first, with how far they are."""
    from soundmill.catalog import Rounds

    store = Rounds(the_catalog())
    found = [(one, store.progress(one.name)) for one in store.all()]
    if as_json:
        print_json([{"name": one.name, "state": one.state, "sessions": told.sessions, "done": told.done} for one, told in found])
        return
    for one, told in found:
        typer.echo(f"{one.name}  {one.state}  {told.done} of {count(told.sessions, 'session')} done, tags {', '.join(one.spec['tags'])}")
    if not found:
        typer.echo("no rounds yet: soundmill round new NAME --tags ... --days ...")


@rounds.command("open", epilog="Example: `soundmill round open owls`")
def round_open(name: Name) -> None:
    """Open a round: from now on people are given its sessions, at /rounds/NAME in the studio."""
    one = _set_state(name, "open")
    typer.echo(f"round {one} is open: people label it in the studio, at /rounds/{one}")


@rounds.command("close", epilog="Example: `soundmill round close owls`")
def round_close(name: Name) -> None:
    """Close a round: nothing more is handed in, and its consensus becomes annotations once labelled_round is made."""
    from soundmill.catalog import Rounds

    one = _set_state(name, "closed")
    left = Rounds(the_catalog()).progress(name).remaining
    if left:
        typer.echo(f"{count(left, 'session')} with fewer labels than wanted: what there is of them counts", err=True)
    typer.echo(f"round {one} is closed; next: soundmill materialize labelled_round --round {one}")


@rounds.command("status", epilog="Example: `soundmill round status owls --json`")
def round_status(name: Name, as_json: Json = False) -> None:
    """Show how far a round is, how people agree, how right the model was, and what it missed."""
    from soundmill.catalog import Rounds
    from soundmill.errors import UnknownRound
    from soundmill.workflows.rounds import outcome_of

    catalog = the_catalog()
    store = Rounds(catalog)
    try:
        one, told, outcome = store.get(name), store.progress(name), outcome_of(catalog, name)
    except UnknownRound as error:
        refuse(str(error))
    if as_json:
        print_json(
            {
                "name": name,
                "state": one.state,
                "model": one.model,
                "sessions": told.sessions,
                "done": told.done,
                "held": told.held,
                "adjudicate": told.adjudicate,
                "submissions": told.submissions,
                "by_annotator": dict(told.by_annotator),
                "agreement": {tag.tag: _agreement(tag) for tag in outcome.agreement},
                "raters": {tag: [_rater(one) for one in of] for tag, of in outcome.raters.items()},
                "gold": [vars(one) for one in outcome.gold],
                "model_scores": {tag.tag: {**vars(tag), "precision": tag.precision, "recall": tag.recall} for tag in outcome.model},
                "audit": {tag: {"recall": vars(of.recall), "precision": vars(of.precision)} for tag, of in outcome.audit.items()},
                "disputed": len(outcome.disputed),
            }
        )
        return
    held = f", {told.held} held now" if one.state == "open" else ""
    typer.echo(f"{name}: {one.state}, {told.done} of {count(told.sessions, 'session')} done{held}")
    if outcome.disputed:
        typer.echo(f"  {count(len(outcome.disputed), 'session')} disputed: decide them at /rounds/{name}/results, once it is closed")
    for who, number in told.by_annotator.items():
        typer.echo(f"  {who}: {count(number, 'session')}")
    for tag in outcome.agreement:
        if tag.sessions:
            alpha, f1 = (
                f"{one.value:.2f} [{one.low:.2f}, {one.high:.2f}]" if one.value is not None else "-" for one in (tag.alpha, tag.f1)
            )
            unclear = "  the guideline is unclear" if tag.is_unclear else ""
            typer.echo(f"  {tag.tag}: alpha {alpha}, event F1 {f1}, over {count(tag.sessions, 'session')}{unclear}")
    for name_of_tag, raters in outcome.raters.items():
        for one_of in raters:
            typer.echo(
                f"  {one_of.name} finds {one_of.finds.value:.0%} of the sessions with {name_of_tag}, "
                f"and sees it in {one_of.invents.value:.0%} of those without"
            )
    for known in outcome.gold:
        f1 = _figure(known.f1)
        typer.echo(f"  {known.name}: event F1 {f1} in {count(known.sessions, 'session')} whose answer is known, {known.right:.0%} right")
    for score in outcome.model:
        typer.echo(
            f"  {score.tag} by {one.model}: {score.kept} kept, {score.moved} moved, {score.rejected} rejected, {score.added} added; "
            f"precision {_figure(score.precision)}, recall {_figure(score.recall)}"
        )
    for name_of_tag, of in outcome.audit.items():
        typer.echo(f"  {name_of_tag}: recall by audit {of.recall.value:.2f} [{of.recall.low:.2f}, {of.recall.high:.2f}]")


@rounds.command("export", epilog="Example: `soundmill round export owls > owls.tsv`")
def round_export(name: Name) -> None:
    """Write a round's consensus as Pod.Cast's TSV: dataset, wav_filename, start_time_s, duration_s, location, date, tag.

    Sessions in which nothing was found have a line of 0 seconds at 0, as in Pod.Cast's archives.
    """
    from soundmill.errors import UnknownRound
    from soundmill.formats.podcast import write_archive
    from soundmill.workflows.rounds import archive_of

    try:
        text = write_archive(archive_of(the_catalog(), name))
    except UnknownRound as error:
        refuse(str(error))
    typer.echo(text, nl=False)


@rounds.command("explore", epilog="Example: `soundmill round explore predictions.tsv ~/recordings`, then open http://127.0.0.1:8090")
def round_explore(
    predictions: Annotated[Path, typer.Argument(help="TSV with wav_filename, start_time_s, duration_s and, if it is known, confidence.")],
    recordings: Annotated[Path, typer.Argument(help="Folder with the recordings that it names.")],
    port: Annotated[int, typer.Option(help="Port to listen on, on this machine alone.")] = 8090,
) -> None:
    """Look at a model's predictions beside their recordings, one recording after another; as Pod.Cast's explorer does, with its routes."""
    import uvicorn

    from soundmill.errors import LabelFileRefused
    from soundmill.formats.podcast import read_spans
    from soundmill.formats.spreadsheets import decoded
    from soundmill.studio.explorer import create_explorer

    try:
        table = read_spans(decoded(predictions.read_bytes()))
    except LabelFileRefused as error:
        refuse(f"{predictions}: {error}")
    if not table.spans:
        refuse(f"{predictions} has no predictions")
    if not table.has_confidence:
        typer.echo("the table tells no confidence: 1.0 is taken for all", err=True)
    there = {name for name in table.recordings() if (recordings / name).is_file()}
    if missing := sorted(set(table.recordings()) - there):
        typer.echo(f"{count(len(missing), 'recording')} of {len(table.recordings())} not in {recordings}, such as {missing[0]}", err=True)
    typer.echo(f"explorer: http://127.0.0.1:{port}; stop with Ctrl-C", err=True)
    uvicorn.run(create_explorer(table, recordings), host="127.0.0.1", port=port, log_level="warning")


def _agreement(tag: Any) -> dict[str, Any]:
    intervals = {key: vars(getattr(tag, key)) for key in ("alpha", "f1", "kappa", "positive", "onset", "offset")}
    return {"sessions": tag.sessions, **intervals, "prevalence": tag.prevalence, "onset_ms": tag.onset_ms, "offset_ms": tag.offset_ms}


def _rater(one: Any) -> dict[str, Any]:
    return {"name": one.name, "sessions": one.sessions, "finds": vars(one.finds), "invents": vars(one.invents)}


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _set_state(name: str, state: Any) -> str:
    from soundmill.catalog import Rounds
    from soundmill.errors import RoundRefused, UnknownRound

    try:
        return Rounds(the_catalog()).set_state(name, state).name
    except (RoundRefused, UnknownRound) as error:
        refuse(str(error))
