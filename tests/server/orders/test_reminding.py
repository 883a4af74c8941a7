"""Reminding the shops without an order: once each, repeated only on purpose, and what became of it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest
from factories import NOW, make_device, make_retailer, make_sku, make_window, place
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from contract.errors import Conflict, Rejected
from contract.feed import Text
from server.announcements import queries as announcements
from server.announcements import reactions
from server.kit import audit, outbox
from server.kit.db import transaction
from server.kit.fields import Invalid
from server.kit.identity import Operator, Sender
from server.orders import reminding, windows
from server.orders.events import RetailersReminded

ANN = Operator(1, "ann", frozenset({"planner"}))
WORDS = reminding.Words(Text(zh="请订货", en="Please order"), Text(zh="快截止了", en="It closes soon"))


@dataclass(frozen=True)
class Street:
    """Three shops in an open window; R1 has ordered."""

    window: UUID
    senders: dict[str, Sender]


@pytest.fixture
def street(sessions: sessionmaker[Session]) -> Street:
    with transaction(sessions) as session:
        make_sku(session, "K1")
        senders = {}
        for code in ("R1", "R2", "R3"):
            make_retailer(session, code)
            senders[code] = make_device(session, code)
        window = make_window(session)
        place(session, senders["R1"], window, K1=2)
    return Street(window, senders)


def remind(session: Session, street: Street, *, again: bool = False, known: int = 0) -> int:
    return reminding.remind(session, street.window, WORDS, again=again, known=known, by=ANN, at=NOW)


def test_each_shop_is_reminded_once_unless_it_is_repeated_on_purpose(street: Street, session: Session) -> None:
    assert remind(session, street) == 2
    with pytest.raises(Invalid, match="again"):
        remind(session, street, known=1)
    make_retailer(session, "R4")
    assert remind(session, street, known=1) == 1
    assert remind(session, street, again=True, known=2) == 3
    told = {one.retailer: one.times for one in reminding.reminded(session, street.window)}
    assert told == {"R2": 2, "R3": 2, "R4": 2}
    entries = [entry for entry in audit.entries(session) if entry.action == "window.reminded"]
    assert [(entry.actor, entry.detail["shops"], entry.detail["again"]) for entry in entries] == [
        ("operator:ann", 3, True),
        ("operator:ann", 1, False),
        ("operator:ann", 2, False),
    ]


def test_who_sends_twice_or_beside_another_is_told(street: Street, session: Session) -> None:
    remind(session, street)
    with pytest.raises(Conflict, match="changed meanwhile"):
        remind(session, street, again=True)


def test_nobody_is_reminded_of_a_window_that_takes_nothing(street: Street, session: Session) -> None:
    windows.close_due_windows(session, NOW + timedelta(hours=2))
    with pytest.raises(Rejected, match="closed"):
        remind(session, street)


def test_the_words_are_needed_in_both_languages(street: Street, session: Session) -> None:
    words = reminding.Words(Text(zh=" ", en="x" * 101), Text(zh="好", en="y" * 1001))
    with pytest.raises(Invalid) as refused:
        reminding.remind(session, street.window, words, again=False, known=0, by=ANN, at=NOW)
    assert set(refused.value.problems) == {"title_zh", "title_en", "body_en"}


def test_their_terminals_get_an_urgent_notice_that_ends_with_the_window(street: Street, session: Session) -> None:
    remind(session, street)
    (sent,) = reminding.reminders(session, street.window)
    for _ in range(2):
        reactions.on_retailers_reminded(session, RetailersReminded(sent.id, NOW), NOW)
    for code, count in (("R1", 0), ("R2", 1), ("R3", 1)):
        notices = [item for item in outbox.read(session, code, after=0)[0] if item.kind == "announcement"]
        assert len(notices) == count
        for notice in notices:
            assert notice.data["sort"] == "urgent"
            assert notice.data["title"] == {"zh": "请订货", "en": "Please order"}
            assert notice.data["expires_at"] == "2026-11-25T02:00:30Z"
    kept = announcements.announcement(session, sent.id)
    assert kept is not None
    assert (kept.sent, kept.created_by) == (2, "ann")


def test_a_planner_looks_sends_and_sees_who_ordered_since(
    street: Street, signed_in: Callable[..., TestClient], sessions: sessionmaker[Session]
) -> None:
    planner, here = signed_in("planner", name="ann"), f"/console/windows/{street.window}"
    assert f'href="{here}/remind"' in planner.get(here).text
    page = planner.get(f"{here}/remind").text
    assert "Shop R2" in page
    assert "Shop R1" not in page
    assert "Week 48 closes on Wed 25 Nov 10:00 UTC+08:00." in page
    assert "第48周将于 11月25日 周三 10:00 UTC+08:00 截止。" in page
    form = {"title_zh": "请订货", "title_en": "Order", "body_zh": "快", "body_en": "Soon", "known": "0"}
    refused = planner.post(f"{here}/remind", data=form | {"title_zh": ""})
    assert refused.status_code == 422
    assert "Soon" in refused.text
    sent = planner.post(f"{here}/remind", data=form)
    assert (sent.status_code, sent.headers["location"]) == (303, f"{here}/reminders")
    assert planner.post(f"{here}/remind", data=form).status_code == 409
    with transaction(sessions) as session:
        place(session, street.senders["R2"], street.window, K1=1)
    assert "2 shops reminded, 1 of them have ordered" in planner.get(here).text
    waiting = planner.get(f"{here}/reminders?ordered=no").text
    assert re.findall(r"<code>(R\d)</code>", waiting) == ["R3"]
    assert signed_in("releaser").post(f"{here}/remind", data=form).status_code == 403
