"""What was said: announcements and who read them, surveys and answers, complaints; and who did what, in the audit."""

from loadtests.seeding.size import one_of, pick, uuid_of

_KINDS = ("complaint", "suggestion", "question")
_TOPICS = ("goods", "delivery", "grant", "price", "terminal", "employee", "other")
_ALL = '{"regions": [], "routes": [], "tiers": []}'
_ANNOUNCEMENT = uuid_of("'announcement ' || a")
_SURVEY = uuid_of("'survey ' || s")
_QUESTIONS = """[
 {"id": "stock", "kind": "single", "text": {"zh": "货源够吗？", "en": "Do you get enough?"}, "required": true,
  "choices": [{"id": "yes", "text": {"zh": "够", "en": "yes"}}, {"id": "no", "text": {"zh": "不够", "en": "no"}}],
  "low": null, "high": null, "only_if": null},
 {"id": "visits", "kind": "number", "text": {"zh": "每天多少顾客？", "en": "How many customers a day?"}, "required": true,
  "choices": [], "low": 0, "high": 5000, "only_if": null},
 {"id": "mark", "kind": "scale", "text": {"zh": "总体满意吗？", "en": "How content are you?"}, "required": true,
  "choices": [], "low": 1, "high": 5, "only_if": null},
 {"id": "words", "kind": "text", "text": {"zh": "还有什么意见？", "en": "What else?"}, "required": false,
  "choices": [], "low": null, "high": null, "only_if": null}]"""

STATEMENTS = (
    f"""
INSERT INTO announcements (id, sort, audience, must_acknowledge, expires_at, state, version, created_by, created_at)
SELECT {_ANNOUNCEMENT}, {one_of(("policy", "regulation", "notice", "promotion", "urgent"), "a", 71)},
    CASE WHEN a % 3 = 0 THEN CAST('{_ALL}' AS jsonb)
         ELSE jsonb_build_object('regions', jsonb_build_array((SELECT min(region) FROM retailers)), 'routes', CAST('[]' AS jsonb),
                                 'tiers', CAST('[]' AS jsonb)) END,
    a % 5 = 0, NULL, CASE WHEN a > :announcements THEN 'draft' ELSE 'published' END, 1, 'planner-1', at
FROM (SELECT a, :now - (:announcements + 2 - a) * interval '20 days' AS at FROM generate_series(1, :announcements + 1) a) each
ORDER BY a
""",
    f"""
INSERT INTO announcement_versions (announcement_id, version, title_zh, title_en, body_zh, body_en, written_by, published_at)
SELECT id, 1, '通知 ' || number, 'Notice ' || number, '请各零售户按时订货。', 'Please order in time.', 'planner-1',
    CASE state WHEN 'published' THEN created_at + interval '2 hours' END
FROM announcements WHERE id IN (SELECT {_ANNOUNCEMENT} FROM generate_series(1, :announcements + 1) a)
""",
    """
INSERT INTO announcement_meetings (announcement_id, sort, starts_at, ends_at, place_zh, place_en, places, register_until)
SELECT id, 'training', created_at + interval '30 days', created_at + interval '31 days', '会议室', 'Meeting room', 200,
    created_at + interval '28 days'
FROM announcements WHERE state = 'published' AND number % 4 = 1
""",
    """
INSERT INTO announcement_recipients (announcement_id, retailer, sent_at)
SELECT id, code, published_at FROM announcements JOIN announcement_versions ON announcement_id = id, retailers
WHERE state = 'published' AND (audience -> 'regions' = '[]' OR audience -> 'regions' ? region)
""",
    f"""
INSERT INTO announcement_receipts (announcement_id, version, retailer, sort, device, said_at, received_at)
SELECT announcement_id, 1, retailer, sort, 'till-' || lower(retailer) || '-1', at, at
FROM (
    SELECT announcement_id, retailer, sort, sent_at + interval '1 minute' * part
        + ({pick("hashtext(CAST(announcement_id AS text) || retailer)", 72, 72)}) * interval '1 hour' AS at
    FROM announcement_recipients, unnest(ARRAY['displayed', 'acknowledged']) WITH ORDINALITY AS of (sort, part)
    WHERE {pick("hashtext(retailer || CAST(announcement_id AS text))", 73, 100)} < 98 - 20 * part
) opened
WHERE at < :now
""",
    f"""
INSERT INTO surveys (id, title_zh, title_en, intro_zh, intro_en, questions, audience, opens_at, closes_at, state, revision,
                     created_by, created_at, published_at, opened_at, closed_at, sort, series)
SELECT {_SURVEY}, '满意度调查 ' || s, 'Satisfaction ' || s, '', '', CAST(:questions AS jsonb), CAST('{_ALL}' AS jsonb),
    at, at + interval '30 days', CASE WHEN s > 5 THEN 'draft' WHEN s = 5 THEN 'published' ELSE 'closed' END, 1, 'planner-1',
    at, CASE WHEN s <= 5 THEN at END, CASE WHEN s <= 5 THEN at END, CASE WHEN s < 5 THEN at + interval '30 days' END,
    'survey', 'satisfaction'
FROM (SELECT s, CASE WHEN s > 5 THEN :now + interval '1 day' ELSE :now - (5 - s) * interval '180 days' - interval '9 days' END
      AS at FROM generate_series(1, 6) s) each ORDER BY s
""",
    """
INSERT INTO survey_strata (survey_id, place, name, shops, asked)
SELECT id, 0, '', shops, shops FROM surveys, (SELECT count(*) AS shops FROM retailers) every WHERE state <> 'draft'
""",
    """
INSERT INTO survey_invitations (survey_id, retailer)
SELECT id, code FROM surveys, retailers WHERE state <> 'draft'
""",
    f"""
INSERT INTO survey_answer_sets (survey_id, retailer, message_id, device, answered_at)
SELECT survey_id, retailer, {uuid_of("'answers ' || survey_id || retailer")}, 'till-' || lower(retailer) || '-1',
    opens_at + ({pick("hashtext(CAST(survey_id AS text) || retailer)", 74, 200)}) * interval '1 hour'
FROM survey_invitations JOIN surveys ON id = survey_id
WHERE {pick("hashtext(retailer || CAST(survey_id AS text))", 75, 100)} < 55
""",
    f"""
INSERT INTO survey_answers (survey_id, retailer, question, choices, number, text)
SELECT survey_id, retailer, question,
    CASE question WHEN 'stock' THEN ARRAY[CASE WHEN {pick("hashtext(retailer)", 76, 3)} = 0 THEN 'no' ELSE 'yes' END]
                  ELSE CAST('{{}}' AS text[]) END,
    CASE question WHEN 'visits' THEN 10 + {pick("hashtext(retailer)", 77, 300)}
                  WHEN 'mark' THEN 1 + {pick("hashtext(retailer || CAST(survey_id AS text))", 82, 5)} END,
    CASE question WHEN 'words' THEN '希望周一送货，货源多一些。' END
FROM survey_answer_sets, unnest(ARRAY['stock', 'visits', 'mark', 'words']) question
""",
    f"""
INSERT INTO feedback (id, retailer, kind, category, way, words, by, at, zone, due_at, answer_until, state, owner, answered_at,
                      closed_at, satisfaction)
SELECT {uuid_of("'feedback ' || f")}, 'R' || lpad(CAST(1 + {pick("f", 78, ":retailers")} AS text), 5, '0'),
    {one_of(_KINDS, "f", 79)}, {one_of(_TOPICS, "f", 80)}, 'terminal', '上周的货少了两条，请核实。', 'device', at, :zone,
    at + interval '15 days', CAST(at AS date) + 15, state, CASE WHEN state <> 'received' THEN 'planner-1' END,
    CASE WHEN state = 'closed' THEN at + interval '3 days' END, CASE WHEN state = 'closed' THEN at + interval '9 days' END,
    CASE WHEN state = 'closed' THEN 1 + {pick("f", 81, 5)} END
FROM (SELECT f, :now - (:complaints - f) * interval '8 hours' AS at,
        CASE WHEN :complaints - f < 40 THEN 'received' WHEN :complaints - f < 60 THEN 'looked_at' ELSE 'closed' END AS state
      FROM generate_series(1, :complaints) f) each ORDER BY f
""",
    f"""
INSERT INTO feedback_entries (id, feedback, retailer, sort, words_zh, words_en, author, at)
SELECT {uuid_of("'answer ' || id")}, id, retailer, 'answer', '已补发。', 'It was sent.', 'planner-1', answered_at
FROM feedback WHERE answered_at IS NOT NULL
""",
)

AUDIT = """
INSERT INTO audit (at, actor, action, subject, detail, alert, salt)
SELECT *, uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) FROM (
    SELECT placed_at AS at, 'device:' || device AS actor, 'order.placed' AS action, 'order:' || number AS subject,
        jsonb_build_object('retailer', retailer, 'amount_minor', amount_minor) AS detail, false AS alert
    FROM orders
    UNION ALL
    SELECT confirmed_at, 'device:' || device, 'delivery.confirmed', 'delivery:' || number,
        jsonb_build_object('retailer', retailer), false FROM deliveries WHERE state = 'confirmed'
    UNION ALL
    SELECT decided_at, decided_by, 'claim.decided', 'claim:' || number, jsonb_build_object('retailer', retailer), false
    FROM claims WHERE decided_at IS NOT NULL
    UNION ALL
    SELECT at, actor, CASE state WHEN 'draft' THEN 'cycle.created' WHEN 'closed' THEN 'window.closed'
        WHEN 'in_review' THEN 'cycle.sent_for_release' ELSE 'cycle.' || state END, 'cycle:' || cycle, '{}', false
    FROM cycle_steps
    UNION ALL
    SELECT enrolled_at, 'system', 'device.enrolled', 'device:' || id, jsonb_build_object('retailer', retailer), false
    FROM devices
    UNION ALL
    SELECT created_at, 'operator:planner-1', 'retailer.added', 'retailer:' || code, '{}', false FROM retailers
    UNION ALL
    SELECT :now - n * interval '2 days', 'system', 'operator.guessing', 'operator:planner-1', '{}', true
    FROM generate_series(1, 40) n
) acts ORDER BY at
"""
QUESTIONS = _QUESTIONS
