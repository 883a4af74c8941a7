"""What a rule is made of in a form, and how the form becomes a rule."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from server.kit.fields import Choice, Code, Codes, Field, Reason, Text, Unfit, Whole
from server.kit.marking import N_
from server.visits.rules import QUESTIONS_MOST, Rule

QUESTION_MOST: Final = 200
TOO_MANY_QUESTIONS: Final = Reason(
    "too_many_questions", N_("These are {count} lines; at most {most} are asked at once.")
)
QUESTION_TOO_LONG: Final = Reason("question_too_long", N_("A line has {length} characters; at most {most} are shown."))
NO_SHOPS: Final = Reason("no_shops", N_("A sample needs at least one shop a month."))
NO_TIER: Final = Reason(
    "no_tier", N_("“{value}” is no tier. Write tiers as numbers with a space between, such as 1 2.")
)
TIER_MOST: Final = 99

SORTS: Final = {"visit": N_("a visit to the shop"), "call": N_("a call to the shop")}
WHENS: Final = {
    "interval": N_("again and again, so many days after the last"),
    "claim": N_("within so many days after a claim"),
    "sample": N_("each month, for so many shops drawn by lot"),
}
WHOS: Final = {
    "manager": N_("customer manager"),
    "regional": N_("director of the region"),
    "planner": N_("planner"),
    "administrator": N_("general manager"),
}


def _choice(words: Mapping[str, str]) -> Choice:
    return Choice(tuple(words), tuple(words.values()))


FIELDS: Final = (
    Field("name", N_("What the rule is called"), Text(100)),
    Field("sort", N_("What is due"), _choice(SORTS), default="visit"),
    Field("when", N_("When it is due"), _choice(WHENS), default="interval"),
    Field("days", N_("Number of days"), Whole(1, 365), default=7, hint=N_("The interval, or the term after a claim.")),
    Field("shops", N_("Shops a month"), Whole(0, 10_000), default=0, hint=N_("For a sample; else 0.")),
    Field("who", N_("Who does it"), _choice(WHOS), default="manager"),
    Field("minutes", N_("Minutes that it takes"), Whole(1, 480), default=20),
    Field(
        "tiers",
        N_("Tiers"),
        Codes(Code(2), TIER_MOST),
        default=(),
        hint=N_("With a space between, such as 1 2; empty for all. Class A is the best tier, 1."),
    ),
    Field("markets", N_("Markets"), Text(300, needed=False), default="", hint=N_("A line each; empty for all.")),
    Field("regions", N_("Regions"), Text(1000, needed=False), default="", hint=N_("A line each; empty for all.")),
    Field(
        "questions",
        N_("Checklist or script"),
        Text(QUESTIONS_MOST * QUESTION_MOST, needed=False),
        default="",
        hint=N_("A line each: what is looked at, or asked on the telephone."),
    ),
)


def fits_together(typed: Mapping[str, Any]) -> tuple[str, Unfit] | None:
    """Return what is wrong with a whole rule: a sample of nobody, tiers that are none, a checklist that is too long."""
    if typed["when"] == "sample" and not typed["shops"]:
        return "shops", Unfit(NO_SHOPS)
    for tier in typed["tiers"]:
        if not (tier.isascii() and tier.isdigit() and 0 < int(tier) <= TIER_MOST):
            return "tiers", Unfit(NO_TIER, value=tier)
    questions = _lines(typed["questions"])
    if len(questions) > QUESTIONS_MOST:
        return "questions", Unfit(TOO_MANY_QUESTIONS, count=len(questions), most=QUESTIONS_MOST)
    longest = max((len(line) for line in questions), default=0)
    if longest > QUESTION_MOST:
        return "questions", Unfit(QUESTION_TOO_LONG, length=longest, most=QUESTION_MOST)
    return None


def record_of(rule: Rule) -> dict[str, Any]:
    """Return a rule as its form has it."""
    return {
        "name": rule.name,
        "sort": rule.sort,
        "when": rule.when,
        "days": rule.days,
        "shops": rule.shops,
        "who": rule.who,
        "minutes": rule.minutes,
        "tiers": tuple(map(str, rule.tiers)),
        "markets": "\n".join(rule.markets),
        "regions": "\n".join(rule.regions),
        "questions": "\n".join(rule.questions),
    }


def rule_of(key: str, record: Mapping[str, Any], since: date) -> Rule:
    """Return the rule that a record of the form is."""
    listed = {name: _lines(record[name]) for name in ("markets", "regions", "questions")}
    tiers = tuple(sorted({int(tier) for tier in record["tiers"]}))
    return Rule(**{**record, **listed, "name": record["name"].strip(), "tiers": tiers, "key": key, "since": since})


def _lines(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))
