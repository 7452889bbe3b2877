"""`soundmill studio`: the web application."""

from typing import Annotated

import typer

from soundmill.cli.common import app, settings


@app.command(epilog="Example: `soundmill studio --port 8000 --workers 4`")
def studio(
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all of this machine's.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, help="Processes that share the work.")] = 1,
) -> None:
    """Serve the HTTP APIs (`/downloader`, `/capture`, `/transcriber`, described at `/docs`) and the studio's pages (`/`, `/recordings`)."""
    settings()  # one line on what is wrong with them, before any process starts
    import uvicorn

    typer.echo(f"studio: http://{host}:{port}, its API at http://{host}:{port}/docs; stop with Ctrl-C", err=True)
    uvicorn.run(
        "soundmill.studio.app:create_app",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        log_level="warning",
        timeout_graceful_shutdown=20,  # seconds: who waits for a long recording is not waited for
    )
