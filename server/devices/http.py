"""The device's HTTP interface: enrolment, the feed, the clock, and the dependency that knows a device.

The same interface takes every upward message: :func:`message_routes` makes one typed route a kind from the
same table that MQTT uses.
"""

import time
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, Field, create_model
from sqlalchemy.orm import Session

from contract.device_api import Certified, Enrol, Enrolled, Enrolment, FeedPage, Renew, ServerTime
from contract.envelope import Envelope
from contract.errors import Rejected
from contract.feed import Receipt
from server.devices import authority, clones, enrolling, queries, rules, service, signatures
from server.kit import broadcasts, http, inbox, outbox, paging
from server.kit.attempts import PER_ADDRESS
from server.kit.db import EVERYTHING, act_for, transaction
from server.kit.identity import Role, Sender
from server.retailers import queries as retailers

PAGE = 200
WATCH = clones.Watch("http")
CONFIRMED_MOST = 500

device_api = http.router("/device/v1", tag="device")
KEEPERS: tuple[Role, ...] = ("administrator", "planner", "fleet")
operator_api = http.router("/api/v1/devices", tag="devices", roles=KEEPERS, shops="all")


async def _said(request: Request) -> bytes:
    return await request.body()


@http.guard
def known_sender(
    request: Request, session: http.DeviceDb, clock: http.Now, body: Annotated[bytes, Depends(_said)]
) -> Sender:
    """Return the device that signed the request (:mod:`contract.signing`), and narrow the session to its shop."""
    sender = signatures.authenticate(
        session, *_signed(request), body, request.headers, http.runtime_of(request).nonces, at=clock()
    )
    act_for(session, sender.party)
    _watch(request, sender.device, at=clock())
    return sender


def _watch(request: Request, device: str, *, at: datetime) -> None:
    """Tell of two machines that sign as one device; in a transaction of its own, whatever becomes of the request."""
    runtime = http.runtime_of(request)
    addresses = WATCH.used(device, http.remote_of(request), time.monotonic())
    if addresses is not None:
        with transaction(runtime.sessions) as session:
            clones.tell(session, device, addresses, "http", at=at)


KnownSender = Annotated[Sender, Depends(known_sender)]


@http.guard
def renewing_sender(
    request: Request, session: http.DeviceDb, clock: http.Now, body: Annotated[bytes, Depends(_said)]
) -> Sender:
    """Return the device that signed the request, also where its certificate is over: it asks for the next one."""
    sender, _ = signatures.signer(
        session, *_signed(request), body, request.headers, http.runtime_of(request).nonces, at=clock()
    )
    act_for(session, sender.party)
    return sender


RenewingSender = Annotated[Sender, Depends(renewing_sender)]


def _signed(request: Request) -> tuple[str, str]:
    """Return method and target as the device signed them: path and query as they came, still encoded."""
    raw: bytes = request.scope.get("raw_path") or request.url.path.encode()
    query: bytes = request.scope.get("query_string", b"")
    path = raw.partition(b"?")[0].decode("latin-1")
    return request.method, f"{path}?{query.decode('latin-1')}" if query else path


@device_api.post("/enrol", dependencies=[Depends(http.everyone)])
def enrol(asked: Enrol, session: http.Db, clock: http.Now, request: Request) -> Enrolment:
    """Take a terminal's code and the request for its key; asked again, say how it stands. Who guesses has to wait."""
    tries, caller = http.runtime_of(request).attempts, request.client.host if request.client else "unknown"
    tries.check(PER_ADDRESS, caller)
    act_for(session, EVERYTHING)  # whose terminal it is going to be, the code says
    try:
        row = enrolling.ask(session, asked, at=clock())
    except Rejected as refusal:
        if refusal.code == "code_unknown":
            tries.failed(PER_ADDRESS, caller)
        raise
    state = rules.enrolment_state(row.confirmed, row.expires_at, clock())
    return Enrolment(
        state=state,
        fingerprint=row.key,
        expires_at=row.expires_at,
        reason=row.reason,
        enrolled=_enrolled(session, request, row.device, at=clock()) if row.device is not None else None,
        server_time=clock(),
    )


@device_api.post("/renew")
def renew(asked: Renew, sender: RenewingSender, session: http.DeviceDb, clock: http.Now) -> Certified:
    """Issue the next certificate; the earlier one stays valid until its end."""
    row = enrolling.renew(session, sender.device, asked.csr, at=clock())
    return authority.certified(session, row, at=clock())


@device_api.get("/certificate")
def certificate(sender: RenewingSender, session: http.DeviceDb, clock: http.Now) -> Certified:
    """Return the newest certificate, who is believed now, and when the next one is to be asked for."""
    row = enrolling.newest_certificate(session, sender.device)
    if row is None:
        raise Rejected("not_enrolled")
    return authority.certified(session, row, at=clock())


@device_api.get("/authorities", dependencies=[Depends(http.everyone)], response_class=PlainTextResponse)
def authorities(session: http.Db) -> str:
    """Return the certificates of the authorities that issue to devices and brokers, in PEM."""
    return authority.trusted_pem(session)


@device_api.get("/revocations", dependencies=[Depends(http.everyone)], response_class=PlainTextResponse)
def revocations(session: http.Db, clock: http.Now) -> str:
    """Return the lists of revoked certificates (CRL), one of each authority, in PEM: for brokers."""
    return authority.revocations_pem(session, at=clock())


def _enrolled(session: Session, request: Request, device_id: str, *, at: datetime) -> Enrolled:
    """Return the identity of a device as it is told."""
    device = queries.device(session, device_id)
    row = enrolling.newest_certificate(session, device_id)
    if device is None or row is None:
        raise Rejected("not_found", what="device", name=device_id)
    shop = retailers.retailer(session, device.retailer)
    address = http.runtime_of(request).broker_address
    return Enrolled(
        device=device.id,
        retailer=device.retailer,
        name=shop.name if shop else device.retailer,
        broker_host=address[0] if address else None,
        broker_port=address[1] if address else None,
        server_time=at,
        certified=authority.certified(session, row, at=at),
    )


@device_api.get("/time", dependencies=[Depends(http.everyone)])
def server_time(clock: http.Now) -> ServerTime:
    """Return the clock that decides."""
    return ServerTime(server_time=clock())


@device_api.get("/feed")
@http.noting
def feed(
    sender: KnownSender, session: http.DeviceDb, clock: http.Now, after: Annotated[int, Query(ge=0)] = 0
) -> FeedPage:
    """Return the retailer's feed after a cursor, oldest first."""
    items, head = outbox.read(session, sender.party, after=after, limit=PAGE)
    outbox.heard(session, sender.party, min(after, head), at=clock())
    service.hear(session, sender, at=clock())
    return FeedPage(
        items=tuple(items),
        head=head,
        more=bool(items) and items[-1].seq < head and len(items) == PAGE,
        server_time=clock(),
        history=outbox.history(session),
        news=dict(broadcasts.numbers(session, retailers.groups_of(session, sender.party))),
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
        sender: KnownSender,
        body: Annotated[Envelope, Depends(_envelope)],
        session: http.DeviceDb,
        clock: http.Now,
    ) -> Receipt | None:
        return inbox.receive(session, sender, kind, body, handlers, at=clock())

    return take


async def _envelope(request: Request) -> Envelope:
    return Envelope.decode(await request.body())


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


class WaitingTerminal(BaseModel):
    """A terminal that waits for somebody to compare its fingerprint."""

    fingerprint: str
    retailer: str
    model: str
    version: str
    asked_at: datetime
    expires_at: datetime


class Confirm(BaseModel):
    """The fingerprints that were compared with what the terminals show, or were made by whoever asks."""

    fingerprints: Annotated[list[str], Field(min_length=1, max_length=CONFIRMED_MOST)]


class ConfirmedTerminal(BaseModel):
    """What the terminal with a fingerprint is from now on; it fetches the same by itself."""

    fingerprint: str
    enrolled: Enrolled


class RefuseTerminal(BaseModel):
    """Why a terminal is turned away; it shows this."""

    fingerprint: str
    reason: Annotated[str, Field(max_length=300)]


@operator_api.get("/enrolments")
def waiting_terminals(session: http.Db, clock: http.Now, page: paging.Paged) -> list[WaitingTerminal]:
    """List the terminals that wait, by their fingerprints."""
    rows = enrolling.waiting(session, clock(), after=page.key(str), limit=page.one_more)
    return page.rows(
        [
            WaitingTerminal(
                fingerprint=row.key,
                retailer=row.retailer,
                model=row.model,
                version=row.version,
                asked_at=row.asked_at,
                expires_at=row.expires_at,
            )
            for row in rows
        ],
        lambda row: (row.fingerprint,),
    )


@operator_api.post("/enrolments/confirm")
def confirm(
    body: Confirm, session: http.Db, operator: http.Person, clock: http.Now, request: Request
) -> list[ConfirmedTerminal]:
    """Confirm terminals by their fingerprints, all or none; each gets its certificate."""
    devices = enrolling.confirm(session, body.fingerprints, operator, at=clock())
    return [
        ConfirmedTerminal(fingerprint=key, enrolled=_enrolled(session, request, device.id, at=clock()))
        for key, device in zip(body.fingerprints, devices, strict=True)
    ]


@operator_api.post("/enrolments/refuse", status_code=204)
def refuse(body: RefuseTerminal, session: http.Db, operator: http.Person, clock: http.Now) -> None:
    """Turn a waiting terminal away."""
    enrolling.refuse(session, body.fingerprint, body.reason, operator, at=clock())


@operator_api.post("/{device}/revoke", status_code=204)
def revoke(device: str, body: RevokeDevice, session: http.Db, operator: http.Person, clock: http.Now) -> None:
    """Shut a terminal out."""
    service.revoke(session, device, body.reason, operator, at=clock())
