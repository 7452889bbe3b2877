"""`soundmill studio`: the web application."""

import gc
import os
import sys
from pathlib import Path
from tempfile import TemporaryFile
from typing import Annotated, Any

import typer

from soundmill.cli.common import app, refuse, settings, the_catalog


@app.command(epilog="Examples: `soundmill studio --port 8000 --workers 4`; `soundmill studio --host 0.0.0.0 --tls --recorder digits`")
def studio(
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all addresses of this machine.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port to listen on.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, help="Processes that share the work.")] = 1,
    tls: Annotated[bool, typer.Option("--tls", help="Serve by HTTPS: browsers on other machines record by nothing else.")] = False,
    certificate: Annotated[Path | None, typer.Option(help="Certificate for --tls, PEM (default: one that is made here).")] = None,
    key: Annotated[Path | None, typer.Option(help="The certificate's key, PEM.")] = None,
    recorder: Annotated[list[str] | None, typer.Option(help="Prompt set that /recorder serves. Can be repeated.")] = None,
) -> None:
    """Serve the studio: its pages, and the HTTP APIs `/downloader`, `/capture`, `/transcriber`, `/recorder`, ..., described at `/docs`.

    On this machine alone it asks nobody to sign in. On any other address it needs accounts or a password first. With --recorder you vouch
    that who comes by the original recorder's page has given you their consent.
    """
    if (certificate or key) and not (tls and certificate and key):
        raise typer.BadParameter("--certificate and --key go together, and with --tls")
    if recorder:
        serve_recorder(recorder)
    proxies = settings().studio_proxies
    refuse_open_door(host)
    import uvicorn

    from soundmill.studio.connections import server_options

    the_catalog()
    logs = settings().logs
    logs.mkdir(parents=True, exist_ok=True)
    with TemporaryFile(dir=logs):  # a home that cannot be written to is one line, not a traceback of the server
        pass
    options: dict[str, Any] = server_options()
    if tls:
        options |= tls_options(host, certificate, key)
    where = f"{'https' if tls else 'http'}://{host}:{port}"
    typer.echo(f"studio: {where}, its API at {where}/docs; stop with Ctrl-C", err=True)
    for name in settings().recorder_names:
        typer.echo(f"recorder: {where}/recorder/{'' if name == settings().recorder_names[0] else name + '/'} serves {name}", err=True)
    uvicorn.run(
        "soundmill.cli.studio:application",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        log_level="warning",
        proxy_headers=bool(proxies),  # believed from everybody on this machine, they would make the limits on guesses worth nothing
        forwarded_allow_ips=proxies or None,
        **options,
        timeout_graceful_shutdown=20,  # seconds: who waits for a long recording is not waited for
    )


def serve_recorder(names: list[str]) -> None:
    """Has this process and the studio's workers serve prompt sets at /recorder. Ends the command where there is no such set."""
    from soundmill.catalog import Prompts
    from soundmill.errors import UnknownPrompts

    try:
        for name in names:
            Prompts(the_catalog()).get(name)
    except UnknownPrompts as error:
        refuse(f"{error}: add it with soundmill prompts import")
    os.environ["SOUNDMILL_RECORDER_SETS"] = ",".join(names)


def tls_options(host: str, certificate: Path | None, key: Path | None) -> dict[str, Any]:
    """What uvicorn is told for HTTPS. Ends the command where certificate or key cannot be used."""
    import ssl

    from soundmill.tls import own_certificate

    if certificate is None or key is None:
        names = [] if host in ("0.0.0.0", "::") else [host]
        certificate, key = own_certificate(settings().home.absolute() / "tls", names)
        typer.echo(f"a certificate made here, {certificate}: browsers warn of it once; --certificate and --key take another", err=True)
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key)
    except (ssl.SSLError, OSError) as error:
        refuse(f"the certificate {certificate} with the key {key} cannot be used: {error}")
    return {"ssl_certfile": str(certificate), "ssl_keyfile": str(key)}


def application() -> Any:
    """The application on the settings of this process: what each of uvicorn's workers runs."""
    from soundmill.studio.app import create_app

    sys.setswitchinterval(0.001)  # the event loop waits less for Python's lock while threads answer
    made = create_app(settings())
    gc.collect()
    gc.freeze()  # modules and routes stay: looking through them for garbage would stop all requests for a fifth of a second
    return made


def refuse_open_door(host: str) -> None:
    """Ends the command where the studio would listen to other machines with neither accounts nor a password."""
    from soundmill.catalog import Accounts
    from soundmill.studio.auth import is_loopback

    if not is_loopback(host) and settings().studio_password is None and not Accounts(the_catalog()).has_people():
        refuse(
            f"on {host} everybody in the network could open the studio: add an account first (soundmill account add NAME --role admin), "
            "or set SOUNDMILL_STUDIO_PASSWORD"
        )
