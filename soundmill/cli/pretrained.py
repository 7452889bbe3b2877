"""`soundmill pretrained`: networks that others have trained."""

from typing import Annotated

import typer

from soundmill.cli.common import Json, app, print_json, refuse, settings

pretrained = typer.Typer(no_args_is_help=True, help="Pretrained networks: list, fetch.")
app.add_typer(pretrained, name="pretrained")


@pretrained.command("list", epilog="Example: `soundmill pretrained list --json`")
def pretrained_list(as_json: Json = False) -> None:
    """List the pretrained networks, and which are installed."""
    from soundmill.pretrained import PRETRAINED

    values = settings()
    rows = [
        {
            "name": one.name,
            "here": one.is_here(values),
            "path": str(one.place(values)),
            "what": one.what,
            "licence": one.licence,
            "url": one.url,
        }
        for one in PRETRAINED.values()
    ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        typer.echo(f"{row['name']}\t{'here' if row['here'] else 'not here'}\t{row['what']}")


@pretrained.command("fetch", epilog="Example: `soundmill pretrained fetch vosk-small-en`")
def pretrained_fetch(
    name: Annotated[str, typer.Argument(help="A name from `soundmill pretrained list`.")],
    url: Annotated[str | None, typer.Option(help="Another URL to fetch it from, such as a mirror.")] = None,
    sha256: Annotated[str | None, typer.Option(help="The expected SHA-256, if the file is another build of the network.")] = None,
) -> None:
    """Fetch a network, verify its checksum, and install it: `mn04` and `yamnet` for sounds, `vosk-small-en` for speech."""
    from soundmill.errors import PretrainedUnavailable
    from soundmill.pretrained import PRETRAINED, fetch_pretrained

    if name not in PRETRAINED:
        refuse(f"there is no {name!r} to fetch; there are: {', '.join(PRETRAINED)}")
    try:
        place, fetched = fetch_pretrained(PRETRAINED[name], settings(), url, sha256)
    except PretrainedUnavailable as error:
        refuse(str(error))
    typer.echo(f"{name} is {'now' if fetched else 'already'} at {place}")
