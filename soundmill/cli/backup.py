"""`soundmill backup`: the mirror in an S3 bucket."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from soundmill.cli.common import Json, app, print_json, refuse, settings, the_catalog, the_lake
from soundmill.cli.progress_bar import steps
from soundmill.options import backup_options
from soundmill.wording import count

backup = typer.Typer(no_args_is_help=True, help="The backup of lake, catalog and settings: run, verify, restore.")
app.add_typer(backup, name="backup")


@backup.command("run", epilog="Example: `SOUNDMILL_BACKUP=s3://bucket/soundmill soundmill backup run`")
def backup_run(
    even_if_emptier: Annotated[
        bool, typer.Option("--even-if-emptier", help="Back up even though most files of the existing backup are missing here.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Copy what changed since the last backup. It can be killed and run again. Exit code 1 if a file could not be copied."""
    from soundmill.backup import back_up, bucket_of
    from soundmill.errors import BackupRefused, BackupUnavailable, LeaseLost
    from soundmill.workflows.takes.keeping import purge_originals

    options = backup_options(settings())
    try:
        bucket = bucket_of(options)
        with steps("backup") as progress:
            done = back_up(bucket, the_lake(), the_catalog(), options, even_if_emptier=even_if_emptier, progress=progress)
        purge_originals(the_lake(), the_catalog(), options)
    except LeaseLost as error:
        refuse(f"another backup is running: {error}")
    except (BackupUnavailable, BackupRefused) as error:
        refuse(str(error))
    if as_json:
        print_json(asdict(done))
    else:
        typer.echo(
            f"{count(done.uploaded, 'file')} copied ({done.bytes / 1e6:.1f} MB), {done.unchanged} unchanged, "
            f"{count(done.chunks, 'piece')} of the catalog, {done.deleted} deleted, to {bucket.url}"
        )
        for path, reason in done.failed.items():
            typer.echo(f"{path}: {reason}", err=True)
    raise typer.Exit(1 if done.failed else 0)


@backup.command("verify", epilog="Example: `soundmill backup verify`")
def backup_verify(
    place: Annotated[str, typer.Option("--from", help="The backup to use (default: SOUNDMILL_BACKUP).")] = "", as_json: Json = False
) -> None:
    """Read every object of the backup and compare its hash. Exit code 1 if one is missing or damaged."""
    from soundmill.backup import bucket_of, verify
    from soundmill.errors import BackupUnavailable

    try:
        bucket = bucket_of(backup_options(settings()), place)
        with steps("verify") as progress:
            found = verify(bucket, progress)
    except BackupUnavailable as error:
        refuse(str(error))
    if as_json:
        print_json(asdict(found))
    else:
        typer.echo(f"{count(found.objects, 'object')} ({found.bytes / 1e6:.1f} MB) are whole")
        _name(found.missing, "is missing")
        _name(found.damaged, "is damaged")
    raise typer.Exit(0 if found.sound else 1)


@backup.command("restore", epilog="Example: `SOUNDMILL_HOME=/data/new soundmill backup restore --from s3://bucket/soundmill`")
def backup_restore(
    place: Annotated[str, typer.Option("--from", help="The backup to use (default: SOUNDMILL_BACKUP).")] = "",
    with_deleted: Annotated[bool, typer.Option("--with-deleted", help="Include deleted files that the backup still keeps.")] = False,
    as_json: Json = False,
) -> None:
    """Restore a backup into an empty home. A restore that was interrupted continues when run again."""
    from soundmill.backup import bucket_of, restore
    from soundmill.errors import BackupUnavailable, CatalogUnavailable, RestoreRefused

    values = settings()
    try:
        bucket = bucket_of(backup_options(values), place)
        with steps("restore") as progress:
            done = restore(bucket, the_lake(), values.catalog_url, values.home, with_deleted=with_deleted, progress=progress)
    except (BackupUnavailable, RestoreRefused, CatalogUnavailable) as error:
        refuse(str(error))
    if as_json:
        print_json(asdict(done))
    else:
        typer.echo(f"{count(done.files, 'file')} ({done.bytes / 1e6:.1f} MB) and {count(done.rows, 'row')} restored to {values.home}")
        typer.echo(f"the settings of the backup, without secrets, are in {values.home / 'restored-settings.json'}")
        _name(done.damaged, "is missing or damaged in the backup")
    raise typer.Exit(1 if done.damaged else 0)


def _name(paths: list[Any], what: str) -> None:
    for path in paths:
        typer.echo(f"{path} {what}", err=True)
