"""The web server of a process: it ends open streams first when it is told to end."""

import gc
import socket
from typing import Any, Final

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


OBJECTS_BETWEEN: Final = 20_000
"""So many more objects than went let the collector look at the new ones; a long list is made of as many."""


def settle() -> None:
    """Keep the garbage collector away from what is there by now: an application lives as long as its process.

    Else each full collection looks at half a million objects of modules, models and routes, and the page during which
    one falls due waits 0.4 s for it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS_BETWEEN, *gc.get_threshold()[1:])
