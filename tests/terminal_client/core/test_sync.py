"""The exchange under a network that loses, repeats and reorders."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract.messages import OrderLine
from contract.topics import News
from terminal_client.core import feed, orders, outbox, signals, use_cases

LINES = [OrderLine(sku="GOLD", quantity_units=12)]


def test_puback_is_no_receipt_and_an_order_stays_sent_until_the_server_answers(world: Any, make: Any) -> None:
    window = make.window(world)
    world.run(1)
    world.wires.connect()
    world.run(2)
    order = use_cases.place_order(world.shop, window.window, LINES)
    assert world.wires.sent[-1] == ("mqtt", "order.place", order)
    assert orders.read(world.store, order).state == "sent"
    world.wires.all_travel()
    received = orders.read(world.store, order)
    assert (received.state, received.number) == ("received", 100)


def test_an_order_saved_offline_says_saved_and_nothing_more(world: Any, make: Any) -> None:
    window = make.window(world)
    world.run(1)
    world.wires.http_works = False
    order = use_cases.place_order(world.shop, window.window, LINES)
    world.run(600)
    assert orders.read(world.store, order).state == "saved"
    assert world.server.inbox == {}


def test_what_the_broker_swallows_goes_by_http_under_the_same_id(world: Any, make: Any) -> None:
    window = make.window(world)
    world.run(1)
    world.wires.connect()
    world.wires.broker_works = False
    order = use_cases.place_order(world.shop, window.window, LINES)
    world.run(6)
    ways = [(way, id_) for way, kind, id_ in world.wires.sent if kind == "order.place"]
    assert ways == [("mqtt", order), ("http", order)]
    assert orders.read(world.store, order).state == "received"


def test_an_amendment_waits_for_its_order_to_be_answered(world: Any, make: Any) -> None:
    window = make.window(world)
    world.run(1)
    world.wires.connect()
    order = use_cases.place_order(world.shop, window.window, LINES)
    use_cases.amend_order(world.shop, order, [OrderLine(sku="GOLD", quantity_units=24)])
    assert [kind for _, kind, _ in world.wires.sent if kind.startswith("order.")] == ["order.place"]
    world.run(2)
    known = orders.read(world.store, order)
    assert (known.revision, known.received_lines[0].quantity_units) == (2, 24)


def test_a_gap_is_pulled_and_what_lies_beyond_it_is_shown_at_once(world: Any, make: Any) -> None:
    world.wires.connect()
    world.run(3)
    first, second = make.window(world), make.window(world)
    world.wires.lose(0)
    world.wires.all_travel()
    assert [w.window for w in feed.read(world.store, type(second))] == [second.window]
    assert world.store.progress().cursor == 0
    world.run(1)
    assert {w.window for w in feed.read(world.store, type(second))} == {first.window, second.window}
    assert world.store.progress().cursor == 2


def test_a_gap_that_stays_open_is_not_pulled_for_in_a_storm_while_http_is_away(world: Any, make: Any) -> None:
    """A compacted feed has holes for ever, and each failure asks over the broker, whose answer shows them again."""
    for number in range(3):
        make.window(world, name=make.text(f"Week {number}", f"第 {number} 周"))
    world.server.tell("window:hole", "window", {})
    world.server.entries.pop("window:hole")
    world.wires.http_works = False
    world.wires.connect()
    pulled: list[int] = []
    pull = world.wires.pull
    world.wires.pull = lambda after: (pulled.append(world.clock.at_ms), pull(after))
    make.window(world)
    world.run(300)
    assert 5 < len(pulled) < 30


def test_unknown_kinds_are_kept_and_passed_over(world: Any, make: Any) -> None:
    world.server.tell("weather:1", "weather", {"rain": True})
    make.window(world)
    world.run(1)
    assert world.store.progress().cursor == 2
    assert world.store.rows("SELECT data FROM feed WHERE kind = 'weather'") == [('{"rain": true}',)]


def test_an_unreadable_item_stops_nothing(world: Any, make: Any) -> None:
    world.server.tell("window:1", "window", {"window": "no id at all"})
    world.server.tell("receipt:1", "receipt", {"message": 7})
    window = make.window(world)
    world.run(1)
    assert [w.window for w in feed.read(world.store, type(window))] == [window.window]


def test_a_server_with_an_older_feed_is_read_from_the_beginning(world: Any, make: Any) -> None:
    for _ in range(5):
        make.window(world)
    world.run(1)
    world.server.entries.clear()
    world.server.head = 0
    window = make.window(world)
    world.run(90)
    assert world.store.progress().cursor == 1
    assert window.window in [w.window for w in feed.read(world.store, type(window))]


def test_a_revoked_terminal_falls_silent_and_keeps_its_queue(world: Any, make: Any) -> None:
    window = make.window(world)
    world.run(1)
    world.wires.turned_away = "device_revoked"
    use_cases.place_order(world.shop, window.window, LINES)
    world.run(600)
    assert (world.engine.link, world.engine.stopped_by) == ("stopped", "device_revoked")
    assert outbox.count_waiting(world.store) == 1
    world.wires.turned_away = None
    world.store.keep_identity(make.enrolled(world.server.now(), device="d-13"))
    world.restart()
    world.run(1)
    assert outbox.count_waiting(world.store) == 0


def test_undecided_answers_are_asked_again(world: Any, make: Any) -> None:
    window = make.window(world)
    world.run(1)
    answers = iter(["unavailable"])
    world.server.decide = lambda _kind, _envelope: (next(answers, None), {})
    order = use_cases.place_order(world.shop, window.window, LINES)
    world.wires.all_travel()
    assert orders.read(world.store, order).state == "sent"
    world.server.inbox.clear()
    world.run(20)
    assert orders.read(world.store, order).state == "received"


def test_retries_slow_down_and_never_stop(world: Any, make: Any) -> None:
    window = make.window(world)
    world.run(1)
    world.wires.http_works = False
    use_cases.place_order(world.shop, window.window, LINES)
    world.run(3600)
    posts = len(world.wires.sent)
    assert 100 <= posts <= 300
    world.wires.http_works = True
    world.run(60)
    assert outbox.count_waiting(world.store) == 0


FAULTS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "travel",
                "travel",
                "twice",
                "lose",
                "connect",
                "disconnect",
                "wait",
                "order",
                "amend",
                "cancel",
                "restart",
                "broker",
                "http",
                "news",
                "backup",
                "restore",
            ]
        ),
        st.integers(0, 7),
    ),
    max_size=60,
)


@pytest.mark.slow
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(faults=FAULTS, seed=st.integers(0, 2**16))
def test_whatever_the_network_does_every_message_ends_received_or_visibly_refused_and_none_is_doubled(
    make: Any, faults: list[tuple[str, int]], seed: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = make.world(Path(folder), seed=seed)
        window = make.window(world)
        world.server.decide = lambda _kind, envelope: (
            ("window_closed", {"closed_at": "now"}) if envelope.id.int % 5 == 0 else (None, {})
        )
        world.server.history = "7-0"
        cursors, backups, sent_refused = [0], [], []
        for fault, number in faults:
            _suffer(world, make, window.window, fault, number, backups)
            cursors.append(world.store.progress().cursor)
            sent_refused += _sent_after_refusal(world)
        world.wires.broker_works = world.wires.http_works = True
        if seed % 2:
            world.wires.connect()
        world.run(120)
        entries = outbox.of_kinds(world.store, *orders.KINDS)
        assert {entry.state for entry in entries} <= {"received", "refused"}
        for entry in entries:
            if entry.state == "refused" and backups and entry.id not in world.server.inbox:
                continue  # a refusal stands, also where a restored server has forgotten that it refused
            kind, _, receipt = world.server.inbox[entry.id]
            assert (kind, receipt.outcome == "accepted") == (entry.kind, entry.state == "received")
        assert [e.id for e in outbox.refused(world.store)] == [e.id for e in reversed(entries) if e.state == "refused"]
        assert set(world.server.inbox) <= {entry.id for entry in entries}
        assert world.server.reused == []
        assert backups or cursors == sorted(cursors)
        assert sent_refused == []
        assert world.store.progress().cursor == world.server.head
        world.engine.stop()
        world.store.close()


def _suffer(world: Any, make: Any, window: Any, fault: str, number: int, backups: list[Any]) -> None:
    def wait() -> None:
        world.clock.forward(number * 1500)
        world.engine.handle(signals.Tick())

    def order() -> None:
        use_cases.place_order(world.shop, window, [OrderLine(sku="GOLD", quantity_units=number + 1)])

    def change(*, cancel: bool) -> None:
        known = [o for o in orders.read_all(world.store) if o.live and not o.cancelling]
        if not known:
            return
        chosen = known[number % len(known)].id
        if cancel:
            use_cases.cancel_order(world.shop, chosen)
        else:
            lines = [OrderLine(sku="BLUE", quantity_units=number + 1)]
            use_cases.amend_order(world.shop, chosen, lines)

    def toggle(name: str) -> None:
        setattr(world.wires, name, not getattr(world.wires, name))

    def restore() -> None:
        if backups:
            world.server.restore(backups[number % len(backups)], history="")
            world.restores = getattr(world, "restores", 0) + 1
            world.server.history = f"7-{world.restores}"

    faults = {
        "travel": lambda: world.wires.travel(number),
        "twice": lambda: world.wires.travel_twice(number),
        "lose": lambda: world.wires.lose(number),
        "connect": world.wires.connect,
        "disconnect": world.wires.disconnect,
        "wait": wait,
        "order": order,
        "amend": lambda: change(cancel=False),
        "cancel": lambda: change(cancel=True),
        "restart": world.restart,
        "broker": lambda: toggle("broker_works"),
        "http": lambda: toggle("http_works"),
        "news": lambda: make.window(world),
        "backup": lambda: backups.append(world.server.backup()),
        "restore": restore,
    }
    faults[fault]()


def _sent_after_refusal(world: Any) -> list[Any]:
    """Return what went out although its refusal stood in the store; see to it that it is asked once a step."""
    sent, world.wires.sent = world.wires.sent, []
    refused = {entry.id for entry in outbox.refused(world.store)}
    known = getattr(world, "known_refused", set())
    world.known_refused = refused
    return [id_ for _, _, id_ in sent if id_ in known and id_ in refused]


NORTH = "g-0123456789abcdef"


def test_news_of_a_group_is_fetched_once_at_a_moment_of_its_own(world: Any, make: Any) -> None:
    def hear(number: int, spread_ms: int = 2_000) -> None:
        world.wires.deliver(signals.NewsArrived(NORTH, News(number=number, spread_ms=spread_ms)))

    def pulled_by(last: str) -> bool:
        world.run(0.1)
        return last in {str(window.window) for window in feed.windows(world.store)}

    world.server.news = {"all": 4, NORTH: 7}
    world.wires.connect()
    world.run(5)
    assert world.wires.followed == ("all", NORTH)
    world.wires.broker_works = False
    world.wires.connected = False  # what is appended comes by no message of its own
    first = make.window(world)
    hear(7)  # kept for whoever subscribes, and known already
    world.run(4)
    assert not pulled_by(str(first.window))
    hear(8)
    world.run(2.1)
    assert pulled_by(str(first.window))


def test_news_that_comes_while_a_pull_is_under_way_is_pulled_for_again(world: Any, make: Any) -> None:
    world.server.news = {NORTH: 1}
    world.wires.connect()
    world.run(5)
    world.wires.connected = False
    page = world.server.page(0)
    world.wires.deliver(signals.NewsArrived(NORTH, News(number=2)))
    assert len(world.wires.parcels) == 1  # the pull; its answer was read before what comes now
    window = make.window(world)
    world.wires.deliver(signals.NewsArrived(NORTH, News(number=3)))
    world.wires.parcels.clear()
    world.wires.deliver(signals.PageArrived(page))
    world.run(0.1)
    assert [one.window for one in feed.windows(world.store)] == [window.window]
