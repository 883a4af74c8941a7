"""Every list of the interface comes in pages that lose no row and give none twice."""

from collections.abc import Callable
from typing import Any

import pytest
from factories import make_retailer
from filled import SHOPS, fill
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from server.announcements.models import AnnouncementRow
from server.cycles.models import CycleRow
from server.devices.models import DeviceRow
from server.kit.db import transaction
from server.rollouts.models import RolloutRow
from server.scores.models import ScoreRun

#: Lists that are given whole, and why they stay short.
WHOLE = {
    "/api/v1/imports/kinds": "the kinds that the server knows",
    "/api/v1/policies": "each version was written by a person",
    "/api/v1/schedules": "one a route",
    "/api/v1/fleet/groups": "each was written by a person",
    "/api/v1/depot": "one a SKU",
    "/api/v1/stock/{retailer}": "one a SKU of a shop",
    "/api/v1/forecasts/retailers/{retailer}/history": "a month and class of one shop",
    "/api/v1/signals/{number}/notes": "each was said by a person",
    "/api/v1/scores/decisions": "each is a file of two persons",
    "/api/v1/scores/retailers/{retailer}": "a month of one shop, of five years at most",
    "/api/v1/scores/what-ifs": "the newest alone",
    "/api/v1/cycles/{cycle}/adjustments": "each was written by a person",
    "/api/v1/cycles/{cycle}/explain": "the lines of one shop",
    "/api/v1/cycles/{cycle}/policy-changes": "each was written by a person",
    "/api/v1/cycles/{cycle}/publications": "each took two persons",
    "/api/v1/cycles/{cycle}/supply": "one a SKU",
    "/api/v1/cycles/{cycle}/what-ifs": "the newest alone",
    "/api/v1/what-ifs/{comparison}/explain": "the lines of one shop",
    "/api/v1/announcements/{announcement}/attachments": "four a version, each brought in by a person",
    "/api/v1/feedback/terms": "each version was written by a person",
}


def lists(app: Any) -> dict[str, bool]:
    """Return the addresses of the interface that give a list, and whether it comes in pages."""
    found = {}
    for address, methods in app.openapi()["paths"].items():
        operation = methods.get("get")
        if operation is None or not address.startswith("/api/v1/"):
            continue
        paged = any(one.get("name") == "cursor" for one in operation.get("parameters", []))
        body = operation["responses"]["200"].get("content", {}).get("application/json", {}).get("schema", {})
        if paged or body.get("type") == "array":
            found[address] = paged
    return found


def test_a_list_comes_in_pages_or_is_known_to_stay_short(app_client: TestClient) -> None:
    found = lists(app_client.app)
    assert {address for address, paged in found.items() if not paged} == set(WHOLE)
    assert sum(found.values()) > 15


@pytest.mark.slow
def test_pages_of_one_row_give_what_one_page_gives(
    sessions: sessionmaker[Session], signed_in: Callable[..., TestClient]
) -> None:
    with transaction(sessions) as session:
        fill(session)
        cycle = session.scalars(select(CycleRow.id)).first()
        run = session.scalars(select(ScoreRun.number)).first()
        invited = session.scalars(select(AnnouncementRow.id)).first()
        rollout = session.scalars(select(RolloutRow.id)).first()
        device = session.scalars(select(DeviceRow.id).order_by(DeviceRow.id)).first()
    somebody = signed_in("planner", "administrator", "dispatcher", "inspector", "manager")
    longest = 0
    for address, paged in lists(somebody.app).items():
        if not paged or "{comparison}" in address or "publications" in address:
            continue
        place_ = address.format(
            retailer=SHOPS[0], number=run, cycle=cycle, announcement=invited, rollout=rollout, device=device, name="all"
        )
        whole = somebody.get(place_, params={"limit": 1000})
        assert (place_, whole.status_code) == (place_, 200), whole.text
        assert "next" not in whole.links
        one_by_one, answer = [], somebody.get(place_, params={"limit": 1})
        one_by_one += rows_of(answer.json())
        while following := answer.links.get("next"):
            answer = somebody.get(following["url"])
            assert answer.status_code == 200
            one_by_one += rows_of(answer.json())
        assert (place_, one_by_one) == (place_, rows_of(whole.json()))
        longest = max(longest, len(one_by_one))
        refused = somebody.get(place_, params={"cursor": "none"})
        assert (place_, refused.status_code, refused.json()["code"]) == (place_, 422, "malformed")
    assert longest > 2


def test_what_comes_in_between_pages_moves_nothing(
    sessions: sessionmaker[Session], signed_in: Callable[..., TestClient]
) -> None:
    with transaction(sessions) as session:
        for code in ("R1", "R3", "R5"):
            make_retailer(session, code)
    planner = signed_in("planner")
    first = planner.get("/api/v1/retailers", params={"limit": 2}).json()
    assert [one["code"] for one in first["retailers"]] == ["R1", "R3"]
    with transaction(sessions) as session:
        for code in ("R0", "R2", "R4"):
            make_retailer(session, code)
    second = planner.get("/api/v1/retailers", params={"limit": 2, "cursor": first["next"]}).json()
    assert [one["code"] for one in second["retailers"]] == ["R4", "R5"]
    assert (second["next"], second["total"]) == (None, 6)


def rows_of(body: Any) -> list[Any]:
    return body if isinstance(body, list) else next(value for value in body.values() if isinstance(value, list))
