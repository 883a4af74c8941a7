"""A person of some regions or classes: no query, no page, no form reaches a shop outside of them.

Two layers: each query says who is within, and the database says it again. Either is shown to hold alone.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from devices import key_of
from factories import NOW
from filled import PLANNER, SHOPS, fill
from places import parts_of
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, aliased, sessionmaker
from starlette.testclient import TestClient

from contract.device_api import Enrol
from server import tables
from server.devices import enrolling
from server.devices import service as devices
from server.kit import certificates, embedded, http
from server.kit.clock import Clock
from server.kit.db import EVERYTHING, Base, bounds, make_engine, make_sessions, mapped_tables, transaction
from server.kit.identity import ROLES, SYSTEM
from server.operators import service as operators
from server.retailers.models import RetailerRow

tables.load()
OF_SHOPS = [mapped for mapped in mapped_tables() if mapped.__party__ or mapped.__party_for_people__]
OWN, FOREIGN = SHOPS
NORTH = bounds(["north"], [])
WITHIN = [NORTH, bounds([], ["town"]), bounds(["north", "west"], ["town", "village"])]
OUTSIDE = [bounds(["north"], ["city"]), bounds(["west"], []), bounds(["nort"], []), bounds([], ["tow"])]


@pytest.fixture
def two_regions(sessions: sessionmaker[Session]) -> sessionmaker[Session]:
    """Rows of two shops in every table: one in the north, of the class *town*, one in the south, *country*."""
    with transaction(sessions) as session:
        fill(session)
        for code, region, market_type in ((OWN, "north", "town"), (FOREIGN, "south", "country")):
            shop = session.get_one(RetailerRow, code)
            shop.region, shop.market_type = region, market_type
        ((_, code),) = devices.issue_codes(session, [FOREIGN], PLANNER, at=NOW)
        enrolling.ask(session, Enrol(code=code, csr=certificates.new_request(key_of("foreign"))), at=NOW)
        devices.issue_codes(session, [FOREIGN], PLANNER, at=NOW)
    return sessions


@pytest.fixture
def without_row_security(two_regions: sessionmaker[Session], database: embedded.Cluster) -> Iterator[Any]:
    """The same database as its owner sees it, whom row-level security does not hold."""
    engine = make_engine(database.owner_url)
    yield make_sessions(engine)
    engine.dispose()


def shops_of(session: Session, mapped: type[Base], *, by_orm: bool) -> set[str]:
    name = mapped.__party__ or mapped.__party_for_people__
    if by_orm:
        return set(session.scalars(sa.select(getattr(mapped, str(name))).distinct()))
    return set(session.scalars(sa.text(f"SELECT DISTINCT {name} FROM {mapped.__tablename__}")))  # noqa: S608 - our own tables


@pytest.mark.slow
def test_the_database_alone_shows_a_bounded_person_no_foreign_row(two_regions: sessionmaker[Session]) -> None:
    for scopes, seen in ((WITHIN, {OWN}), (OUTSIDE, set()), ([EVERYTHING], set(SHOPS))):
        for scope in scopes:
            with transaction(two_regions, scope) as session:
                shown = {mapped.__tablename__: shops_of(session, mapped, by_orm=False) for mapped in OF_SHOPS}
            assert shown == dict.fromkeys(shown, seen), scope


@pytest.mark.slow
def test_the_queries_alone_show_a_bounded_person_no_foreign_row(without_row_security: sessionmaker[Session]) -> None:
    with transaction(without_row_security, NORTH) as session:
        assert shops_of(session, RetailerRow, by_orm=False) == set(SHOPS)  # nothing but the query holds here
    for scopes, seen in ((WITHIN, {OWN}), (OUTSIDE, set()), ([EVERYTHING], set(SHOPS))):
        for scope in scopes:
            with transaction(without_row_security, scope) as session:
                shown = {mapped.__tablename__: shops_of(session, mapped, by_orm=True) for mapped in OF_SHOPS}
            assert shown == dict.fromkeys(shown, seen), scope


@pytest.mark.slow
def test_no_way_of_asking_gets_around_the_predicate(without_row_security: sessionmaker[Session]) -> None:
    other = aliased(RetailerRow)
    inner = sa.select(RetailerRow.code).where(RetailerRow.region == "south").subquery()
    with transaction(without_row_security, NORTH) as session:
        assert session.get(RetailerRow, FOREIGN) is None
        assert session.scalars(sa.select(other.code)).all() == [OWN]
        assert session.scalars(sa.select(inner.c.code)).all() == []
        assert session.scalar(sa.select(sa.func.count()).select_from(RetailerRow)) == 1
        assert session.scalars(sa.select(RetailerRow.code).join(other, sa.true())).all() == [OWN]
        changed = sa.update(RetailerRow).values(weight=77).returning(RetailerRow.code)
        assert session.scalars(changed).all() == [OWN]


@pytest.mark.slow
def test_a_row_can_be_given_neither_to_a_foreign_shop_nor_taken_from_it(two_regions: sessionmaker[Session]) -> None:
    for mapped in OF_SHOPS:
        column = mapped.__party__ or mapped.__party_for_people__
        with (
            pytest.raises(DBAPIError, match=r"row-level security|permission denied"),
            transaction(two_regions, NORTH) as session,
        ):
            session.execute(sa.text(f"UPDATE {mapped.__tablename__} SET {column} = '{FOREIGN}'"))  # noqa: S608 - our own tables


@pytest.mark.parametrize("odd", ["", "*", "north\x1fsouth", "north\x1esouth", "\x00"])
def test_a_name_that_could_open_a_scope_bounds_nothing(odd: str) -> None:
    with pytest.raises(ValueError, match="cannot bound a scope"):
        bounds([odd], [])


def test_who_is_bounded_by_nothing_sees_everything() -> None:
    assert bounds([], []) == EVERYTHING


def personal(app: Any) -> Iterator[tuple[str, str, bool]]:
    """Yield method, path and the mark of every route that needs a person."""
    for route in http.of_people(app):
        for method in sorted(route.methods - {"HEAD"}):
            yield method, route.path, getattr(route.endpoint, "of_shops", False)


@pytest.fixture
def of_the_north(two_regions: sessionmaker[Session], signed_in: Callable[..., TestClient], clock: Clock) -> TestClient:
    """A browser of somebody with every role, bounded to the north."""
    browser = signed_in(*ROLES, name="northerner")
    with transaction(two_regions) as session:
        operators.set_bounds(session, "northerner", regions=["north"], classes=[], by=SYSTEM, at=clock())
    return browser


@pytest.fixture
def foreign(two_regions: sessionmaker[Session]) -> dict[str, str]:
    """What stands for a part of an address: what belongs to the foreign shop, or is everybody's."""
    with transaction(two_regions) as session:
        return parts_of(session, FOREIGN)


def address_of(path: str, foreign: dict[str, str]) -> str:
    """Return the address of a route for what belongs to the foreign shop."""
    known = foreign | {"number": foreign["alert" if "/alerts/" in path else "order" if "/orders/" in path else "none"]}
    return re.sub(r"\{([^}]*)\}", lambda part: known.get(part[1], "1"), path)


@pytest.mark.slow
def test_no_page_and_no_answer_names_a_foreign_shop(
    of_the_north: TestClient, foreign: dict[str, str], signed_in: Callable[..., TestClient]
) -> None:
    unbounded = signed_in(*ROLES, name="everybody")
    told_to_others = 0
    for method, path, marked in personal(of_the_north.app):
        if method != "GET" or path.endswith("/events"):  # a stream has no end, and says nothing but *look*
            continue
        address = address_of(path, foreign)
        for asked in (address, f"{address}?retailer={FOREIGN}&code={FOREIGN}"):
            answer = of_the_north.get(asked)
            assert (asked, answer.status_code < 500) == (asked, True)
            assert (asked, f"Shop {FOREIGN}" in answer.text) == (asked, False)
            if FOREIGN not in asked:
                assert (asked, re.findall(rf".{{,60}}\b{FOREIGN}\b.{{,40}}", answer.text)) == (asked, [])
            if not marked:
                assert (asked, answer.status_code) == (asked, 403)
        told_to_others += marked and "{" not in path and f"Shop {FOREIGN}" in unbounded.get(address).text
    assert told_to_others > 5


@pytest.mark.slow
def test_no_form_changes_a_row_of_a_foreign_shop(
    of_the_north: TestClient, two_regions: sessionmaker[Session], foreign: dict[str, str]
) -> None:
    before = rows_of(two_regions, FOREIGN)
    assert sum(map(len, before.values())) > len(OF_SHOPS)
    body = {
        "retailer": FOREIGN,
        "code": FOREIGN,
        "codes": FOREIGN,
        "retailers": [FOREIGN],
        "reason": "because",
        "verdict": "upheld",
        "note": "made good",
        "owner": "northerner",
        "sku": "S1",
        "limit_units": 1,
        "limit": "1",
        "standing": "suspended",
        "said_zh": "一句话",
        "said_en": "A sentence",
    }
    for method, path, marked in personal(of_the_north.app):
        if method != "GET" and not path.startswith(("/console/account", "/console/sign-out")):
            address = address_of(path, foreign)
            for sent in ({"data": body}, {"json": body}):
                answer = of_the_north.request(method, address, **sent)
                assert (method, address, 400 <= answer.status_code < 500 or answer.status_code == 303) == (
                    method,
                    address,
                    True,
                )
                if not marked:
                    assert (method, address, answer.status_code) == (method, address, 403)
    assert rows_of(two_regions, FOREIGN) == before


def rows_of(sessions: sessionmaker[Session], shop: str) -> dict[str, list[str]]:
    with transaction(sessions) as session:
        return {
            mapped.__tablename__: sorted(
                session.scalars(
                    sa.text(
                        f"SELECT one::text FROM {mapped.__tablename__} AS one"  # noqa: S608 - our own tables
                        f" WHERE {mapped.__party__ or mapped.__party_for_people__} = :shop"
                    ),
                    {"shop": shop},
                )
            )
            for mapped in OF_SHOPS
        }
