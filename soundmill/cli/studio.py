"""`soundmill studio`: the web application."""

import gc
import sys
from tempfile import TemporaryFile
from typing import Annotated, Any

import typer

from soundmill.cli.common import app, refuse, settings, the_catalog


@app.command(epilog="Example: `soundmill studio --port 8000 --workers 4`")
def studio(
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all addresses of this machine.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, help="Processes that share the work.")] = 1,
) -> None:
    """Serve the studio: its pages, and the HTTP APIs `/downloader`, `/capture` and `/transcriber`, described at `/docs`.

    On this machine alone it asks nobody to sign in. On any other address it needs accounts or a password first.
    """
    proxies = settings().studio_proxies
    refuse_open_door(host)
    import uvicorn

    from soundmill.studio.connections import server_options

    the_catalog()
    logs = settings().logs
    logs.mkdir(parents=True, exist_ok=True)
    with TemporaryFile(dir=logs):  # a home that cannot be written to is one line, not a traceback of the server
        pass
    typer.echo(f"studio: http://{host}:{port}, its API at http://{host}:{port}/docs; stop with Ctrl-C", err=True)
    uvicorn.run(
        "soundmill.cli.studio:application",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        log_level="warning",
        proxy_headers=bool(proxies),  # believed from everybody on this machine, they would make the limits on guesses worth nothing
        forwarded_allow_ips=proxies or None,
        **server_options(),
        timeout_graceful_shutdown=20,  # seconds: who waits for a long recording is not waited for
    )


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
