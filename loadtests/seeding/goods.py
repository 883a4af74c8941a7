"""Goods of the last year: deliveries, what arrived, claims, and the shops' ledgers of receipts and sales.

Of what is older the goods of one route are told, so that these cycles have left the distributor's stock.
"""

from loadtests.seeding.size import pick, uuid_of

_DELIVERY = uuid_of("'delivery ' || cycle || retailer")

STATEMENTS = (
    f"""
INSERT INTO deliveries (id, retailer, cycle, part, route, state, held_code, held_why, dispatched_at, dispatched_by,
                        shipped_at, confirmed_at, confirmation, confirmed_at_terminal, device)
SELECT {_DELIVERY}, retailer, cycle, 1, route, state, CASE state WHEN 'held' THEN 'unpaid' END,
    CASE state WHEN 'held' THEN 'unpaid since last month' END, at, 'operator:planner-1',
    CASE WHEN state <> 'held' THEN at END, CASE state WHEN 'confirmed' THEN at + interval '2 days' END,
    CASE state WHEN 'confirmed' THEN {uuid_of("'confirmation ' || cycle || retailer")} END,
    CASE state WHEN 'confirmed' THEN at + interval '2 days' END,
    CASE state WHEN 'confirmed' THEN 'till-' || lower(retailer) || '-1' END
FROM (
    SELECT grants.cycle, grants.retailer, min(retailers.route) AS route, min(cycles.published_at) + interval '12 hours' AS at,
        CASE WHEN {pick("hashtext(grants.retailer || min(cycles.number))", 41, 100)}
            >= CASE WHEN grants.cycle = :newest THEN 60 ELSE 99 END
            THEN CASE WHEN {pick("hashtext(grants.retailer || min(cycles.number))", 42, 20)} = 0
                THEN 'held' ELSE 'shipped' END
            ELSE 'confirmed' END AS state
    FROM grants JOIN cycles ON cycles.id = grants.cycle AND cycles.attempt = grants.attempt
    JOIN retailers ON code = grants.retailer
    WHERE cycles.state = 'published' AND (cycles.week >= :year_ago OR retailers.route = 'L01') AND granted_units > 0
    GROUP BY grants.cycle, grants.retailer
) each ORDER BY at, retailer
""",
    f"""
INSERT INTO delivery_lines (delivery_id, sku, retailer, granted_units, shipped_units, accepted_units, held_units,
                            difference, difference_units, reason)
SELECT id, sku, retailer, granted_units, granted_units,
    CASE WHEN confirmed THEN granted_units - CASE WHEN short THEN 1 ELSE 0 END END, CASE WHEN confirmed THEN 0 END,
    CASE WHEN confirmed AND short THEN CASE WHEN damaged THEN 'damaged' ELSE 'short' END END,
    CASE WHEN confirmed THEN CASE WHEN short THEN 1 ELSE 0 END END,
    CASE WHEN confirmed AND short THEN CASE WHEN damaged THEN 'a carton was wet' ELSE 'a carton was missing' END END
FROM (
    SELECT deliveries.id, grants.sku, grants.retailer, granted_units, deliveries.state = 'confirmed' AS confirmed,
        {pick("hashtext(grants.retailer || grants.sku || cycles.number)", 43, 50)} = 0 AS short,
        {pick("hashtext(grants.retailer || grants.sku || cycles.number)", 44, 3)} = 0 AS damaged
    FROM deliveries JOIN cycles ON cycles.id = deliveries.cycle
    JOIN grants ON grants.cycle = cycles.id AND grants.attempt = cycles.attempt AND grants.retailer = deliveries.retailer
    WHERE granted_units > 0
) line
""",
    """
INSERT INTO shipped_lines (delivery, sku, cycle, retailer, attempt, shipped_units)
SELECT id, sku, cycle, deliveries.retailer, 1, shipped_units
FROM deliveries JOIN delivery_lines ON delivery_id = id WHERE state <> 'held'
""",
    f"""
INSERT INTO claims (id, retailer, delivery_id, sku, difference, difference_units, owner, state, opened_at, decided_at,
                    decided_by, decision, settled_at, settlement)
SELECT {uuid_of("'claim ' || delivery_id || sku")}, retailer, delivery_id, sku, difference, difference_units,
    CASE difference WHEN 'damaged' THEN 'planner-2' ELSE 'planner-1' END, state, opened_at,
    CASE WHEN state <> 'open' THEN opened_at + interval '3 days' END,
    CASE WHEN state <> 'open' THEN 'operator:planner-1' END,
    CASE WHEN state <> 'open' THEN 'looked at' END, CASE state WHEN 'settled' THEN opened_at + interval '9 days' END,
    CASE state WHEN 'settled' THEN 'credit note' END
FROM (
    SELECT delivery_lines.*, deliveries.confirmed_at AS opened_at,
        CASE WHEN deliveries.cycle = :newest THEN 'open'
             ELSE (ARRAY['settled', 'settled', 'settled', 'declined', 'upheld', 'settled', 'settled', 'open'])[
                1 + CAST({pick("hashtext(CAST(delivery_id AS text) || sku)", 45, 8)} AS int)] END AS state
    FROM delivery_lines JOIN deliveries ON deliveries.id = delivery_id WHERE difference IS NOT NULL
) differing ORDER BY opened_at
""",
    f"""
INSERT INTO stock_movements (retailer, sku, ordinal, kind, on_hand_units, held_units, sold_units, on_hand_after_units,
                             held_after_units, brought_after_units, sold_after_units, source, source_id, reason, actor,
                             at, moved_at)
SELECT retailer, sku, row_number() OVER entry, kind, moved, 0, CASE kind WHEN 'sale' THEN -moved ELSE 0 END,
    sum(moved) OVER entry, 0, sum(greatest(moved, 0)) OVER entry, sum(greatest(-moved, 0)) OVER entry, source, source_id,
    NULL, 'device:till-' || lower(retailer) || '-1', at, at
FROM (
    SELECT delivery_lines.retailer, sku, CASE turn WHEN 0 THEN 'receipt' ELSE 'sale' END AS kind,
        CASE turn WHEN 0 THEN accepted_units
             ELSE -accepted_units * (50 + {pick("hashtext(CAST(delivery_id AS text) || sku)", 46, 50)}) / 100 END AS moved,
        CASE turn WHEN 0 THEN 'delivery' ELSE 'terminal' END AS source,
        CASE turn WHEN 0 THEN delivery_id ELSE {uuid_of("'sale ' || delivery_id || sku")} END AS source_id,
        deliveries.confirmed_at + turn * interval '9 days' AS at
    FROM delivery_lines JOIN deliveries ON deliveries.id = delivery_id, generate_series(0, 1) turn
    WHERE deliveries.state = 'confirmed' AND deliveries.confirmed_at + turn * interval '9 days' < :now
) moves
WHERE moved <> 0
WINDOW entry AS (PARTITION BY retailer, sku ORDER BY at, kind)
""",
)
