"""Rows for tests, in the domain's words. Each function writes with the session it is given."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from devices import key_of
from sqlalchemy.orm import Session

from contract.envelope import Envelope
from contract.feed import Receipt
from contract.ids import uuid7
from contract.messages import Message, OrderLine, PlaceOrder
from server.catalogue.models import SkuRow
from server.cycles.models import (
    AllocationRun,
    BookLine,
    BookRetailer,
    BookSku,
    CycleRow,
    GrantRow,
    PolicyRow,
    Publication,
    SupplyLine,
    SupplyVersion,
)
from server.devices import authority
from server.devices.models import DeviceRow
from server.kit.identity import Sender
from server.kit.inbox import receive
from server.licences.models import LicenceRow
from server.orders import windows as order_windows
from server.retailers.models import RetailerLimit, RetailerRow
from server.wiring import HANDLERS

NOW = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)


def make_sku(
    session: Session,
    sku: str = "K1",
    *,
    pack_units: int = 1,
    price_minor: int = 1_000,
    minimum_units: int = 0,
    limit_units: int | None = None,
    licence_class: str | None = None,
    case_barcodes: tuple[str, ...] = (),
) -> str:
    session.add(
        SkuRow(
            sku=sku,
            name_zh=f"商品{sku}",
            name_en=f"Item {sku}",
            unit_zh="条",
            unit_en="carton",
            category="goods",
            pack_units=pack_units,
            price_minor=price_minor,
            minimum_units=minimum_units,
            limit_units=limit_units,
            licence_class=licence_class,
            barcodes=[],
            case_barcodes=list(case_barcodes),
            changed_at=NOW,
        )
    )
    session.flush()
    return sku


def make_retailer(
    session: Session,
    code: str = "R1",
    *,
    route: str = "north",
    region: str = "city",
    tier: int = 3,
    weight: int = 10,
    credit_minor: int | None = None,
    standing: str = "good",
    limits: dict[str, int] | None = None,
    classes: Sequence[str] = (),
    licensed_until: date = date(2027, 12, 31),
    market_type: str = "town",
) -> str:
    session.add(
        RetailerRow(
            code=code,
            name=f"Shop {code}",
            address="1 High Street",
            city="Riverton",
            region=region,
            route=route,
            market_type=market_type,
            tier=tier,
            weight=weight,
            credit_minor=credit_minor,
            standing=standing,
            standing_reason=None if standing == "good" else "unpaid",
            created_at=NOW,
            changed_at=NOW,
        )
    )
    session.flush()
    for sku, units in (limits or {}).items():
        session.add(RetailerLimit(retailer=code, sku=sku, limit_units=units))
    for licence_class in classes:
        session.add(
            LicenceRow(
                retailer=code,
                licence_class=licence_class,
                number=f"{licence_class}-{code}",
                valid_from=date(2020, 1, 1),
                valid_until=licensed_until,
                state="valid",
                changed_at=NOW,
            )
        )
    session.flush()
    return code


def make_device(session: Session, retailer: str = "R1", *, device: str | None = None, secret: str = "s" * 43) -> Sender:
    row = DeviceRow(id=device or f"t-{retailer.lower()}", retailer=retailer, model="test", enrolled_at=NOW)
    session.add(row)
    session.flush()
    authority.issue_to_device(session, row.id, key_of(row.id, secret).public_key(), at=NOW)
    return Sender(row.id, retailer)


def make_window(
    session: Session,
    *,
    cycle: UUID | None = None,
    route: str = "*",
    opens_at: datetime = NOW - timedelta(hours=1),
    closes_at: datetime = NOW + timedelta(hours=1),
    grace_s: int = 30,
    zone: str = "Asia/Shanghai",
    opened: bool = True,
) -> UUID:
    window = uuid7()
    order_windows.announce_window(
        session,
        order_windows.NewWindow(
            id=window,
            cycle=cycle or uuid7(),
            name_zh="第48周",
            name_en="Week 48",
            route=route,
            opens_at=opens_at,
            closes_at=closes_at,
            grace_s=grace_s,
            zone=zone,
            commitment="ab" * 32,
            policy="fair share v1",
        ),
        at=opens_at - timedelta(seconds=1),
    )
    if opened:
        order_windows.open_due_windows(session, opens_at)
    return window


def lines(**quantities: int) -> tuple[OrderLine, ...]:
    return tuple(OrderLine(sku=sku, quantity_units=units) for sku, units in quantities.items())


def envelope(sender: Sender, message: Message, *, id: UUID | None = None, seq: int = 1, at: datetime = NOW) -> Envelope:  # noqa: A002 - the wire's name
    return Envelope.of(id=id or uuid7(), device=sender.device, seq=seq, sent_at=at, message=message)


def send(
    session: Session,
    sender: Sender,
    kind: str,
    message: Message,
    *,
    id: UUID | None = None,  # noqa: A002 - the wire's name
    at: datetime = NOW,
) -> Receipt:
    """Let the server take a message as ingest would; return its receipt."""
    receipt = receive(session, sender, kind, envelope(sender, message, id=id), HANDLERS, at=at)
    assert receipt is not None
    return receipt


def place(session: Session, sender: Sender, window: UUID, *, at: datetime = NOW, **quantities: int) -> Receipt:
    return send(session, sender, "order.place", PlaceOrder(window=window, lines=lines(**quantities)), at=at)


def publish_grants(session: Session, grants: dict[str, dict[str, int]], *, at: datetime = NOW) -> UUID:
    """Write a published cycle that granted what was asked: units by retailer and SKU. Its steps are not walked."""
    cycle, digest = uuid7(), "ab" * 32
    units = {sku: sum(mine.get(sku, 0) for mine in grants.values()) for mine in grants.values() for sku in mine}
    if session.get(PolicyRow, ("fair share", 1)) is None:
        session.add(
            PolicyRow(
                name="fair share",
                version=1,
                text="",
                text_sha256=digest,
                author="planner-1",
                reason="first",
                created_at=at,
            )
        )
        session.flush()
    session.add(
        CycleRow(
            id=cycle,
            name_zh="第48周",
            name_en="Week 48",
            week=date(2026, 11, 23),
            zone="Asia/Shanghai",
            grace_s=30,
            state="published",
            policy_name="fair share",
            policy_version=1,
            supply_version=1,
            commitment=digest,
            attempt=1,
            published_attempt=1,
            sent_by="planner-1",
            released_by="releaser-1",
            released_at=at,
            published_at=at,
            created_by="planner-1",
            created_at=at,
            changed_at=at,
        )
    )
    session.flush()
    session.add(SupplyVersion(cycle=cycle, version=1, author="planner-1", reason="first", created_at=at))
    session.add_all(
        BookRetailer(cycle=cycle, retailer=r, region="city", route="north", tier=3, market_type="town", weight=10)
        for r in grants
    )
    session.add_all(BookSku(cycle=cycle, sku=sku, price_minor=1_000) for sku in units)
    session.flush()
    session.add_all(
        SupplyLine(
            cycle=cycle,
            version=1,
            sku=sku,
            supply_units=offered,
            pack_units=1,
            reserve_units=0,
            minimum_units=0,
            marked_scarce=False,
        )
        for sku, offered in units.items()
    )
    session.add(AllocationRun(cycle=cycle, attempt=1, supply_version=1, policy_text="", input_sha256=digest))
    session.flush()
    session.add(
        Publication(
            cycle=cycle,
            number=1,
            attempt=1,
            sent_by="planner-1",
            released_by="releaser-1",
            released_at=at,
            published_at=at,
        )
    )
    session.add_all(
        BookLine(
            cycle=cycle,
            retailer=retailer,
            sku=sku,
            requested_units=max(granted, 1),
            floor_units=0,
            weight=10,
            carry_thousandths=0,
        )
        for retailer, mine in grants.items()
        for sku, granted in mine.items()
    )
    session.flush()
    session.add_all(
        GrantRow(
            cycle=cycle,
            attempt=1,
            retailer=retailer,
            sku=sku,
            requested_units=max(granted, 1),
            eligible_units=granted,
            granted_units=granted,
            share="1",
            reason="filled",
            bound_by="",
            entitled_thousandths=granted * 1000,
        )
        for retailer, mine in grants.items()
        for sku, granted in mine.items()
    )
    session.flush()
    return cycle
