"""Keeping retailers: standing with a reason, own limits, one event a step."""

from datetime import date
from typing import Any
from uuid import uuid4

import pytest
from factories import NOW, make_device, make_retailer, make_sku, make_window, place, publish_grants
from sqlalchemy import literal, select, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from contract.errors import Conflict, Rejected
from server.deliveries import queries as deliveries
from server.deliveries import service as dispatching
from server.kit import audit, records
from server.kit.fields import Invalid
from server.kit.identity import Actor, Operator
from server.kit.imports import Upload, bring
from server.retailers import queries, service
from server.retailers.fields import LIMITS, RETAILERS

ANN = Actor("operator", "ann")
PAT = Operator(4, "pat", frozenset({"planner"}))


def events(session: Session) -> list[tuple[str, Any]]:
    rows = session.execute(text("SELECT args->>'event', args->'data' FROM procrastinate_jobs ORDER BY id"))
    return [
        (name, data.get("retailers") or (data["retailer"], data["standing"], data["reason"])) for name, data in rows
    ]


def test_suspending_needs_a_reason_which_the_shop_reads(session: Session) -> None:
    make_retailer(session)
    with pytest.raises(Invalid, match="standing_reason: A shop is suspended for a reason"):
        service.suspend_retailer(session, "R1", "  ", ANN, at=NOW)
    service.suspend_retailer(session, "R1", "unpaid since May", ANN, at=NOW)
    shop = service.lock_retailer(session, "R1")
    assert (shop.standing, shop.standing_reason) == ("suspended", "unpaid since May")
    service.restore_retailer(session, "R1", ANN, at=NOW)
    shop = service.lock_retailer(session, "R1")
    assert (shop.standing, shop.standing_reason) == ("good", None)
    assert events(session) == [
        ("retailers.StandingChanged", ("R1", "suspended", "unpaid since May")),
        ("retailers.RetailersChanged", ["R1"]),
        ("retailers.StandingChanged", ("R1", "good", None)),
        ("retailers.RetailersChanged", ["R1"]),
    ]
    session.flush()
    assert [entry.action for entry in audit.entries(session, subject="retailer:R1")] == [
        "retailer.restored",
        "retailer.suspended",
    ]


def test_a_shops_own_limit_is_set_and_removed(session: Session) -> None:
    make_retailer(session)
    make_sku(session, "K1")
    service.set_limit(session, "R1", "K1", 24, ANN, at=NOW)
    assert queries.limits(session, "R1") == {"K1": 24}
    service.remove_limit(session, "R1", "K1", ANN, at=NOW)
    assert queries.limits(session, "R1") == {}
    with pytest.raises(Rejected, match="no limit R1 / K1"):
        service.remove_limit(session, "R1", "K1", ANN, at=NOW)
    with pytest.raises(Invalid, match="sku: There is no SKU “K9”"):
        service.set_limit(session, "R1", "K9", 24, ANN, at=NOW)
    with pytest.raises(Invalid, match="retailer: There is no retailer “R9”"):
        service.set_limit(session, "R9", "K1", 24, ANN, at=NOW)


def test_limits_of_shops_that_do_not_exist_are_refused_row_by_row(session: Session) -> None:
    make_retailer(session)
    make_sku(session, "K1")
    content = b"retailer,sku,limit_units\nR1,K1,24\nR9,K1,24\nR1,K9,24\nR1,K1,x\n"
    report = bring(session, LIMITS, Upload("limits.csv", content), "", actor=ANN, at=NOW)
    assert (report.rows_new, [(row.row, row.problems[0].field) for row in report.refused]) == (
        1,
        [(3, "retailer"), (4, "sku"), (5, "limit_units")],
    )


def test_a_file_of_shops_is_one_event(session: Session) -> None:
    content = b"Store,Name,Status\n1,One,A\n2,Two,I\n3,Three,S\n"
    mapping = """
        [fields]
        code = "Store"
        name = "Name"
        standing = { column = "Status", values = { A = "good", I = "good", S = "suspended" } }
        standing_reason = { column = "Status", values = { A = "", I = "", S = "closed" } }
    """
    report = bring(session, RETAILERS, Upload("stores.csv", content), mapping, actor=ANN, at=NOW)
    assert report.rows_new == 3
    assert events(session) == [
        ("retailers.StandingChanged", ("3", "suspended", "closed")),
        ("retailers.RetailersChanged", ["1", "2", "3"]),
    ]


def test_a_suspended_shop_without_a_reason_is_refused_by_file_too(session: Session) -> None:
    content = b"code,name,standing\n1,One,suspended\n"
    report = bring(session, RETAILERS, Upload("stores.csv", content), "", actor=ANN, at=NOW)
    assert [(row.row, row.problems[0].code) for row in report.refused] == [(2, "reason_needed")]


def test_an_export_of_shops_comes_back_the_same(session: Session) -> None:
    make_retailer(session, "00123", credit_minor=2**40)
    make_retailer(session, "1E5", standing="suspended")
    exported = records.export_csv(RETAILERS, records.every(session, RETAILERS))
    report = bring(session, RETAILERS, Upload("shops.csv", exported), "", actor=ANN, at=NOW)
    assert (report.rows_unchanged, report.rows_read) == (2, 2)


def test_shops_are_found_by_words_and_where_they_stand(session: Session) -> None:
    make_retailer(session, "R1", region="hill")
    make_retailer(session, "R2", region="vale", standing="suspended")
    assert [one.code for one in queries.search(session, text="shop r2")[0]] == ["R2"]
    assert [one.code for one in queries.search(session, region="hill")[0]] == ["R1"]
    assert [one.code for one in queries.search(session, standing="suspended")[0]] == ["R2"]
    assert [one.code for one in queries.search(session, sort="code", descending=True)[0]] == ["R2", "R1"]
    assert queries.known(session, ["R2", "R3"]) == {"R2"}


def test_a_closed_shop_counts_as_suspended_from_its_day_on_until_that_is_taken_back(session: Session) -> None:
    make_retailer(session)
    with pytest.raises(Invalid, match="closed_why"):
        service.close_retailer(session, "R1", date(2026, 11, 26), " ", PAT, at=NOW)
    service.close_retailer(session, "R1", date(2026, 11, 26), "lease ended", PAT, at=NOW)
    shop = service.lock_retailer(session, "R1")
    assert (shop.closed_on, shop.closed_by) == (date(2026, 11, 26), "pat")
    assert shop.on(date(2026, 11, 25)).standing == "good"
    assert (shop.on(date(2026, 11, 26)).standing, shop.on(date(2026, 11, 26)).standing_reason) == (
        "suspended",
        "lease ended",
    )
    before, after = (queries.Round(uuid4(), date(2026, 11, day)) for day in (25, 26))
    came = select(literal(before.id), literal("R1"))
    assert queries.tally(session, came, [before, after]) == {before.id: {("city", "north"): (1, 1)}, after.id: {}}
    service.reopen_retailer(session, "R1", PAT, at=NOW)
    assert service.lock_retailer(session, "R1").closed_on is None
    with pytest.raises(Conflict, match="needs closed"):
        service.reopen_retailer(session, "R1", PAT, at=NOW)
    assert [entry.action for entry in audit.entries(session, subject="retailer:R1")] == [
        "retailer.reopened",
        "retailer.closed",
    ]


def test_a_closed_shop_is_refused_at_ordering_and_its_goods_are_held(session: Session) -> None:
    make_retailer(session)
    make_sku(session, "K1")
    cycle = publish_grants(session, {"R1": {"K1": 4}})
    service.close_retailer(session, "R1", date(2026, 11, 25), "lease ended", PAT, at=NOW)
    receipt = place(session, make_device(session), make_window(session), K1=1)
    assert (receipt.outcome, receipt.code) == ("rejected", "shop_closed")
    assert dispatching.dispatch_cycle(session, cycle, PAT, at=NOW).held == 1
    (held,) = deliveries.deliveries(session, retailer="R1")
    assert (held.held_code, held.held_why) == ("suspended", "lease ended")


def test_notes_stay_inside_and_nobody_changes_one(session: Session) -> None:
    make_retailer(session)
    service.add_note(session, "R1", "the owner is ill; call the daughter", PAT, at=NOW)
    with pytest.raises(Invalid, match="words"):
        service.add_note(session, "R1", "  ", PAT, at=NOW)
    with pytest.raises(Rejected, match="no retailer R9"):
        service.add_note(session, "R9", "x", PAT, at=NOW)
    assert [(note.words, note.author) for note in queries.notes(session, "R1")] == [
        ("the owner is ill; call the daughter", "pat")
    ]
    (told,) = audit.entries(session, subject="retailer:R1")
    assert "daughter" not in str(told.detail)
    with pytest.raises(ProgrammingError, match="permission denied"), session.begin_nested():
        session.execute(text("UPDATE retailer_notes SET words = 'nothing'"))


def test_only_what_has_a_name_is_offered_as_a_bound(session: Session) -> None:
    make_retailer(session, "R1", region="")
    make_retailer(session, "R2", region="hills")
    assert queries.bound_choices(session) == (("hills",), ("town",))
