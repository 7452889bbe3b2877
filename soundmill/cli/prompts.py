"""`soundmill prompts`: sets of sentences that people read aloud in the studio."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from soundmill.cli.common import Json, app, print_json, refuse, the_catalog, the_lake
from soundmill.settings import names_in
from soundmill.wording import count

prompts = typer.Typer(no_args_is_help=True, help="Prompt sets: sentences that people read aloud. Import, list, follow, export, withdraw.")
app.add_typer(prompts, name="prompts")

Name = Annotated[str, typer.Argument(help="The set's name: letters, digits, dashes, underscores.")]
_SHOWN = 20


@prompts.command(
    "import",
    epilog="Examples: `soundmill prompts import digits sentences.txt --takes 3`; `soundmill prompts import drugs cuts.jsonl.gz "
    "--language de --licence CC0-1.0 --purposes train,evaluate,publish --consent consent.txt`",
)
def prompts_import(
    name: Name,
    files: Annotated[list[Path], typer.Argument(help="lhotse CutSets (.jsonl, .jsonl.gz), tables (.csv), or a sentence a line.")],
    form: Annotated[str, typer.Option("--format", help="cuts, csv or text (default: by the file's name).")] = "",
    language: Annotated[str | None, typer.Option(help="Of the sentences, such as en or de-AT.")] = None,
    title: Annotated[str | None, typer.Option(help="What speakers read above the sentences.")] = None,
    instructions: Annotated[str | None, typer.Option(help="How they ought to be read.")] = None,
    consent: Annotated[Path | None, typer.Option(help="Text file with what speakers agree to (default: a plain text of ours).")] = None,
    purposes: Annotated[str | None, typer.Option(help="What speakers are asked to allow: train, evaluate, publish.")] = None,
    licence: Annotated[str | None, typer.Option(help="Such as CC0-1.0, CC-BY-4.0, or internal.")] = None,
    takes: Annotated[int | None, typer.Option(help="Takes wanted of each sentence, each by somebody else.")] = None,
    entity_takes: Annotated[int | None, typer.Option(help="Takes wanted of all sentences of one entity; 0: as many as come.")] = None,
    order: Annotated[str | None, typer.Option(help="random, or file: in which sentences are given out.")] = None,
    sample_rate: Annotated[int | None, typer.Option(help="Of the file derived from each take: 16000, 22050, 24000, 44100, 48000.")] = None,
    limit: Annotated[list[str] | None, typer.Option(help="A bound of the verdicts, such as snr_again=10. Can be repeated.")] = None,
    as_json: Json = False,
) -> None:
    """Add a prompt set, or sentences and other terms to one that is there: what is not given stays as it is.

    A line that cannot be read is reported with its number, and the rest is loaded. With another consent text, speakers are asked anew
    before their next take.
    """
    from soundmill.catalog import Prompts
    from soundmill.errors import PromptsRefused, SpecRefused
    from soundmill.prompts.reading import FORMS, form_of, read_prompts
    from soundmill.prompts.spec import PromptSetSpec, check_name, prompt_set_spec

    if form and form not in FORMS:
        raise typer.BadParameter(f"it is one of {', '.join(FORMS)}", param_hint="--format")
    store = Prompts(the_catalog())
    given = {
        "language": language,
        "title": title,
        "instructions": instructions,
        "consent": consent.read_text(encoding="utf-8").strip() if consent else None,
        "purposes": names_in(purposes) if purposes else None,
        "licence": licence,
        "takes": takes,
        "entity_takes": entity_takes,
        "order": order,
        "sample_rate": sample_rate,
    }
    found, bad = list[Any](), list[str]()
    try:
        check_name(name)
        known = next((PromptSetSpec.of(one).model_dump(mode="json") for one in store.all() if one.name == name), {})
        values = {**known, **{key: value for key, value in given.items() if value is not None}}
        values["limits"] = {**known.get("limits", {}), **_limits(limit or [])}
        spec = prompt_set_spec(values)
        for file in files:
            read, wrong = read_prompts(file.read_bytes(), form or form_of(file.name))
            bad += [f"{file}, line {one.number}: {one.why}" for one in wrong]
            seen = {one.utterance for one in found}
            bad += [f"{file}: {one.utterance!r} is in another file, too" for one in read if one.utterance in seen]
            found += [one for one in read if one.utterance not in seen]
        if not found:
            raise PromptsRefused("there is no sentence in it" + (f": {bad[0]}" if bad else ""))
        done = store.define(name, spec.model_dump(mode="json"), found)
    except (PromptsRefused, SpecRefused) as error:
        refuse(str(error))
    bad += [f"{one}: {why}" for one, why in done.refused.items()]
    for line in bad[:_SHOWN]:
        typer.echo(line, err=True)
    if len(bad) > _SHOWN:
        typer.echo(f"and {len(bad) - _SHOWN} more", err=True)
    if as_json:
        print_json({"set": name, "added": done.added, "known": done.known, "left_out": bad})
    else:
        typer.echo(f"{count(done.added, 'sentence')} added to {name}, {done.known} were there; people read them at /record/{name}")


@prompts.command("list", epilog="Example: `soundmill prompts list --json`")
def prompts_list(as_json: Json = False) -> None:
    """List prompt sets, the newest first, with how far they are."""
    from soundmill.catalog import Prompts

    store = Prompts(the_catalog())
    found = [(one, store.progress(one.name)) for one in store.all()]
    if as_json:
        print_json([{"set": one.name, "sentences": told.prompts, "takes": told.takes, "wanted": told.wanted} for one, told in found])
        return
    for one, told in found:
        typer.echo(f"{one.name}  {told.takes} of {count(told.wanted, 'take')}, {one.spec['language']}, {one.spec['licence']}")
    if not found:
        typer.echo("no prompt sets yet: soundmill prompts import NAME FILE")


@prompts.command("status", epilog="Example: `soundmill prompts status digits --json`")
def prompts_status(name: Name, as_json: Json = False) -> None:
    """Show how far a set is: by sentence, entity, accent and speaker, with verdicts, and what people passed by."""
    from soundmill.catalog import Prompts
    from soundmill.errors import UnknownPrompts

    store = Prompts(the_catalog())
    try:
        told = store.progress(name)
    except UnknownPrompts as error:
        refuse(str(error))
    if as_json:
        print_json({**vars(told), "remaining": told.remaining, "by_utterance": store.takes(name)})
        return
    typer.echo(f"{name}: {told.done} of {count(told.prompts, 'sentence')} done, {told.takes} of {count(told.wanted, 'take')}")
    typer.echo(f"{told.seconds / 60:.1f} min; {told.held} being read now; {told.bad} takes do not count")
    parts: dict[str, Mapping[Any, int]] = {"verdicts": told.verdicts, "sentences by takes": told.by_takes}
    parts |= {"entities": told.by_entity, "accents": told.by_accent}
    for said, of in (parts | {"speakers": told.by_speaker, "passed by": told.skipped}).items():
        if of:
            shown = [f"{'not said' if one == '' else one} {number}" for one, number in list(of.items())[:_SHOWN]]
            typer.echo(f"{said}: {', '.join(shown)}" + (f", and {len(of) - _SHOWN} more" if len(of) > _SHOWN else ""))


@prompts.command("export", epilog="Example: `soundmill prompts export digits --to ~/digits`")
def prompts_export(
    name: Name,
    to: Annotated[Path, typer.Option(help="Folder to write to; what is there already and the same is left.")],
    form: Annotated[
        Literal["recorder", "csv"], typer.Option("--format", help="recorder, or csv: the sentences, with their takes.")
    ] = "recorder",
) -> None:
    """Write a set to a folder as the original recorder kept it: `metadata.json`, `active_utterances.txt`, `recordings/`.

    Recordings that were withdrawn are removed from the folder. For a lhotse CutSet see `soundmill release create --prompts`.
    """
    import csv

    from soundmill.catalog import Prompts
    from soundmill.errors import UnknownPrompts
    from soundmill.formats.spreadsheets import cell
    from soundmill.workflows.takes import export_original

    try:
        if form == "csv":
            store = Prompts(the_catalog())
            found, takes = store.prompts(name), store.takes(name)
            to.mkdir(parents=True, exist_ok=True)
            with open(to / f"{name}.csv", "w", newline="", encoding="utf-8") as file:
                rows = csv.writer(file)
                rows.writerow(["id", "text", "entity", "entity_text", "takes"])
                rows.writerows([map(cell, (one.utterance, one.text, one.entity, one.entity_text, takes[one.utterance])) for one in found])
            typer.echo(f"{count(len(found), 'sentence')} of {name} in {to / f'{name}.csv'}")
            return
        number = export_original(the_lake(), the_catalog(), name, to)
    except UnknownPrompts as error:
        refuse(str(error))
    typer.echo(f"{count(number, 'recording')} of {name} in {to}")


@prompts.command(
    "withdraw", epilog="Examples: `soundmill prompts withdraw 1f0c9a7d2b3e4c5a`; `soundmill prompts withdraw --username alice`"
)
def prompts_withdraw(
    speaker: Annotated[str, typer.Argument(help="Id of the speaker, as takes have it.")] = "",
    username: Annotated[str, typer.Option(help="Or the name that the original recorder's page sent.")] = "",
    take: Annotated[str, typer.Option(help="Or the key of one take.")] = "",
) -> None:
    """Withdraw a speaker's consent and delete all their recordings, or one take, wherever they are."""
    from soundmill.catalog import Speakers, Takes
    from soundmill.errors import UnknownPrompts
    from soundmill.workflows.erasure import erase

    catalog = the_catalog()
    if sum(map(bool, (speaker, username, take))) != 1:
        raise typer.BadParameter("name a speaker, a username, or a take")
    try:
        subject = Takes(catalog).get(take) if take else Speakers(catalog).named(username) if username else Speakers(catalog).get(speaker)
    except UnknownPrompts as error:
        refuse(str(error))
    if subject is None:
        refuse("there is no such take" if take else f"nobody recorded under the name {username!r}")
    erased = erase(the_lake(), catalog, subject)
    typer.echo(
        f"{count(erased.items, 'take')} deleted, {count(erased.clips, 'clip')} taken from releases; the backup follows with its next run"
    )


def _limits(given: list[str]) -> dict[str, Any]:
    """Bounds as people type them: a number, or two with a colon between."""
    found: dict[str, Any] = {}
    for one in given:
        name, _, value = one.partition("=")
        try:
            numbers = [float(part) for part in value.split(":")]
        except ValueError:
            raise typer.BadParameter(
                f"{one!r} is no bound: write it like snr_again=10, or level_again=-45:-9", param_hint="--limit"
            ) from None
        found[name.strip()] = numbers[0] if len(numbers) == 1 else numbers
    return found
