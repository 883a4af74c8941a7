"""What goes wrong on the way: crashes between steps, damage, late orders, lost licences, forbidden changes."""

import threading
from contextlib import contextmanager
from dataclasses import replace

import pytest
import sqlalchemy as sa
from factories import place
from sqlalchemy.exc import DBAPIError, IntegrityError

from allocation.verification import verify_folders
from contract.errors import Conflict, Rejected
from server.cycles import attempts, cli, exporting, freezing, moves, publishing, queries, result_queries, service, steps
from server.kit import audit, outbox
from server.kit.db import transaction
from server.kit.fields import Invalid
from server.kit.identity import Operator
from server.orders import windows as order_windows

pytestmark = pytest.mark.slow

PLANNER = Operator(1, "anna", frozenset({"planner"}))
RELEASER = Operator(2, "bo", frozenset({"releaser"}))


@contextmanager
def owner(database):
    """The schema's owner at work behind the application's back."""
    engine = sa.create_engine(database.owner_url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        # The owner is under row-level security too where it is forced; his scope is everything.
        connection.execute(sa.text("SELECT set_config('evenhand.scope', '*', true)"))
        yield connection


def lines_of(town, cycle):
    with transaction(town.sessions) as session:
        return result_queries.drafted_grants(session, cycle)


def closed(town, **draft):
    """A cycle whose windows have closed and whose queue was lost, so that each step is called by hand."""
    cycle = town.draft(**draft)
    town.ordered(cycle)
    town.close()
    town.work(steps=1)
    town.forget_queue()
    assert town.cycle(cycle).state == "closed"
    return cycle


def test_each_step_may_be_called_again_before_and_after_the_next(town):
    cycle = closed(town)
    name = str(cycle)
    seen = []
    for step in (steps.run_freeze, steps.run_solve, steps.run_verify):
        step(town.runtime, cycle=name)
        first = town.cycle(cycle)
        step(town.runtime, cycle=name)
        assert town.cycle(cycle) == first
        seen.append(first.state)
    for step in (steps.run_freeze, steps.run_solve, steps.run_verify, steps.run_publish):
        step(town.runtime, cycle=name)
    assert seen == ["frozen", "solved", "verified"]
    assert town.cycle(cycle).state == "verified"
    assert town.cycle(cycle).trouble is None


def test_steps_that_come_too_early_do_nothing(town):
    cycle = town.draft()
    town.announce(cycle)
    for step in (steps.run_freeze, steps.run_solve, steps.run_verify, steps.run_publish):
        step(town.runtime, cycle=str(cycle))
    assert (town.cycle(cycle).state, town.cycle(cycle).trouble) == ("announced", None)


def test_a_crash_while_solving_leaves_the_book_frozen_and_the_next_call_gives_the_same_result(town, monkeypatch):
    cycle = closed(town)
    steps.run_freeze(town.runtime, cycle=str(cycle))

    def power_cut(*_args, **_kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as cut:
        cut.setattr(steps, "_check_supply_held", power_cut)
        with pytest.raises(KeyboardInterrupt):
            steps.run_solve(town.runtime, cycle=str(cycle))
    assert town.cycle(cycle).state == "frozen"
    assert lines_of(town, cycle) == []
    steps.run_solve(town.runtime, cycle=str(cycle))
    assert town.cycle(cycle).state == "solved"
    assert len(lines_of(town, cycle)) == 8


def test_a_crash_while_publishing_leaves_nothing_half_told(town, monkeypatch):
    cycle = town.verified()
    town.act(service.send_for_release, cycle, PLANNER)
    town.act(service.release, cycle, RELEASER)
    town.forget_queue()

    def power_cut(*_args, **_kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as cut:
        cut.setattr(publishing, "store_carry", power_cut)
        with pytest.raises(KeyboardInterrupt):
            steps.run_publish(town.runtime, cycle=str(cycle))
    assert town.cycle(cycle).state == "released"
    with transaction(town.sessions) as session:
        keys = [item.key for item in outbox.read(session, "R1", after=0, limit=1000)[0]]
    assert not any(key.startswith("grants:") for key in keys)
    town.act(service.publish, cycle, RELEASER)
    town.work()
    assert town.cycle(cycle).state == "published"


def test_whatever_fails_is_written_on_the_cycle_and_can_be_tried_again(town, monkeypatch):
    cycle = closed(town)
    with monkeypatch.context() as broken:
        broken.setattr(freezing.frozen_book, "tell", lambda *_args, **_kwargs: 1 / 0)
        steps.run_freeze(town.runtime, cycle=str(cycle))
    found = town.cycle(cycle)
    assert found.state == "closed"
    assert found.trouble is not None
    assert (found.trouble["step"], found.trouble["code"]) == ("freeze", "unexpected")
    assert "division by zero" in found.trouble["params"]["what"]
    with transaction(town.sessions) as session:
        assert [entry.alert for entry in audit.entries(session) if entry.action == "cycle.step_stopped"] == [True]
    town.act(service.retry, cycle, PLANNER)
    assert town.cycle(cycle).trouble is None
    town.work()
    assert town.cycle(cycle).state == "verified"


def test_a_step_that_fails_after_another_worker_did_it_troubles_nobody(town, monkeypatch):
    cycle = closed(town)
    steps.run_freeze(town.runtime, cycle=str(cycle))
    solve, late = steps.allocation.solve, []

    def overtaken(*args, **kwargs):
        if not late:
            late.append(True)
            steps.run_solve(town.runtime, cycle=str(cycle))
            raise ZeroDivisionError
        return solve(*args, **kwargs)

    with monkeypatch.context() as slow:
        slow.setattr(steps.allocation, "solve", overtaken)
        steps.run_solve(town.runtime, cycle=str(cycle))
    assert (town.cycle(cycle).state, town.cycle(cycle).trouble) == ("solved", None)
    with transaction(town.sessions) as session:
        assert not [entry for entry in audit.entries(session) if entry.action == "cycle.step_stopped"]


def test_a_step_that_fails_after_a_person_stopped_it_stays_stopped(town, monkeypatch):
    cycle = closed(town)
    steps.run_freeze(town.runtime, cycle=str(cycle))

    def stopped_meanwhile(*_args, **_kwargs):
        town.act(service.stop_step, cycle, PLANNER)
        raise ZeroDivisionError

    with monkeypatch.context() as slow:
        slow.setattr(steps.allocation, "solve", stopped_meanwhile)
        steps.run_solve(town.runtime, cycle=str(cycle))
    assert town.cycle(cycle).trouble["code"] == "stopped"


def test_a_person_stops_the_sharing_out_and_lets_it_go_on_later(town, signed_in, monkeypatch):
    cycle = closed(town)
    steps.run_freeze(town.runtime, cycle=str(cycle))
    browser, page = signed_in("planner", name="ann"), f"/console/cycles/{cycle}"
    assert f'action="{page}/stop"' in browser.get(page).text
    solve = steps.allocation.solve

    def stopped_meanwhile(*args, **kwargs):
        browser.post(f"{page}/stop")
        return solve(*args, **kwargs)

    with monkeypatch.context() as slow:
        slow.setattr(steps.allocation, "solve", stopped_meanwhile)
        steps.run_solve(town.runtime, cycle=str(cycle))
    assert (town.cycle(cycle).state, town.cycle(cycle).trouble["code"]) == ("frozen", "stopped")
    assert lines_of(town, cycle) == []
    steps.run_solve(town.runtime, cycle=str(cycle))
    assert town.cycle(cycle).state == "frozen", "what waits in the queue leaves it alone"
    assert "ann stopped it. Nothing of the step was stored." in browser.get(page).text
    browser.post(f"{page}/stop")
    assert "It was over already; nothing was stopped." in browser.get(page).text
    browser.post(f"{page}/retry")
    town.work()
    assert (town.cycle(cycle).state, town.cycle(cycle).trouble) == ("verified", None)


def test_a_lost_queue_does_not_strand_a_cycle(town):
    cycle = town.draft()
    town.ordered(cycle)
    town.close()
    town.forget_queue()
    assert town.cycle(cycle).state == "announced", "the windows are closed and nobody told the cycle"
    town.act(service.retry, cycle, PLANNER)
    town.work()
    assert town.cycle(cycle).state == "verified"


def test_nothing_can_be_retried_while_people_decide(town):
    cycle = town.verified()
    with pytest.raises(Conflict):
        town.act(service.retry, cycle, PLANNER)


def test_an_order_that_the_server_gets_at_the_deadline_is_not_in_the_book(town):
    cycle = town.draft()
    town.announce(cycle)
    window = town.open(cycle)
    with transaction(town.sessions) as session:
        deadline = queries.orders.window(session, window).rule().deadline
    town.clock.now = deadline.replace(microsecond=0)
    late = town.order("R2", window, K1=10)
    assert (late.outcome, late.code) == ("rejected", "window_closed")
    town.close()
    town.work()
    assert lines_of(town, cycle) == []


def test_an_order_being_decided_while_the_window_closes_is_waited_for_and_stands_in_the_book(town):
    cycle = town.draft()
    town.announce(cycle)
    window = town.open(cycle)
    placed, go_on = threading.Event(), threading.Event()
    on_time = town.clock.now

    def slow_order():
        with transaction(town.sessions) as session:
            place(session, town.devices["R1"], window, at=on_time, K1=40)
            placed.set()
            assert go_on.wait(timeout=20)

    closed_at = []

    def close():
        with transaction(town.sessions) as session:
            closed_at.extend(order_windows.close_due_windows(session, town.clock.now))

    town.clock.advance(hours=2)
    ordering, closing = threading.Thread(target=slow_order), threading.Thread(target=close)
    ordering.start()
    assert placed.wait(timeout=20)
    closing.start()
    closing.join(timeout=0.3)
    assert closing.is_alive(), "the close waits for the order that was decided before"
    go_on.set()
    ordering.join(timeout=20)
    closing.join(timeout=20)
    assert closed_at == [window]
    town.work()
    assert [(line.retailer, line.requested_units) for line in lines_of(town, cycle)] == [("R1", 40)]


def test_the_licence_gate_stands_again_at_allocation(town, database):
    cycle = town.draft()
    town.ordered(cycle)
    with owner(database) as connection:
        connection.execute(sa.text("UPDATE licences SET state = 'suspended', state_reason = 'x' WHERE retailer = 'R2'"))
        connection.execute(
            sa.text("UPDATE retailers SET standing = 'suspended', standing_reason = 'unpaid' WHERE code = 'R4'")
        )
    town.close()
    town.work()
    assert town.cycle(cycle).state == "verified"
    found = {(line.retailer, line.sku): line for line in lines_of(town, cycle)}
    assert (found["R2", "WINE"].granted_units, found["R2", "WINE"].reason) == (0, "ineligible")
    assert found["R2", "K1"].granted_units > 0, "the rest of the order needs no licence"
    assert (found["R4", "K1"].granted_units, found["R4", "K1"].reason) == (0, "ineligible")
    assert found["R1", "WINE"].granted_units == 18
    town.act(service.send_for_release, cycle, PLANNER)
    town.act(service.release, cycle, RELEASER)
    town.work()
    barred = {retailer: _barred(town, retailer, cycle) for retailer in ("R1", "R2", "R4")}
    assert barred["R1"] == {"K1": None, "K2": None, "WINE": None}
    assert (barred["R2"], barred["R4"]) == ({"K1": None, "WINE": "licence"}, {"K1": "standing"})
    with transaction(town.sessions) as session:
        why = dict(
            session.execute(
                sa.text("SELECT retailer || sku, ineligible_why FROM book_lines WHERE ineligible_why IS NOT NULL")
            ).all()
        )
    assert why == {"R2WINE": "licence: wine", "R4K1": "suspended: unpaid"}


def _barred(town, retailer, cycle):
    with transaction(town.sessions) as session:
        items, _ = outbox.read(session, retailer, after=0, limit=1000)
    (told,) = [item.data for item in items if item.key == f"grants:{cycle}:1"]
    return {line["sku"]: line.get("barred_by") for line in told["lines"]}


def test_a_book_that_was_changed_after_its_freeze_is_not_shared_out(town, database):
    cycle = closed(town)
    steps.run_freeze(town.runtime, cycle=str(cycle))
    with owner(database) as connection:
        connection.execute(sa.text("UPDATE book_lines SET requested_units = 400 WHERE retailer = 'R1' AND sku = 'K1'"))
    steps.run_solve(town.runtime, cycle=str(cycle))
    found = town.cycle(cycle)
    assert found.state == "frozen"
    assert found.trouble is not None
    assert found.trouble["code"] == "input_changed"
    assert lines_of(town, cycle) == []


def test_a_book_that_is_changed_while_it_is_shared_out_is_noticed_before_anything_is_stored(
    town, database, monkeypatch
):
    cycle = closed(town)
    steps.run_freeze(town.runtime, cycle=str(cycle))
    solve = steps.allocation.solve

    def meanwhile(*args, **kwargs):
        with owner(database) as connection:
            connection.execute(sa.text("UPDATE book_lines SET weight = 99 WHERE retailer = 'R1' AND sku = 'K1'"))
        return solve(*args, **kwargs)

    monkeypatch.setattr(steps.allocation, "solve", meanwhile)
    steps.run_solve(town.runtime, cycle=str(cycle))
    found = town.cycle(cycle)
    assert found.trouble is not None
    assert (found.state, found.trouble["code"]) == ("frozen", "input_changed")
    assert lines_of(town, cycle) == []


def test_a_result_that_was_damaged_is_refused_by_the_checker_and_never_released(town, database):
    cycle = closed(town)
    steps.run_freeze(town.runtime, cycle=str(cycle))
    steps.run_solve(town.runtime, cycle=str(cycle))
    with owner(database) as connection:
        connection.execute(
            sa.text("UPDATE grants SET granted_units = granted_units - 10 WHERE retailer = 'R4' AND sku = 'K1'")
        )
    steps.run_verify(town.runtime, cycle=str(cycle))
    assert town.cycle(cycle).state == "refused"
    with transaction(town.sessions) as session:
        run = result_queries.run(session, cycle)
    assert run is not None
    assert run.verdict is not None
    assert not run.verdict["holds"]
    assert run.verdict["faults"]
    with pytest.raises(Conflict):
        town.act(service.send_for_release, cycle, PLANNER)
    town.act(service.retry, cycle, PLANNER)
    town.work()
    found = town.cycle(cycle)
    assert (found.state, found.attempt) == ("verified", 2)


BEYOND = [
    "UPDATE grants SET granted_units = eligible_units + 1",
    "UPDATE grants SET granted_units = -1",
    "UPDATE grants SET eligible_units = 9999",
]


def test_the_database_itself_keeps_a_grant_within_what_is_eligible(town, database):
    town.verified()
    for change in BEYOND:
        with pytest.raises(IntegrityError), owner(database) as connection:
            connection.execute(sa.text(change))


def test_more_than_the_supply_is_never_stored(town, monkeypatch):
    cycle = closed(town)
    steps.run_freeze(town.runtime, cycle=str(cycle))
    solve = steps.allocation.solve

    def generous(problem, policy, **kwargs):
        result = solve(problem, policy, **kwargs)
        if policy.rounding == "none":
            return result
        return replace(result, granted=result.eligible)

    monkeypatch.setattr(steps.allocation, "solve", generous)
    steps.run_solve(town.runtime, cycle=str(cycle))
    found = town.cycle(cycle)
    assert found.trouble is not None
    assert (found.state, found.trouble["code"], found.trouble["params"]) == ("frozen", "over_granted", {"sku": "K1"})
    assert lines_of(town, cycle) == []


FORBIDDEN = [
    "UPDATE grants SET granted_units = 0",
    "DELETE FROM grants",
    "TRUNCATE grants",
    "UPDATE book_lines SET requested_units = 1",
    "DELETE FROM book_lines",
    "UPDATE supply_lines SET supply_units = 0",
    "UPDATE cycle_secrets SET sealed_secret = ''",
    "UPDATE cycle_steps SET actor = 'operator:nobody'",
    "UPDATE policies SET text = ''",
]


def test_the_application_may_change_nothing_that_is_frozen_or_granted(town):
    town.published()
    for statement in FORBIDDEN:
        with pytest.raises(DBAPIError) as refused, transaction(town.sessions) as session:
            session.execute(sa.text(statement))
        assert "permission denied" in str(refused.value), statement


def test_nothing_leads_away_from_what_is_published(town):
    cycle = town.published()
    before = lines_of(town, cycle)
    for act, more in (
        (service.send_for_release, {}),
        (service.release, {}),
        (service.send_back, {"reason": "too late"}),
        (service.publish, {}),
        (service.retry, {}),
        (service.call_off, {"reason": "too late"}),
        (service.announce_cycle, {}),
    ):
        with pytest.raises((Conflict, Rejected)):
            town.act(act, cycle, RELEASER, **more)
    with pytest.raises(Invalid, match="more than was promised"):
        town.supply(cycle, [{"sku": "K1", "supply_units": 500}], correct=True)
    assert lines_of(town, cycle) == before


def test_the_same_book_supply_policy_and_seed_give_the_same_hashes_in_any_order_of_rows(town, database):
    cycle = town.verified()
    with transaction(town.sessions) as session:
        first = result_queries.run(session, cycle)
    with owner(database) as connection:
        # Rewritten rows stand in another order on the disk.
        for statement in (
            "CREATE TEMP TABLE held_grants AS SELECT * FROM grants",
            "CREATE TEMP TABLE held_lines AS SELECT * FROM book_lines ORDER BY random()",
            "CREATE TEMP TABLE held_supply AS SELECT * FROM supply_lines ORDER BY sku DESC",
            "DELETE FROM grants",
            "DELETE FROM book_lines",
            "DELETE FROM supply_lines",
            "INSERT INTO book_lines SELECT * FROM held_lines",
            "INSERT INTO supply_lines SELECT * FROM held_supply",
            "INSERT INTO grants SELECT * FROM held_grants",
        ):
            connection.execute(sa.text(statement))
    with transaction(town.sessions) as session:
        attempts.try_again(
            session, moves.locked(session, cycle), at=town.clock.now, actor=moves.Actor("operator", "anna")
        )
    town.work()
    with transaction(town.sessions) as session:
        second = result_queries.run(session, cycle)
    assert first is not None
    assert second is not None
    assert (second.attempt, second.input_sha256, second.result_sha256) == (2, first.input_sha256, first.result_sha256)


def test_the_published_folder_passes_the_checker_and_a_changed_digit_does_not(town, tmp_path):
    cycle = town.published()
    with transaction(town.sessions) as session:
        exporting.write(session, cycle, tmp_path)
    assert verify_folders(tmp_path / "problem", tmp_path / "result").holds
    path = tmp_path / "result" / "allocation.csv"
    text = path.read_text()
    path.write_text(text.replace("R1,K2,12,12,12", "R1,K2,12,12,11"))
    assert path.read_text() != text
    assert not verify_folders(tmp_path / "problem", tmp_path / "result").holds


def test_the_command_exports_a_cycle_by_its_number_or_id_and_says_what_is_not_there(town, tmp_path):
    cycle = town.published()
    draft = town.draft()
    with transaction(town.sessions) as session:
        for name in ("1", str(cycle)):
            words = cli.export(session, name, tmp_path / name)
            assert "evenhand verify" in words[0]
            assert verify_folders(tmp_path / name / "problem", tmp_path / name / "result").holds
        for name in ("99", str(draft)):
            with pytest.raises(Rejected) as refused:
                cli.export(session, name, tmp_path / name)
            assert refused.value.code == "not_found"
            assert not (tmp_path / name).exists()
        assert [line.split()[0] for line in cli.list_all(session)] == ["2", "1"]
