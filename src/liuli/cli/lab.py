"""`liuli lab`: the laboratory in the browser."""

from __future__ import annotations

from typing import Annotated

import typer

from liuli.errors import UserError, from_extra


def lab(
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Where to listen; 0: any that is free.")] = 0,
    browse: Annotated[bool, typer.Option("--open/--no-open", help="Open it in the browser.")] = True,
) -> None:
    """Open the laboratory in the browser: look into every system, give it an input of yours, click any number.

    It answers to this machine alone, and only to whoever opens the address that it prints. Ctrl-C ends it.

    Example: `liuli lab --port 8017`
    """
    import secrets
    import socket
    import webbrowser

    with from_extra("lab"):
        import uvicorn

        from liuli.lab.server import laboratory
    from liuli.lab.limits import MOST_CONNECTIONS

    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        raise UserError(f"--port {port}: cannot be listened on ({error.strerror}); name another, or 0") from error
    token = secrets.token_urlsafe(24)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}/?token={token}"
    typer.echo(f"{address}\nCtrl-C ends the laboratory.")
    if browse:
        webbrowser.open(address)
    server = uvicorn.Server(
        uvicorn.Config(
            laboratory(token),
            log_level="warning",
            lifespan="off",
            server_header=False,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_keep_alive=10,
            timeout_graceful_shutdown=2,
        )
    )
    server.run(sockets=[listener])
