"""``/device/v1/unnamed``: what a shop says without saying who it is. Nobody is signed in here, and nobody written down.

So often as :data:`SAID_PER_ADDRESS` allows from one address, and :data:`SAID_IN_ALL` from all; the counts live in
memory alone.
"""

from typing import Final

from fastapi import Depends, Request
from limits import parse

from contract.device_api import AskUnnamed, SayUnnamed, Unnamed
from server.feedback import unnamed
from server.kit import http
from server.kit.db import EVERYTHING, act_for

SAID_PER_ADDRESS: Final = parse("20 per hour")
SAID_IN_ALL: Final = parse("500 per hour")
ASKED_PER_ADDRESS: Final = parse("60 per 15 minutes")

device_api = http.router("/device/v1/unnamed", tag="device")


@device_api.post("", status_code=201, dependencies=[Depends(http.everyone)])
def say(said: SayUnnamed, session: http.Db, clock: http.Now, request: Request) -> None:
    """Keep what is said; a repeat with the same id changes nothing."""
    tries = http.runtime_of(request).attempts
    for limit, key in ((SAID_PER_ADDRESS, http.remote_of(request)), (SAID_IN_ALL, "unnamed")):
        tries.check(limit, key)
        tries.failed(limit, key)
    act_for(session, EVERYTHING)
    unnamed.take(session, said, at=clock())


@device_api.post("/look", dependencies=[Depends(http.everyone)])
def look(asked: AskUnnamed, session: http.Db, request: Request) -> Unnamed:
    """Return the answer to whoever shows the code; who guesses at codes has to wait."""
    tries, caller = http.runtime_of(request).attempts, http.remote_of(request)
    tries.check(ASKED_PER_ADDRESS, caller)
    tries.failed(ASKED_PER_ADDRESS, caller)
    act_for(session, EVERYTHING)
    return unnamed.look(session, asked.code)
