"""The commands that run Dagster; they join those of the library by an entry point."""

import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from soundmill.cli import Json, app, print_json, refuse, settings
from soundmill.cli.common import the_catalog
from soundmill.cli.models import model as model_commands
from soundmill.cli.studio import refuse_open_door
from soundmill.errors import UnreadableTime
from soundmill.times import days_between, parse_day
from soundmill.wording import count

if TYPE_CHECKING:
    from pipeline.run import Materialized


@app.command(epilog="Example: `soundmill materialize captured_segments segment_features --from 2026-01-01 --to 2026-01-31`")
def materialize(
    assets: Annotated[
        list[str],
        typer.Argument(metavar="ASSET...", help="Asset names, as in the Dagster UI; or `day`: all daily assets of captured sound."),
    ],
    day: Annotated[str | None, typer.Option(help="One day, such as 2026-01-05.")] = None,
    first: Annotated[str | None, typer.Option("--from", help="First day of a range.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last day of a range (default: the first).")] = None,
    model: Annotated[str | None, typer.Option(help="The model, for osr_model and evaluation_report.")] = None,
    round: Annotated[str | None, typer.Option(help="The labelling round, for labelling_sessions and labelled_round.")] = None,
    release: Annotated[str | None, typer.Option(help="The release, for dataset_release.")] = None,
    as_json: Json = False,
) -> None:
    """Materialise assets through Dagster, in this process; the runs show in the UI.

    Days that are up to date are left as they are, so a range can be run again at any time.
    """
    days, values = _range(day, first, last), settings()
    from assets.operations import CAPTURE_DAY
    from pipeline.definitions import build_definitions
    from pipeline.run import RunFailed, UnknownAsset, instance_of
    from pipeline.run import materialize as run

    if model is not None:
        _refuse_unknown_model(model)
    names = [spec for name in assets for spec in ([a.key.to_user_string() for a in CAPTURE_DAY] if name == "day" else [name])]
    with instance_of(values) as instance:
        try:
            done = run(
                build_definitions(values),
                instance,
                names,
                days=days,
                name=model or round or release,
                log_level="WARNING" if as_json else "INFO",
            )
        except (UnknownAsset, RunFailed) as error:
            refuse(str(error))
    if as_json:
        print_json([{"asset": one.asset, "partition": one.partition, "metadata": one.metadata} for one in done])
    elif len(days) > 1:
        for line in day_summary(done):
            typer.echo(line)
    else:
        for one in done:
            facts = one.metadata
            extra = [f"{facts['quarantined']} in quarantine"] if facts.get("quarantined") else []
            extra += [f"by {facts['model']} version {facts['version']}"] if "version" in facts and "model" in facts else []
            extra += [f"word error rate {facts['word_error_rate']:.1%}"] if "word_error_rate" in facts else []
            extra += [str(facts["why"])] if "why" in facts else []
            extra += [str(facts["report"])] if "report" in facts else []
            typer.echo(f"{one.asset} {one.partition or ''}: {', '.join([str(facts.get('status', 'done')), *extra])}")


def day_summary(done: Sequence["Materialized"]) -> list[str]:
    """What became of a range of days, a line for each asset: how many are of which status, and which files are in quarantine."""
    statuses: dict[str, Counter[str]] = {}
    for one in done:
        statuses.setdefault(one.asset, Counter())[str(one.metadata.get("status", "done"))] += 1
    lines = [f"{asset}: {', '.join(f'{number} {status}' for status, number in found.most_common())}" for asset, found in statuses.items()]
    bad = {(one.asset, one.partition): one.metadata["quarantined"] for one in done if one.metadata.get("quarantined")}
    if bad:
        days = ", ".join(f"{day} ({number})" for (_, day), number in sorted(bad.items(), key=str)[:10])
        lines.append(f"in quarantine: {count(sum(bad.values()), 'file')}, on {days}; each with its reason below quarantine/ in the lake")
    return lines


def _refuse_unknown_model(name: str) -> None:
    from soundmill.catalog import ModelRegistry

    known = ModelRegistry(the_catalog()).specs()
    if name not in known:
        there = f"there {'is' if len(known) == 1 else 'are'} {', '.join(sorted(known))}" if known else "none is defined yet"
        refuse(f"no model is called {name!r}: {there}; define one with `soundmill model define {name} --tags ...`")


@model_commands.command("train", epilog="Example: `soundmill model train birds ~/clips`, then open the report that it names")
def train(
    name: Annotated[str, typer.Argument(help="Name of the model, and of the source that the clips become.")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder with one folder of audio files for each class.")],
    groups: Annotated[
        Path | None,
        typer.Option(help="CSV of file and group: clips of one group (a recording, a speaker) are never split between training and test."),
    ] = None,
    test_share: Annotated[float, typer.Option(min=0.05, max=0.6, help="Share of each class to evaluate on.")] = 0.3,
    unknown: Annotated[
        list[str] | None,
        typer.Option(metavar="CLASS", help="A class to leave out of training; the model should call it “other”. Can be repeated."),
    ] = None,
    extractor: Annotated[
        str | None, typer.Option(help="pooled_spectral, mn04, yamnet, or several joined by + (default: the first of SOUNDMILL_EXTRACTORS).")
    ] = None,
    least_recall: Annotated[
        float | None,
        typer.Option(help="Recall on known sounds that thresholds are to keep (default: known and unknown sounds are balanced)."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Train and evaluate a model on a folder of clips, in one command.

    The clips are stored as recordings of invented days, from SOUNDMILL_START_DATE on. Clips that share the SOURCE of names such as
    `fold-SOURCE-take`, and copies, are never split between training and test.
    """
    values = settings()
    extractor = extractor or values.extractor_names[0]
    if extractor not in values.extractor_names:
        refuse(f"{extractor!r} is not among the extractors run here: {', '.join(values.extractor_names)} (SOUNDMILL_EXTRACTORS)")
    if not folder.is_dir():
        refuse(f"{folder} is no folder")
    from pipeline.train import TrainingRefused, train_on_clips

    try:
        spec = {"extractor": extractor, "least_recall": least_recall}
        done = train_on_clips(values, name, folder, groups, test_share, tuple(unknown or ()), spec)
    except TrainingRefused as error:
        refuse(str(error))
    if as_json:
        print_json(asdict(done) | done.facts)
        return
    facts = done.facts
    typer.echo(
        f"{done.name} version {done.version} is trained on {done.training_clips} of {done.clips} clips ({done.groups} sources), "
        "and tested on the others"
    )
    kept, named = (f"{value:.0%}" if isinstance(value := facts[name], float) else value for name in ("delivered_recall", "closed_accuracy"))
    typer.echo(f"named rightly, of known sounds in the test: {kept} (if it had to give a name: {named})")
    if unknown:
        typer.echo(f"called “other”, of sounds it was not trained on: {facts['unknown_called_other']}")
    else:
        typer.echo("how it treats sounds it was not trained on is known from cross-validation only; test it with --unknown CLASS")
    typer.echo(f"report: {done.report}")
    promote = "" if str(facts["promotion"]).startswith(("is the champion", "promoted")) else f"soundmill model promote {done.name}, then "
    typer.echo(f"next: {promote}soundmill ingest your recordings, and soundmill dev for its detections")


@app.command(epilog="Example: `soundmill demo`, or on real sound: `soundmill demo --clips ~/clips --json result.json`")
def demo(
    clips: Annotated[
        Path | None, typer.Option(help="A folder with one folder of audio files per class, instead of synthesised sound.")
    ] = None,
    days: Annotated[int, typer.Option(min=2, max=14, help="Number of days; the last is the test set.")] = 3,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the results as JSON to this file.")] = None,
) -> None:
    """Synthesise days of household sound, run the whole asset graph on them, and print the results.

    With --clips the last 30 % of the class folders, in order of name, are never labelled: the model must call them "other".
    """
    values = settings()
    from pipeline.demo import DemoRefused, run_demo

    try:
        result = run_demo(values, clips, days)
    except DemoRefused as error:
        refuse(str(error))
    if json_file:
        json_file.write_text(json.dumps(result, indent=1) + "\n")


@app.command(epilog="Example: `soundmill dev --port 3001`")
def dev(
    port: Annotated[int, typer.Option(help="Port of the Dagster UI.")] = 3000,
    studio_port: Annotated[int, typer.Option(help="Port of the studio.")] = 8000,
    host: Annotated[str, typer.Option(help="Address that the studio listens on. The Dagster UI stays on this machine.")] = "127.0.0.1",
) -> None:
    """Open the Dagster UI with its daemon (sensors, schedules, backfills), and the studio, on the data in SOUNDMILL_HOME.

    On any other address than this machine's own, the studio needs accounts or a password first.
    """
    values = settings()
    refuse_open_door(host)
    from pipeline.dev import serve

    sys.exit(serve(values, port, studio_port, host))


def _range(day: str | None, first: str | None, last: str | None) -> list[date]:
    if day and (first or last):
        raise typer.BadParameter("give --day, or --from and --to", param_hint="--day")
    if last and not first:
        raise typer.BadParameter("--to needs --from", param_hint="--to")
    try:
        begin = day or first
        start = parse_day(begin) if begin else None
        end = parse_day(last) if last else start
    except UnreadableTime as error:
        raise typer.BadParameter(str(error)) from None
    if start is None or end is None:
        return []
    if end < start:
        raise typer.BadParameter("--to lies before --from", param_hint="--to")
    return list(days_between(start, end))
