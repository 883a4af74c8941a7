"""Figures of months: demand, facts for scores, forecasts; and what people decided and objected to about scores."""

from loadtests.seeding.size import pick, uuid_of

_MONTH = "CAST(date_trunc('month', :now) AS date)"
_SEASON = "(ARRAY[120, 140, 90, 95, 100, 105, 100, 95, 110, 105, 100, 115])[CAST(extract(month FROM period) AS int)]"

HISTORY = (
    f"""
INSERT INTO demand_history_versions (retailer, product_class, period, sold_units, requested_units, granted_units,
                                     out_days, source, by, at)
SELECT code, class, period, level * {_SEASON} / 100 + noise, level * {_SEASON} / 100 + noise + 5, NULL,
    {pick("n", 51, 4)} * CAST({pick("n", 52, 6)} = 0 AS int), 'terminal', 'system', period + interval '1 month 1 hour'
FROM (
    SELECT code, class, CAST(period AS date) AS period, 40 + {pick("hashtext(code || class)", 53, 160)} AS level,
        {pick("hashtext(code || class || period)", 54, 20)} AS noise, hashtext(code || class || period) AS n
    FROM retailers, unnest(ARRAY['standard', 'economy']) class,
        generate_series({_MONTH} - :months * interval '1 month', {_MONTH} - interval '1 month', interval '1 month') period
) months ORDER BY period, code, class
""",
    """
INSERT INTO demand_history (retailer, product_class, period, sold_units, requested_units, granted_units, out_days, source,
                            changed_at)
SELECT retailer, product_class, period, sold_units, requested_units, granted_units, out_days, source, at
FROM demand_history_versions
""",
    f"""
INSERT INTO score_fact_versions (facts, retailer, period, whole, part, source, by, told, at)
SELECT facts, code, CAST(period AS date), whole,
    greatest(0, whole - CAST({pick("hashtext(code || facts || period)", 55, 12)} = 0 AS int)), 'file', 'operator:planner-1',
    NULL, period + interval '1 month 2 hours'
FROM retailers,
    (VALUES ('deliveries', 8), ('payments', 4), ('inspections', 1)) AS of (facts, whole),
    generate_series({_MONTH} - interval '6 months', {_MONTH} - interval '1 month', interval '1 month') period
""",
    """
INSERT INTO score_facts (facts, retailer, period, whole, part, source, changed_at)
SELECT facts, retailer, period, whole, part, source, at FROM score_fact_versions
""",
    f"""
INSERT INTO forecast_versions (id, cut_off, horizon, history_number, asked_by, asked_at, state, under_way, stage, series,
                               series_done, input_sha256, library_version, done_at)
SELECT {uuid_of("'forecast ' || m")}, {_MONTH} - m * interval '1 month', 6, (SELECT max(number) FROM demand_history_versions),
    'system', {_MONTH} - m * interval '1 month' + interval '4 hours', 'done', true, 'told', 2 * :retailers, 2 * :retailers,
    encode(sha256(convert_to('forecast ' || m, 'UTF8')), 'hex'), 'seed',
    {_MONTH} - m * interval '1 month' + interval '5 hours'
FROM generate_series(1, 0, -1) m
""",
    f"""
INSERT INTO forecast_series (version, product_class, retailer, first_period, demand, way, mean, lo80, hi80,
                             tested_periods, error, naive_error)
SELECT {uuid_of("'forecast 0'")}, product_class, retailer, min(period), array_agg(CAST(sold_units AS float) ORDER BY period),
    array_agg(CAST(0 AS smallint) ORDER BY period), array_fill(CAST(avg(sold_units) AS float), ARRAY[6]),
    array_fill(CAST(avg(sold_units) * 0.8 AS float), ARRAY[6]), array_fill(CAST(avg(sold_units) * 1.2 AS float), ARRAY[6]),
    6, 0.7, 1.0
FROM demand_history GROUP BY product_class, retailer
""",
    f"""
INSERT INTO demand_figures (retailer, product_class, period, kind, version, units, by, at, note)
SELECT code, 'standard', {_MONTH} + interval '1 month', 'own', 1, 50 + {pick("hashtext(code)", 56, 100)},
    'device:till-' || lower(code) || '-1', :now - interval '3 days', ''
FROM retailers WHERE {pick("hashtext(code)", 57, 5)} = 0
""",
)

OBJECTIONS = (
    f"""
INSERT INTO score_decisions (id, retailer, decision, tier, since, until, reason, author, proposed_at, approver,
                             approved_at, told)
SELECT {uuid_of("'decision ' || retailer")}, retailer, 'lowered', 2, CAST(:now AS date) - 20, CAST(:now AS date) + 70,
    'sold below the set price', 'planner-1', :now - interval '25 days',
    CASE WHEN {pick("hashtext(retailer)", 58, 4)} > 0 THEN 'releaser-1' END,
    CASE WHEN {pick("hashtext(retailer)", 58, 4)} > 0 THEN :now - interval '24 days' END, ''
FROM score_rows WHERE run = (SELECT id FROM score_runs WHERE number = :run)
ORDER BY {pick("hashtext(retailer)", 59, 1_000_000)} LIMIT 4 + :retailers / 250
""",
    f"""
INSERT INTO score_appeals (id, retailer, run, component, words, by, at, answer_until, state, owner, settled_at)
SELECT {uuid_of("'appeal ' || retailer")}, retailer, :run, '', 'our deliveries were all accepted',
    'device:till-' || lower(retailer) || '-1', :now - interval '1 hour', CAST(:now AS date) + 15,
    CASE WHEN {pick("hashtext(retailer)", 60, 2)} = 0 THEN 'received' ELSE 'looked_at' END,
    CASE WHEN {pick("hashtext(retailer)", 60, 2)} = 0 THEN NULL ELSE 'planner-1' END, NULL
FROM score_rows WHERE run = (SELECT id FROM score_runs WHERE number = :run)
ORDER BY {pick("hashtext(retailer)", 61, 1_000_000)} LIMIT 4 + :retailers / 50
""",
)
