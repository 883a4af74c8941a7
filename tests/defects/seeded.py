"""The defects that are planted: what each would do to people, where it stands, and the tests that must notice.

An edit's ``old`` stands exactly once in its file; where the source has moved on, the harness says so and the edit
is brought up to date. Tests are named as narrowly as they can be and run without real broker or browser.
"""

from allocation_defects import DEFECTS as OF_ALLOCATION
from appeal_defects import DEFECTS as OF_APPEALS
from censoring_defects import DEFECTS as OF_CENSORING
from counter_defects import DEFECTS as OF_THE_COUNTER
from facts_defects import DEFECTS as OF_FACTS
from feedback_defects import DEFECTS as OF_FEEDBACK
from forecast_defects import DEFECTS as OF_FORECASTS
from planting import Defect, Edit
from scoring_defects import DEFECTS as OF_SCORES
from survey_defects import DEFECTS as OF_SURVEYS
from terminal_defects import DEFECTS as OF_TERMINALS
from till_defects import DEFECTS as OF_TILLS
from visit_defects import DEFECTS as OF_VISITS

OUTBOX = "tests/server/kit/test_outbox.py"
ORDERS = "tests/server/orders/test_service.py"
SCHEMA = "tests/server/test_migrations.py"

DEFECTS = (
    Defect(
        "acknowledge-before-commit",
        "a crash between the two loses an order that the broker thinks delivered",
        (
            Edit(
                "server/ingest.py",
                "                take(self._runtime, group)\n                break",
                "                for message in group:\n"
                "                    self._client.ack(message.mid, message.qos)\n"
                "                take(self._runtime, group)\n"
                "                break",
            ),
        ),
        ("tests/server/test_ingest.py::test_a_message_is_acknowledged_when_its_order_is_in_the_book_and_not_before",),
    ),
    Defect(
        "no-unique-key-of-the-inbox",
        "a message that is repeated is acted on twice",
        (
            Edit(
                "server/migrations/versions/0002_capabilities.py",
                '        sa.PrimaryKeyConstraint("party", "client_id", name=op.f("pk_inbox")),\n',
                "",
            ),
        ),
        (
            f"{ORDERS}::test_a_repeat_gets_the_stored_receipt_and_no_second_order",
            f"{SCHEMA}::test_the_newest_migration_and_the_models_say_the_same",
        ),
    ),
    Defect(
        "body-of-a-repeat-not-compared",
        "an id used for another order is answered as if that order had been taken",
        (
            Edit(
                "server/kit/inbox.py",
                "if entry.body_sha256 == _digest(kind, one.envelope.data) and entry.receipt is not None:",
                "if entry.receipt is not None:",
            ),
        ),
        (f"{ORDERS}::test_the_same_id_with_another_body_is_refused_and_alerted",),
    ),
    Defect(
        "told-though-rolled-back",
        "a shop is told of an order whose step was rolled back",
        (
            Edit(
                "server/kit/outbox.py",
                "        waiting.appended = [one for one in waiting.appended if not _is_within(one[0], rolled_back)]\n",
                "        del rolled_back\n",
            ),
        ),
        (
            f"{OUTBOX}::test_what_is_gathered_is_numbered_as_if_it_had_come_at_once_and_a_rolled_back_step_tells_nothing",
        ),
    ),
    Defect(
        "receipt-without-commit",
        "a terminal over HTTP is told received, and nothing is stored",
        (Edit("server/kit/http.py", "            session.commit()\n", "            session.flush()\n"),),
        (
            "tests/server/devices/test_http.py::test_an_order_over_http_gets_the_same_receipt_as_over_mqtt",
            "tests/server/devices/test_http.py::test_a_repeat_over_http_gets_the_stored_receipt",
        ),
    ),
    Defect(
        "form-done-twice",
        "a double click writes two announcements",
        (
            Edit(
                "server/kit/sent_forms.py",
                '        raise Conflict("form_used")\n    raise SentBeforeError(before.led_to)\n',
                '        raise Conflict("form_used")\n',
            ),
        ),
        ("tests/server/kit/test_sent_forms.py::test_a_second_sending_leads_where_the_first_did_and_writes_nothing",),
    ),
    Defect(
        "no-licence-gate-at-ordering",
        "goods are ordered by shops that may not sell them",
        (Edit("server/orders/rules.py", "    if not licensed:\n", "    if licensed is None:\n"),),
        (f"{ORDERS}::test_goods_of_a_class_need_a_licence_that_is_valid_today",),
    ),
    Defect(
        "one-instant-too-long",
        "an order at the deadline itself is taken",
        (Edit("server/orders/rules.py", "or at >= window.deadline:", "or at > window.deadline:"),),
        (f"{ORDERS}::test_the_servers_clock_alone_decides_the_closing_second",),
    ),
    Defect(
        "limit-off-by-one",
        "a shop may order one unit less than its limit, or is refused the limit itself",
        (
            Edit(
                "server/orders/rules.py",
                "quantity_units > item.limit_units:",
                "quantity_units >= item.limit_units:",
            ),
        ),
        (f"{ORDERS}::test_the_limit_counts_over_all_orders_of_the_cycle",),
    ),
    Defect(
        "clock-set-back-reopens",
        "a server whose clock is set back takes orders after the close",
        (
            Edit(
                "server/orders/rules.py",
                'if window.state not in ("announced", "open") or at >= window.deadline:',
                "if at >= window.deadline:",
            ),
            Edit(  # either of the two would do
                "server/orders/service.py",
                "rules.check_open(view.rule(), max(arrival.at, row.seen_at))",
                "rules.check_open(view.rule(), arrival.at)",
            ),
        ),
        (f"{ORDERS}::test_a_clock_that_is_set_back_reopens_nothing",),
    ),
    Defect(
        "scope-of-a-party-skipped",
        "one shop's terminal reads and writes another's rows",
        (
            Edit(
                "server/kit/db.py",
                '{"scope": session.info.get("scope", ""), ',
                '{"scope": EVERYTHING, ',
            ),
        ),
        (f"{SCHEMA}::test_a_party_sees_its_own_rows_alone_and_can_give_none_away",),
    ),
    Defect(
        "region-left-out-of-the-predicate",
        "the queries of a person of one region do not say so; row security alone is left",
        (Edit("server/kit/db.py", "        state.statement = state.statement.options(_BOUNDS)\n", "        return\n"),),
        ("tests/server/test_bounds.py::test_the_queries_alone_show_a_bounded_person_no_foreign_row",),
    ),
    Defect(
        "code-of-the-app-counts-twice",
        "who looks over a shoulder signs in with the same code",
        (Edit("server/operators/second_factor.py", " and step > row.last_step", ""),),
        ("tests/server/operators/test_second_factor.py::test_a_code_counts_once_and_within_a_step_of_the_clock",),
    ),
    Defect(
        "row-security-left-out-of-a-policy",
        "every transaction sees every party's rows, whatever its scope",
        (
            Edit(
                "server/migrations/versions/0002_capabilities.py",
                '    op.execute("ALTER TABLE orders ENABLE ROW LEVEL SECURITY")\n',
                "",
            ),
        ),
        (
            f"{ORDERS}::test_a_retailers_device_sees_no_other_retailers_orders",
            f"{SCHEMA}::test_the_newest_migration_and_the_models_say_the_same",
        ),
    ),
    Defect(
        "released-by-the-same-person",
        "one person alone decides who gets what",
        (
            Edit(
                "server/cycles/rules.py",
                "if sent_by is None or sent_by == releaser:",
                "if sent_by is None:",
            ),
        ),
        ("tests/server/cycles/test_rules.py",),
    ),
    Defect(
        "roles-not-checked",
        "anybody who is signed in may release and administer",
        (
            Edit(
                "server/kit/http.py",
                "if self.roles and not operator.may(*self.roles):",
                "if self.roles and operator is None:",
            ),
        ),
        ("tests/server/operators/test_access.py::test_a_role_gets_nowhere_where_it_is_not_named",),
    ),
    Defect(
        "shard-not-checked",
        "a terminal publishes into another worker's shard, and the order of a device's messages is lost",
        (Edit("contract/topics.py", "if shard != str(shard_of(device)):", "if not shard.isdigit():"),),
        ("tests/contract/test_topics.py",),
    ),
    Defect(
        "book-proof-without-order",
        "a shop's own check of the frozen book fails for honest books",
        (
            Edit(
                "contract/book.py",
                "ordered = sorted(lines, key=lambda line: line.sku.encode())",
                "ordered = list(lines)",
            ),
        ),
        ("tests/contract/test_book.py",),
    ),
    *OF_ALLOCATION,
    *OF_CENSORING,
    *OF_THE_COUNTER,
    *OF_FEEDBACK,
    *OF_FORECASTS,
    *OF_APPEALS,
    *OF_FACTS,
    *OF_SCORES,
    *OF_SURVEYS,
    *OF_TERMINALS,
    *OF_TILLS,
    *OF_VISITS,
)
