"""`soundmill account`: people and programs that may use the studio, and what for."""

import sys
from typing import Annotated

import typer

from soundmill.cli.common import Json, app, print_json, refuse, the_catalog, the_lake
from soundmill.settings import names_in
from soundmill.wording import count

account = typer.Typer(
    no_args_is_help=True,
    help="Accounts of the studio and its APIs: add, list, role, password, remove. Roles: admin (everything), engineer (runs the "
    "pipeline), annotator (labels sound), speaker (records prompts), client (the transcriber's API).",
)
app.add_typer(account, name="account")
_Name = Annotated[str, typer.Argument(help="The username.")]


@account.command(
    "add",
    epilog="Examples: `soundmill account add ann --role admin`; in a script: `echo PASSWORD | soundmill account add bo`",
)
def account_add(
    name: _Name,
    role: Annotated[list[str] | None, typer.Option(help="admin, engineer, annotator, speaker or client. Can be repeated.")] = None,
    admin: Annotated[bool, typer.Option("--admin", help="The same as --role admin.")] = False,
) -> None:
    """Add an account. Its password is asked for, or read from standard input."""
    from soundmill.catalog import Accounts
    from soundmill.errors import AccountRefused

    roles = [*(role or []), *(["admin"] if admin else [])] or ["client"]
    try:
        made = Accounts(the_catalog()).add(name, _password(), roles=roles)
    except AccountRefused as error:
        refuse(str(error))
    typer.echo(f"{name} is added: {', '.join(made.roles)}")


@account.command("list", epilog="Example: `soundmill account list --json`")
def account_list(as_json: Json = False) -> None:
    """List the accounts with their roles."""
    from soundmill.catalog import Accounts

    accounts = Accounts(the_catalog()).all()
    if as_json:
        print_json([{**vars(one), "is_admin": one.is_admin} for one in accounts])
        return
    for one in accounts:
        typer.echo(f"{one.username}\t{', '.join(one.roles)}\tsince {one.created_at:%Y-%m-%d}")


@account.command("role", epilog="Example: `soundmill account role ann engineer,annotator`")
def account_role(name: _Name, roles: Annotated[str, typer.Argument(help="Its new roles, comma separated.")]) -> None:
    """Replace the roles of an account."""
    from soundmill.catalog import Accounts
    from soundmill.errors import AccountRefused

    try:
        if not Accounts(the_catalog()).set_roles(name, names_in(roles)):
            refuse(f"there is no account {name!r}")
    except AccountRefused as error:
        refuse(str(error))
    typer.echo(f"{name} is now: {', '.join(names_in(roles))}")


@account.command("password", epilog="Example: `soundmill account password ann`")
def account_password(name: _Name) -> None:
    """Change the password of an account. All its sessions are signed out and its tokens revoked."""
    from soundmill.catalog import Accounts
    from soundmill.errors import AccountRefused

    try:
        if not Accounts(the_catalog()).set_password(name, _password()):
            refuse(f"there is no account {name!r}")
    except AccountRefused as error:
        refuse(str(error))
    typer.echo(f"{name} has a new password")


@account.command("admin", hidden=True, epilog="Example: `soundmill account admin ann`; better: `soundmill account role ann admin`")
def account_admin(name: _Name, off: Annotated[bool, typer.Option("--off", help="Remove the role.")] = False) -> None:
    """Add the role admin to an account, or take it away: the command's name before there were other roles."""
    from soundmill.catalog import Accounts

    account = Accounts(the_catalog()).named(name)
    if account is None:
        refuse(f"there is no account {name!r}")
    others = [role for role in account.roles if role != "admin"]
    account_role(name, ",".join(others or ["client"] if off else ["admin", *others]))


@account.command("remove", epilog="Example: `soundmill account remove ann --yes`")
def account_remove(
    name: _Name, yes: Annotated[bool, typer.Option("--yes", help="Actually remove it; without, print what would be removed.")] = False
) -> None:
    """Remove an account with all its uploaded recordings."""
    from soundmill.catalog import Accounts, Uploads
    from soundmill.workflows.erasure import erase

    catalog = the_catalog()
    found = Accounts(catalog).named(name)
    if found is None:
        refuse(f"there is no account {name!r}")
    _, recordings = Uploads(catalog).listed(found.id, limit=1)
    if not yes:
        refuse(f"{name} has {count(recordings, 'recording')}, which would be deleted too; to remove the account, add --yes")
    erase(the_lake(), catalog, found)
    typer.echo(f"{name} is removed, with {count(recordings, 'recording')}")


def _password() -> str:
    if sys.stdin.isatty():
        asked: str = typer.prompt("password", hide_input=True, confirmation_prompt=True)
        return asked
    return sys.stdin.readline().rstrip("\n")
