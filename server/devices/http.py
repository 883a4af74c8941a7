"""The device's HTTP interface: enrolment, the feed, the clock, and the dependency that knows a device.

The same interface takes every upward message: :func:`message_routes` makes one typed route a kind from the
same table that MQTT uses.
"""

import base64
import binascii
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, create_model

from contract.device_api import Enrol, Enrolled, FeedPage, ServerTime
from contract.envelope import Envelope
from contract.errors import Rejected
from contract.feed import Receipt
from server.devices import service
from server.kit import http, inbox, outbox
from server.kit.attempts import PER_ADDRESS
from server.kit.db import EVERYTHING, act_for
from server.kit.identity import Role, Sender
from server.retailers import queries as retailers

PAGE = 200

device_api = http.router("/device/v1", tag="device")
KEEPERS: tuple[Role, ...] = ("administrator", "planner", "fleet")
operator_api = http.router("/api/v1/devices", tag="devices", roles=KEEPERS, shops="all")


@http.guard
def known_sender(request: Request, session: http.DeviceDb) -> Sender:
    """Return the device that signs in by ``Authorization: Basic device:secret``, and narrow the session to it."""
    device_id, secret = _basic(request.headers.get("Authorization", ""))
    sender = service.authenticate(session, device_id, secret)
    act_for(session, sender.party)
    return sender


KnownSender = Annotated[Sender, Depends(known_sender)]


@device_api.post("/enrol", dependencies=[Depends(http.everyone)])
def enrol(enrolment: Enrol, session: http.Db, clock: http.Now, request: Request) -> Enrolled:
    """Turn a one-use code into this terminal's identity; who guesses at codes has to wait."""
    tries, caller = http.runtime_of(request).attempts, request.client.host if request.client else "unknown"
    tries.check(PER_ADDRESS, caller)
    act_for(session, EVERYTHING)  # whose terminal it is going to be, the code says
    try:
        device, secret = service.enrol(session, enrolment, at=clock())
    except Rejected as refusal:
        if refusal.code == "code_unknown":
            tries.failed(PER_ADDRESS, caller)
        raise
    shop = retailers.retailer(session, device.retailer)
    address = http.runtime_of(request).broker_address
    return Enrolled(
        device=device.id,
        secret=secret,
        retailer=device.retailer,
        name=shop.name if shop else device.retailer,
        broker_host=address[0] if address else None,
        broker_port=address[1] if address else None,
        server_time=clock(),
    )


@device_api.get("/time", dependencies=[Depends(http.everyone)])
def server_time(clock: http.Now) -> ServerTime:
    """Return the clock that decides."""
    return ServerTime(server_time=clock())


@device_api.get("/feed")
def feed(
    sender: KnownSender, session: http.DeviceDb, clock: http.Now, after: Annotated[int, Query(ge=0)] = 0
) -> FeedPage:
    """Return the retailer's feed after a cursor, oldest first."""
    items, head = outbox.read(session, sender.party, after=after, limit=PAGE)
    return FeedPage(
        items=tuple(items),
        head=head,
        more=bool(items) and items[-1].seq < head and len(items) == PAGE,
        server_time=clock(),
        history=outbox.history(session),
    )


def message_routes(handlers: inbox.Handlers) -> APIRouter:
    """Return ``POST /device/v1/up/{kind}`` for every kind: an envelope in, a receipt out."""
    routes = http.router("/device/v1/up", tag="device")
    for kind, known in sorted(handlers.items()):
        typed: type[BaseModel] = create_model(
            f"{known.message.__name__}Envelope", __base__=Envelope, data=(known.message, ...)
        )
        routes.post(
            f"/{kind}",
            name=kind,
            summary=known.message.__doc__,
            openapi_extra={
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": typed.model_json_schema(by_alias=True)}},
                }
            },
        )(_take(kind, handlers))
    return routes


def _take(kind: str, handlers: inbox.Handlers) -> Any:
    def take(
        body: Annotated[Envelope, Depends(_envelope)],
        sender: KnownSender,
        session: http.DeviceDb,
        clock: http.Now,
    ) -> Receipt | None:
        return inbox.receive(session, sender, kind, body, handlers, at=clock())

    return take


async def _envelope(request: Request) -> Envelope:
    return Envelope.decode(await request.body())


def _basic(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        raise Rejected("not_enrolled")
    try:
        device_id, colon, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise Rejected("not_enrolled") from None
    if not colon:
        raise Rejected("not_enrolled")
    return device_id, secret


class CodesWanted(BaseModel):
    """For which retailers a terminal is to be enrolled."""

    retailers: list[str]


class IssuedCode(BaseModel):
    """A one-use code; it is shown once."""

    retailer: str
    code: str


class RevokeDevice(BaseModel):
    """Why a terminal is shut out."""

    reason: str


@operator_api.post("/codes")
def issue_codes(wanted: CodesWanted, session: http.Db, operator: http.Person, clock: http.Now) -> list[IssuedCode]:
    """Issue one-use enrolment codes, one a retailer."""
    issued = service.issue_codes(session, wanted.retailers, operator, at=clock())
    return [IssuedCode(retailer=retailer, code=code) for retailer, code in issued]


@operator_api.post("/{device}/revoke", status_code=204)
def revoke(device: str, body: RevokeDevice, session: http.Db, operator: http.Person, clock: http.Now) -> None:
    """Shut a terminal out."""
    service.revoke(session, device, body.reason, operator, at=clock())
