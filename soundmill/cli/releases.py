"""`soundmill release`: immutable data sets."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from soundmill.cli.common import Json, app, print_json, refuse, the_catalog, the_lake
from soundmill.cli.progress_bar import steps
from soundmill.settings import names_in
from soundmill.wording import count

releases = typer.Typer(
    no_args_is_help=True, help="Releases: immutable data sets of closed rounds and prompt sets. Create, show, compare, export."
)
app.add_typer(releases, name="release")

Name = Annotated[str, typer.Argument(help="The release's name: letters, digits, dots, dashes, underscores.")]


@releases.command(
    "create",
    epilog="Examples: `soundmill release create owls-1.0 --rounds owls --licence CC-BY-4.0 --use 'anybody, with credit'`; "
    "`soundmill release create digits-1.0 --prompts digits --purpose publish --licence CC0-1.0`",
)
def release_create(
    name: Name,
    licence: Annotated[str, typer.Option(help="Such as CC-BY-4.0, or internal.")],
    rounds: Annotated[str, typer.Option(help="Closed labelling rounds, comma separated.")] = "",
    prompts: Annotated[str, typer.Option(help="Prompt sets, comma separated: their takes that are good enough.")] = "",
    purpose: Annotated[str, typer.Option(help="train, evaluate or publish: takes whose speakers allow it.")] = "train",
    use: Annotated[str, typer.Option(help="Who may use it, and for what.")] = "",
    description: Annotated[str, typer.Option(help="What it is, for its card.")] = "",
    splits: Annotated[str, typer.Option(help="Share of each split.")] = "train=.8,test=.2",
    together: Annotated[str, typer.Option(help="What is never parted, beside copies: auto, recording, day, or source.")] = "auto",
    after: Annotated[
        str,
        typer.Option(
            help="The release before, or none: what was in one of its splits stays in it (default: the newest with most of these rounds)."
        ),
    ] = "",
    seed: Annotated[int, typer.Option(help="Decides where nothing else does.")] = 0,
) -> None:
    """Define a release, or define one anew that is not made yet.

    While `soundmill dev` runs, it is made by itself. By hand: `soundmill materialize dataset_release --release NAME`.
    """
    from soundmill.errors import InputRefused
    from soundmill.releases.spec import read_splits
    from soundmill.workflows.releases import define_release

    try:
        values = {
            "rounds": names_in(rounds),
            "prompts": names_in(prompts),
            "purpose": purpose,
            "licence": licence,
            "use": use,
            "description": description,
            "splits": read_splits(splits),
            "together": together,
            "after": after,
            "seed": seed,
        }
        spec = define_release(the_catalog(), name, values)
    except InputRefused as error:
        refuse(str(error))
    after = f", after {spec.after}: what was in a split of it stays there" if spec.after else ""
    typer.echo(f"release {name} is defined{after}; next: soundmill materialize dataset_release --release {name}")


@releases.command("list", epilog="Example: `soundmill release list --json`")
def release_list(as_json: Json = False) -> None:
    """List releases, the newest first, with what is in them."""
    from soundmill.catalog import Releases
    from soundmill.releases.card import hours

    store = Releases(the_catalog())
    found, gone = store.all(), Counter(one.release for one in store.clips(withdrawn=True))
    if as_json:
        print_json([{"name": one.name, "sha256": one.content, "made_at": one.made_at, **_totals(one.facts)} for one in found])
        return
    for one in found:
        facts = one.facts
        inside = f"{count(facts['clips'], 'clip')}, {hours(facts['hours'])}, {facts['licence']}" if facts else "not made yet"
        withdrawn = f", {gone[one.name]} of them withdrawn" if gone[one.name] else ""
        typer.echo(f"{one.name}  {inside}{withdrawn}  {(one.content or '')[:12]}")
    if not found:
        typer.echo("no releases yet: soundmill release create NAME --rounds ... (or --prompts ...) --licence ...")


@releases.command("show", epilog="Example: `soundmill release show owls-1.0`")
def release_show(name: Name, as_json: Json = False) -> None:
    """Show a release's card, and what was withdrawn of it since."""
    from soundmill.errors import Damaged, InputRefused
    from soundmill.workflows.releases import inspect, opened

    catalog, lake = the_catalog(), the_lake()
    try:
        release = opened(lake, catalog, name)
        found = inspect(lake, release)
    except (InputRefused, Damaged) as error:
        refuse(str(error))
    if as_json:
        about = release.release
        told = {"withdrawn": [one.id for one in release.withdrawn], "missing": found.missing, "torn": found.torn, "lacking": found.lacking}
        print_json({"sha256": about.content, "made_at": about.made_at, "facts": about.facts, **told})
        return
    typer.echo(release.card)
    typer.echo(f"sha256 {release.release.content}")
    for problem in (
        *found.lacking,
        *(f"in two splits: {what}" for what in found.torn),
        *(f"its sound is gone: {one}" for one in found.missing),
    ):
        typer.echo(problem)
    if release.gone:
        typer.echo(f"withdrawn since: {count(release.gone, 'clip')}")


@releases.command("diff", epilog="Example: `soundmill release diff owls-1.0 owls-1.1`")
def release_diff(
    first: Annotated[str, typer.Argument(help="The release before.")],
    second: Annotated[str, typer.Argument(help="The one after it.")],
    as_json: Json = False,
) -> None:
    """Compare two releases: clips and labels that came and went, and clips that changed their split."""
    from soundmill.errors import Damaged, InputRefused
    from soundmill.releases.card import change_text
    from soundmill.workflows.releases import compare, opened

    lake, catalog = the_lake(), the_catalog()
    try:
        change = compare(opened(lake, catalog, first), opened(lake, catalog, second))
    except (InputRefused, Damaged) as error:
        refuse(str(error))
    if as_json:
        moved = [{"from": a, "to": b, "clips": number} for (a, b), number in change.moved.items()]
        print_json({**vars(change), "moved": moved})
        return
    typer.echo(change_text(first, change))


@releases.command("export", epilog="Example: `soundmill release export owls-1.0 --to ~/owls-1.0`")
def release_export(
    name: Name,
    to: Annotated[Path, typer.Option(help="Folder to write to; what is there already and whole is left.")],
    sound: Annotated[bool, typer.Option(help="Whether the WAVs are written, too.")] = True,
) -> None:
    """Write a release to a folder: WAVs, a table as Pod.Cast's archives are and a lhotse CutSet for each split, card and manifest.

    What was withdrawn is left out, and removed from the folder.
    """
    from soundmill.errors import Damaged, InputRefused
    from soundmill.workflows.releases import export_release

    try:
        with steps("clips") as advance:
            release = export_release(the_lake(), the_catalog(), name, to, sound, advance)
    except (InputRefused, Damaged) as error:
        refuse(str(error))
    typer.echo(f"{count(len(release.living), 'clip')} of {name} in {to}")


def _totals(facts: dict[str, object] | None) -> dict[str, object]:
    return {key: (facts or {}).get(key) for key in ("clips", "hours", "labels", "licence")}
