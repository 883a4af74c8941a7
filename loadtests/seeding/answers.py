"""One survey of a stratified sample that everybody who was asked has answered: four questions, twelve regions."""

from typing import Final

from sqlalchemy import text

from loadtests.seeding.size import pick, uuid_of

_REGIONS: Final = 12
_ID: Final = uuid_of("'survey'")
_PLACE: Final = f"{pick('r', 1, _REGIONS)}"

STATEMENTS: Final = (
    f"""
INSERT INTO retailers (code, name, address, city, region, route, market_type, tier, weight, standing,
                       created_at, changed_at)
SELECT 'R' || lpad(CAST(r AS text), 6, '0'), '商店' || r, '', '江城', 'region-' || lpad(CAST({_PLACE} AS text), 2, '0'), 'L1', 'town',
    1 + {pick("r", 2, 30)}, 10, 'good', now(), now()
FROM generate_series(1, :shops) r
""",
    f"""
INSERT INTO surveys (id, title_zh, title_en, intro_zh, intro_en, questions, audience, opens_at, closes_at, state, revision,
                     created_by, created_at, published_at, opened_at, sort, sample)
VALUES ({_ID}, '满意度调查', 'Satisfaction', '', '', CAST(:questions AS jsonb), '{{}}', now() - interval '9 days',
    now() + interval '9 days', 'published', 1, 'bench', now(), now(), now(), 'survey',
    '{{"how": "stratified", "by": "region", "size": 1, "seed": "bench"}}')
""",
    f"""
INSERT INTO survey_strata (survey_id, place, name, shops, asked)
SELECT {_ID}, row_number() OVER (ORDER BY region) - 1, region, 2 * count(*), count(*) FROM retailers GROUP BY region
""",
    f"""
INSERT INTO survey_invitations (survey_id, retailer, stratum)
SELECT {_ID}, code, place FROM retailers JOIN survey_strata s ON s.name = region
""",
    f"""
INSERT INTO survey_answer_sets (survey_id, retailer, stratum, message_id, device, answered_at)
SELECT survey_id, retailer, stratum, {uuid_of("retailer")}, 'till-' || lower(retailer), now() FROM survey_invitations
""",
    f"""
INSERT INTO survey_answers (survey_id, retailer, stratum, question, choices, number, text)
SELECT survey_id, retailer, stratum, question,
    CASE question WHEN 'stock' THEN ARRAY[CASE WHEN {pick("hashtext(retailer)", 3, 3)} = 0 THEN 'no' ELSE 'yes' END]
                  ELSE CAST('{{}}' AS text[]) END,
    CASE question WHEN 'visits' THEN 10 + {pick("hashtext(retailer)", 4, 300)}
                  WHEN 'mark' THEN 1 + {pick("hashtext(retailer)", 5, 5)} END,
    CASE question WHEN 'words' THEN '希望周一送货，货源多一些。' END
FROM survey_answer_sets, unnest(ARRAY['stock', 'visits', 'mark', 'words']) question
""",
    "ANALYZE",
)
"""Filled with ``shops`` and the ``questions`` of :mod:`loadtests.seeding.voices`."""

PASS: Final = text(
    f"SELECT count(*), sum(number), count(text), count(choices) FROM survey_answers WHERE survey_id = {_ID}"
)
SURVEY: Final = text(f"SELECT {_ID}")
