"""The laboratory at work: a listener on loopback, its address, and the server on it."""

from __future__ import annotations

import secrets
import socket
import threading
from functools import cache

from liuli.errors import UserError, from_extra
from liuli.lab.desk import Desk
from liuli.lab.limits import MOST_CONNECTIONS


class Serving:
    """A laboratory about to be served.

    Attributes:
        desk: where records may be laid open from here.
        address: with the token that lets one in.

    Raises:
        UserError: the port cannot be listened on, or the extra is missing.
    """

    def __init__(self, port: int = 0) -> None:
        with from_extra("lab"):
            import uvicorn

            from liuli.lab.server import laboratory
        self.desk = Desk()
        self.listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self.listener.bind(("127.0.0.1", port))
            self.listener.listen()  # whoever opens the address before the server is ready waits, and is not refused
        except OSError as error:
            raise UserError(f"--port {port}: cannot be listened on ({error.strerror}); name another, or 0") from error
        token = secrets.token_urlsafe(24)
        self.address = f"http://127.0.0.1:{self.listener.getsockname()[1]}/?token={token}"
        self.server = uvicorn.Server(
            uvicorn.Config(
                laboratory(token, self.desk),
                log_level="warning",
                lifespan="off",
                server_header=False,
                limit_concurrency=MOST_CONNECTIONS,
                timeout_keep_alive=10,
                timeout_graceful_shutdown=2,
            )
        )

    def run(self) -> None:
        """Serve, until the process is told to end."""
        self.server.run(sockets=[self.listener])


@cache
def beside() -> Serving:
    """The one laboratory of this process, served in a thread beside it."""
    serving = Serving()
    threading.Thread(target=serving.run, name="liuli lab", daemon=True).start()
    return serving
