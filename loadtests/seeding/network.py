"""The network: SKUs, shops with licences, limits and terminals, and the people at the distributor."""

from loadtests.seeding.size import one_of, pick

_REGIONS = ("城东", "城西", "城南", "城北", "新区", "河口", "山前", "湖滨", "临港", "高桥", "石塘", "白云")
_STREETS = ("重庆路", "人民路", "解放街", "中山路", "建设路", "和平街", "新华路", "朝阳巷", "滨河路", "学府路")
_SORTS = ("便民店", "烟酒商行", "超市", "小卖部", "百货店", "食品店", "生活馆")
_MARKETS = ("town", "village", "campus", "station")
_CATEGORIES = ("premium", "standard", "economy", "seasonal", "beer", "spirits", "soft drinks", "snacks")
_CODE = "'R' || lpad(CAST(r AS text), 5, '0')"
_SKU = "'K' || lpad(CAST(k AS text), 4, '0')"

STATEMENTS = (
    f"""
INSERT INTO skus (sku, name_zh, name_en, unit_zh, unit_en, category, pack_units, price_minor, minimum_units,
                  limit_units, licence_class, barcodes, case_barcodes, state, changed_at)
SELECT {_SKU}, '商品' || k, 'Item ' || k, '条', 'carton', {one_of(_CATEGORIES, "k", 1)},
    CASE k % 4 WHEN 0 THEN 10 ELSE 1 END, 500 + 100 * ({pick("k", 2, 400)}), 0, NULL,
    CASE WHEN k % 3 = 0 THEN 'tobacco' END, ARRAY['69' || lpad(CAST(k AS text), 11, '0')], '{{}}',
    CASE WHEN k > :skus THEN 'withdrawn' ELSE 'offered' END, :began
FROM generate_series(1, :skus + 2) k
""",
    f"""
INSERT INTO retailers (code, name, address, city, latitude, longitude, region, route, market_type, tier, weight, credit_minor, standing,
                       standing_reason, created_at, changed_at)
SELECT {_CODE}, {one_of(_STREETS, "r", 3)} || {one_of(_SORTS, "r", 4)} || r,
    {one_of(_STREETS, "r", 5)} || (1 + {pick("r", 6, 300)}) || '号', '江城',
    30.0 + {pick("r", 14, 1_000_000)} / 1000000.0, 114.0 + {pick("r", 15, 1_000_000)} / 1000000.0, {one_of(_REGIONS, "r", 7)},
    'L' || lpad(CAST(1 + {pick("r", 8, 60)} AS text), 2, '0'), {one_of(_MARKETS, "r", 9)},
    1 + {pick("r", 10, 30)}, 1 + {pick("r", 10, 30)},
    CASE WHEN {pick("r", 11, 3)} = 0 THEN 100000 * (50 + {pick("r", 12, 500)}) END,
    CASE WHEN {pick("r", 13, 120)} = 0 THEN 'suspended' ELSE 'good' END,
    CASE WHEN {pick("r", 13, 120)} = 0 THEN 'unpaid since last month' END, :began, :began
FROM generate_series(1, :retailers) r
""",
    f"""
INSERT INTO retailer_limits (retailer, sku, limit_units)
SELECT code, 'K' || lpad(CAST(1 + {pick("hashtext(code)", 14, ":skus")} AS text), 4, '0'), 20 + {pick("hashtext(code)", 15, 100)}
FROM retailers WHERE {pick("hashtext(code)", 16, 4)} = 0
""",
    f"""
INSERT INTO licences (retailer, licence_class, number, valid_from, valid_until, state, state_reason, changed_at)
SELECT code, class, upper(left(class, 1)) || '-' || code, CAST(:began AS date),
    CAST(:now AS date) - 20 + CAST({pick("hashtext(code || class)", 17, 1500)} AS int),
    CASE WHEN {pick("hashtext(code || class)", 18, 150)} = 0 THEN 'suspended' ELSE 'valid' END,
    CASE WHEN {pick("hashtext(code || class)", 18, 150)} = 0 THEN 'inspection' END, :began
FROM retailers, unnest(ARRAY['tobacco', 'alcohol']) class
WHERE class = 'tobacco' OR {pick("hashtext(code)", 19, 3)} = 0
""",
    f"""
INSERT INTO licence_files (id, retailer, licence_class, licence_number, matter, state, document, reason, entered_by,
                           entered_at, due_on)
SELECT uuidv7(), retailer, licence_class, number, 'renewal', 'received', '', '延续', 'inspector-1', :now,
    CAST(:now AS date) + CAST({pick("hashtext(number)", 31, 14)} AS int)
FROM licences WHERE state = 'valid' AND valid_until BETWEEN CAST(:now AS date) AND CAST(:now AS date) + 30
""",
    """
INSERT INTO licence_steps (file, retailer, step, words, by, at)
SELECT id, retailer, 'entered', reason, entered_by, entered_at FROM licence_files
""",
    """
INSERT INTO shop_exports (id, retailer, asked_by, asked_at, state, stopped_by, done_at, reason, parts)
SELECT uuidv7(), code, 'administrator-1', :now, 'stopped', 'administrator-1', :now, '零售户申请', 52
FROM retailers ORDER BY code LIMIT 3
""",
    f"""
INSERT INTO devices (id, retailer, model, enrolled_at, revoked_at, revoked_reason)
SELECT 'till-' || lower(code) || '-' || n, code,
    {one_of(("pi-4", "pi-5", "n100"), "hashtext(code)", 20)}, :began + n * (:now - :began) * 0.3,
    CASE WHEN n = 1 AND replaced THEN :began + (:now - :began) * 0.6 END,
    CASE WHEN n = 1 AND replaced THEN 'replaced' END
FROM (SELECT code, {pick("hashtext(code)", 21, 12)} = 0 AS replaced FROM retailers) shop, generate_series(1, 2) n
WHERE (n = 1 OR replaced) AND {pick("hashtext(code)", 22, 25)} > 0
""",
    f"""
INSERT INTO device_presence (device, reported_at, last_seen_at, version, queue_length, language, clock_offset_ms,
    feed_seq, oldest_queued_s, disk_free_mb, disk_total_mb, temperature_c, storage_errors, printer, scanner, network, system)
SELECT id, :now - interval '20 seconds', CASE WHEN {pick("hashtext(id)", 23, 15)} = 0
        THEN :now - interval '1 hour' * (3 + {pick("hashtext(id)", 24, 200)})
        ELSE :now - interval '1 second' * ({pick("hashtext(id)", 25, 120)}) END,
    CASE WHEN {pick("hashtext(id)", 26, 8)} = 0 THEN '0.8.2' ELSE '0.9.0' END,
    CASE WHEN {pick("hashtext(id)", 27, 40)} = 0 THEN 3 ELSE 0 END, 'zh', {pick("hashtext(id)", 28, 900)}, 0,
    CASE WHEN {pick("hashtext(id)", 27, 40)} = 0 THEN 4000 ELSE 0 END, 400 + {pick("hashtext(id)", 29, 20000)}, 28000,
    40 + {pick("hashtext(id)", 30, 30)}, 0, 'ready', 'shared', {one_of(("ethernet", "wifi", "cellular"), "hashtext(id)", 31)}, 'Debian 13'
FROM devices WHERE revoked_at IS NULL
""",
    """
INSERT INTO operators (name, roles, password_hash, created_at, disabled_at)
SELECT role || '-' || n, ARRAY[role], NULL, :began, NULL
FROM unnest(ARRAY['planner', 'releaser', 'administrator']) role, generate_series(1, 4) n
ON CONFLICT DO NOTHING
""",
    """
INSERT INTO route_schedules (route, opens_weekday, opens_time, closes_weekday, closes_time, zone, changed_by, changed_at)
VALUES ('*', 1, '08:00', 3, '18:00', :zone, 'planner-1', :began)
""",
)
