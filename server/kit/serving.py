"""The web server of a process: it ends open streams first when it is told to end."""

import socket
from typing import Any

import uvicorn
from fastapi import FastAPI


class Server(uvicorn.Server):
    """Ends the streams of its application before it waits for what is still answered."""

    def __init__(self, application: FastAPI, **config: Any) -> None:
        super().__init__(uvicorn.Config(application, log_config=None, access_log=False, server_header=False, **config))
        self._hub = application.state.live

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End."""
        await self._hub.close()
        await super().shutdown(sockets)
