"""`soundmill account`: who may use /transcriber."""

import sys
from typing import Annotated

import typer

from soundmill.cli.common import Json, app, print_json, refuse, the_catalog, the_lake

account = typer.Typer(no_args_is_help=True, help="Accounts of /transcriber: add, list, make an admin, remove.")
app.add_typer(account, name="account")


@account.command("add", epilog="Example: `soundmill account add ann --admin`, or in a script: `echo SECRET | soundmill account add ann`")
def account_add(
    name: Annotated[str, typer.Argument(help="The username.")],
    admin: Annotated[bool, typer.Option("--admin", help="Let it see everybody's recordings listed.")] = False,
) -> None:
    """Make an account; its password is asked for, or read from standard input."""
    from soundmill.catalog import Accounts
    from soundmill.errors import AccountRefused

    password = (
        typer.prompt("password", hide_input=True, confirmation_prompt=True) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    )
    try:
        Accounts(the_catalog()).add(name, password, is_admin=admin)
    except AccountRefused as error:
        refuse(str(error))
    typer.echo(f"{name} may log in at /transcriber/auth/token/login/")


@account.command("list", epilog="Example: `soundmill account list --json`")
def account_list(as_json: Json = False) -> None:
    """List the accounts."""
    from soundmill.catalog import Accounts

    found = Accounts(the_catalog()).all()
    if as_json:
        print_json([vars(one) for one in found])
        return
    for one in found:
        typer.echo(f"{one.username}{' (admin)' if one.is_admin else ''}\tsince {one.created_at:%Y-%m-%d}")


@account.command("admin", epilog="Example: `soundmill account admin ann`, and back: `soundmill account admin ann --off`")
def account_admin(
    name: Annotated[str, typer.Argument(help="The username.")],
    off: Annotated[bool, typer.Option("--off", help="An admin no more.")] = False,
) -> None:
    """Let an account see everybody's recordings listed, or no more."""
    from soundmill.catalog import Accounts

    if not Accounts(the_catalog()).set_admin(name, not off):
        refuse(f"there is no account {name!r}")
    typer.echo(f"{name} is {'no admin any more' if off else 'an admin now'}")


@account.command("remove", epilog="Example: `soundmill account remove ann --yes`")
def account_remove(
    name: Annotated[str, typer.Argument(help="The username.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it, instead of saying what would be deleted.")] = False,
) -> None:
    """Delete an account with all its recordings."""
    from soundmill.catalog import Accounts, Uploads
    from soundmill.workflows.erasure import erase

    catalog = the_catalog()
    found = Accounts(catalog).named(name)
    if found is None:
        refuse(f"there is no account {name!r}")
    _, count = Uploads(catalog).listed(found.id, limit=1)
    if not yes:
        refuse(f"{name} has {count} recordings, which would be deleted, too; to do it: --yes")
    erase(the_lake(), catalog, found)
    typer.echo(f"{name} is deleted, with {count} recordings")
