"""Cycles that are over: windows, orders, the frozen book and what was granted; and the orders of those still to come.

Runs of old cycles have no result file: they stand for what another system shared out, and no page says that they were
verified.
"""

from loadtests.seeding.size import pick, uuid_of

_CYCLE = uuid_of("'cycle ' || c")
_WINDOW = uuid_of("'window ' || c")
_WEEK = "CAST(date_trunc('week', :now) AS date) - 28 * (:cycles - c)"
_OPENS = f"(CAST({_WEEK} AS timestamp) + interval '8 hours') AT TIME ZONE :zone"
_CLOSES = f"(CAST({_WEEK} AS timestamp) + interval '58 hours') AT TIME ZONE :zone"
_OLD = "generate_series(1, :old) c"
_DIGEST = "encode(sha256(convert_to('seed ' || c, 'UTF8')), 'hex')"
_SUPPLY_PERCENT = 70

CYCLES = (
    f"""
INSERT INTO cycles (id, name_zh, name_en, week, zone, grace_s, state, policy_name, policy_version, supply_version,
                    commitment, book_root, attempt, published_attempt, sent_by, released_by, released_at, published_at, created_by,
                    created_at, changed_at)
SELECT {_CYCLE}, to_char({_WEEK}, 'IYYY') || ' 年第 ' || to_char({_WEEK}, 'IW') || ' 周',
    'Week ' || to_char({_WEEK}, 'IW') || ', ' || to_char({_WEEK}, 'IYYY'), {_WEEK}, :zone, 30, 'published', :policy,
    :policy_version, 1, {_DIGEST}, {_DIGEST}, 1, 1, 'planner-1', 'releaser-1', {_CLOSES} + interval '5 hours',
    {_CLOSES} + interval '6 hours', 'planner-1', {_OPENS} - interval '3 days', {_CLOSES} + interval '6 hours'
FROM {_OLD}
""",
    f"""
INSERT INTO cycle_steps (cycle, state, at, actor, detail)
SELECT {_CYCLE}, state, CASE WHEN step < 3 THEN {_OPENS} - interval '3 days' + step * interval '1 hour'
    ELSE {_CLOSES} + step * interval '30 minutes' END,
    CASE WHEN state IN ('draft', 'announced', 'in_review') THEN 'operator:planner-1'
         WHEN state = 'released' THEN 'operator:releaser-1' ELSE 'system' END, '{{}}'
FROM {_OLD}, unnest(ARRAY['draft', 'announced', 'closed', 'frozen', 'solved', 'verified', 'in_review', 'released',
    'published']) WITH ORDINALITY AS of (state, step) ORDER BY c, step
""",
    f"""
INSERT INTO planned_windows (id, cycle, route, opens_at, closes_at, zone, note)
SELECT {_WINDOW}, {_CYCLE}, '*', {_OPENS}, {_CLOSES}, :zone, '' FROM {_OLD}
""",
    f"""
INSERT INTO windows (id, cycle, name_zh, name_en, route, opens_at, closes_at, grace_s, zone, state, commitment, policy,
                     seen_at)
SELECT {_WINDOW}, {_CYCLE}, name_zh, name_en, '*', {_OPENS}, {_CLOSES}, 30, :zone, 'published', commitment,
    policy_name || ' v' || policy_version, {_CLOSES}
FROM {_OLD} JOIN cycles ON cycles.id = {_CYCLE}
""",
)

_DRAW = "hashtext(code || CAST(windows.id AS text))"


def orders(which: str) -> tuple[str, ...]:
    """Return what fills the windows for which the SQL condition ``which`` holds, until they close or it is now.

    The lines stay in ``seeded_lines`` to the end of the transaction, with their packs and cycles.
    """
    return (
        f"""
CREATE TEMP TABLE seeded_orders ON COMMIT DROP AS
SELECT code AS retailer, {uuid_of("'order ' || code || windows.id")} AS id, windows.id AS window_id, windows.cycle,
    1 + CAST({pick(_DRAW, 31, 50)} = 0 AS int) AS revision,
    CASE WHEN {pick(_DRAW, 32, 60)} = 0 THEN 'cancelled' ELSE 'accepted' END AS state,
    opens_at + (least(closes_at, :now) - opens_at) * (({pick(_DRAW, 33, 100_000)}) / 100000.0) AS placed_at,
    {_DRAW} AS n
FROM retailers, windows WHERE {which} AND {pick(_DRAW, 34, 100)} < :percent
""",
        f"""
CREATE TEMP TABLE seeded_lines ON COMMIT DROP AS
SELECT retailer, seeded_orders.id AS order_id, cycle, seeded_orders.state, skus.sku,
    pack_units * (1 + CAST({pick("n + j", 35, 30)} AS int)) AS quantity_units, price_minor, pack_units
FROM seeded_orders CROSS JOIN LATERAL generate_series(0, {pick("n", 36, 5)}) j
JOIN skus ON skus.sku = 'K' || lpad(CAST(1 + ({pick("n", 37, ":skus")} + j * 13) % :skus AS text), 4, '0')
""",
        "ANALYZE seeded_orders, seeded_lines",
        """
INSERT INTO orders (retailer, id, window_id, device, revision, state, amount_minor, placed_at, changed_at)
SELECT retailer, id, window_id, 'till-' || lower(retailer) || '-1', revision, state, amount, placed_at, placed_at
FROM seeded_orders JOIN (SELECT order_id, sum(quantity_units * price_minor) AS amount FROM seeded_lines GROUP BY order_id) of
    ON order_id = id
ORDER BY placed_at
""",
        """
INSERT INTO order_lines (retailer, order_id, sku, quantity_units, price_minor)
SELECT retailer, order_id, sku, quantity_units, price_minor FROM seeded_lines
""",
    )


BOOKS = (
    """
INSERT INTO supply_versions (cycle, version, author, reason, created_at)
SELECT id, 1, 'planner-1', 'goods in', created_at FROM cycles
""",
    f"""
INSERT INTO supply_lines (cycle, version, sku, supply_units, pack_units, reserve_units, minimum_units, marked_scarce)
SELECT cycle, 1, sku, sum(quantity_units) * (CASE WHEN abs(hashtext(sku)) % 4 = 0 THEN {_SUPPLY_PERCENT} ELSE 100 END) / 100,
    min(pack_units), 0, 0, abs(hashtext(sku)) % 4 = 0 FROM seeded_lines WHERE state = 'accepted' GROUP BY cycle, sku
""",
    """
INSERT INTO book_retailers (cycle, retailer, region, route, tier, market_type, weight, credit_minor)
SELECT cycle, code, region, route, tier, market_type, weight, credit_minor
FROM seeded_orders JOIN retailers ON code = retailer WHERE state = 'accepted'
""",
    """
INSERT INTO book_skus (cycle, sku, price_minor)
SELECT cycle, sku, min(price_minor) FROM seeded_lines WHERE state = 'accepted' GROUP BY cycle, sku
""",
    """
INSERT INTO book_lines (cycle, retailer, sku, requested_units, floor_units, cap_units, weight, carry_thousandths,
                        ineligible_why)
SELECT cycle, retailer, sku, quantity_units, 0, NULL, weight, 0, NULL
FROM seeded_lines JOIN retailers ON code = retailer WHERE state = 'accepted'
""",
    """
INSERT INTO allocation_runs (cycle, attempt, supply_version, policy_text, input_sha256)
SELECT id, 1, 1, text, book_root FROM cycles JOIN policies ON name = policy_name AND version = policy_version
""",
    """
INSERT INTO publications (cycle, number, attempt, sent_by, released_by, released_at, published_at)
SELECT id, 1, 1, sent_by, released_by, released_at, published_at FROM cycles WHERE state = 'published'
""",
    f"""
INSERT INTO grants (cycle, attempt, retailer, sku, requested_units, eligible_units, granted_units, share, reason,
                    bound_by, entitled_thousandths)
SELECT cycle, 1, retailer, sku, quantity_units, quantity_units, granted, '',
    CASE WHEN granted = quantity_units THEN 'filled' ELSE 'supply' END,
    CASE WHEN granted = quantity_units THEN '' ELSE sku END, granted * 1000 / pack_units
FROM (SELECT *, CASE WHEN abs(hashtext(sku)) % 4 = 0
    THEN quantity_units * {_SUPPLY_PERCENT} / 100 / pack_units * pack_units ELSE quantity_units END AS granted
    FROM seeded_lines WHERE state = 'accepted') shared
""",
)
