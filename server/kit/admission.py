"""How many requests are worked on at once: as many as there are database connections.

Without a bound, requests that wait for a connection fill the threads that those who hold one need to go on,
and everything stands still: measured with 72 terminals that came at once. Who waits here holds neither a
thread nor a connection. A place is free again when the answer begins, so that a stream of events keeps none; an
answer that goes on reading from the database while it is sent keeps its place to the end (:data:`KEPT`).
"""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

KEPT = "evenhand.place_kept"
"""Where a request says that its answer reads from the database while it is sent."""


class Admission:
    """Lets at most ``places`` requests be worked on at once; the others wait in the order of their coming."""

    def __init__(self, app: ASGIApp, places: int) -> None:
        self._app = app
        self._places = asyncio.Semaphore(places)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on when there is a place."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await self._places.acquire()
        held = True

        def leave() -> None:
            nonlocal held
            if held:
                held = False
                self._places.release()

        async def answering(message: Message) -> None:
            if message["type"] == "http.response.start" and not scope.get(KEPT):
                leave()
            await send(message)

        try:
            await self._app(scope, receive, answering)
        finally:
            leave()
