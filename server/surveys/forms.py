"""The form in which a survey is built: what was typed becomes a draft, a draft becomes what stands in the form.

All of it stands in the form itself until it is saved: adding, removing and moving a question stores nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from babel.numbers import get_currency_precision
from starlette.datastructures import ImmutableMultiDict

from contract.feed import Choice, OnlyIf, Text
from contract.fitting import NUMBER_MOST
from server.audiences import forms as audience_forms
from server.audiences.rules import EVERYONE, Addressed
from server.kit.console.texts import N_
from server.kit.fields import Unfit, Whole
from server.surveys import rules

KINDS = {
    "single": N_("one choice"),
    "multiple": N_("several choices"),
    "scale": N_("a scale"),
    "number": N_("a number"),
    "money": N_("an amount of money"),
    "matrix": N_("a table of statements"),
    "text": N_("a free text"),
    "photo": N_("photos"),
}
SAMPLES = {
    "all": N_("every shop of the audience"),
    "simple": N_("a sample, drawn from all of them"),
    "stratified": N_("a sample, drawn in each part by itself"),
}
PARTS = {"tier": N_("tier"), "region": N_("region")}
SPREADS = {"proportional": N_("of each part as its share of the shops"), "equal": N_("of each part the same number")}
SORTS = {"survey": N_("a survey"), "market": N_("market data: prices, stock, what competitors do")}
TESTS = {"is": N_("is"), "is_not": N_("is not"), "at_least": N_("is at least")}
NUMERIC = ("number", "money")
#: What a question can hang on.
BRANCHING = ("single", "multiple", "scale")
BARS = str.maketrans("｜", "|")
WHOLE = Whole(least=-NUMBER_MOST, most=NUMBER_MOST)


@dataclass(frozen=True)
class QuestionForm:
    """One question as it was typed; ``choices`` and ``rows`` have one a line, both languages parted by a bar.

    A row that is a product has its SKU behind another bar. Amounts are typed in whole units of the currency.
    ``on`` is the id of the question on which it hangs, or empty; ``on_answer`` a choice's id or a step of a scale.
    """

    id: str
    kind: str = "single"
    zh: str = ""
    en: str = ""
    required: bool = True
    low: str = ""
    high: str = ""
    choices: str = ""
    rows: str = ""
    least: str = ""
    most: str = ""
    plausible_low: str = ""
    plausible_high: str = ""
    plausible_change: str = ""
    on: str = ""
    on_test: str = "is"
    on_answer: str = ""


@dataclass(frozen=True)
class SurveyForm:
    """A survey as it was typed; times are the distributor's."""

    title_zh: str = ""
    title_en: str = ""
    intro_zh: str = ""
    intro_en: str = ""
    opens_at: str = ""
    closes_at: str = ""
    audience: Addressed = EVERYONE
    sort: str = "survey"
    series: str = ""
    every_days: str = ""
    anonymous: bool = False
    sample_how: str = "all"
    sample_by: str = "tier"
    sample_spread: str = "proportional"
    sample_size: str = ""
    sample_seed: str = ""
    quota: str = ""
    grace_h: str = "48"
    remind_h: str = ""
    questions: tuple[QuestionForm, ...] = (QuestionForm("q1"),)

    def hinges(self, number: int) -> list[tuple[int, QuestionForm]]:
        """Return what question ``number`` can hang on, with their numbers; what it hangs on already is among them."""
        own = self.questions[number - 1]
        return [
            (place, one)
            for place, one in enumerate(self.questions, start=1)
            if (place < number and one.kind in BRANCHING) or one.id == own.on
        ]

    def on_answers(self, question: QuestionForm) -> list[tuple[str, Text]]:
        """Return the answers on which ``question`` can be made to hang: choices, or the steps of a scale."""
        named = next((one for one in self.questions if one.id == question.on), None)
        if named is None:
            return []
        if named.kind != "scale":
            return [(choice.id, choice.text) for choice in choices_of(named.choices)]
        try:
            low, high = WHOLE.read(named.low), WHOLE.read(named.high)
        except Unfit:
            return []
        steps = range(low, min(high, low + rules.SCALE_MOST) + 1)
        return [(str(step), Text(zh=str(step), en=str(step))) for step in steps]


def new_form(now: datetime, zone: ZoneInfo) -> SurveyForm:
    """Return the form of a new survey: it opens now and closes in a week."""
    return SurveyForm(opens_at=_local(now, zone), closes_at=_local(now + timedelta(days=7), zone))


def filled(draft: rules.Draft, zone: ZoneInfo, currency: str) -> SurveyForm:
    """Return the form in which ``draft`` stands."""
    plausible = {one.question: one for one in draft.plausible}
    return SurveyForm(
        title_zh=draft.title.zh,
        title_en=draft.title.en,
        intro_zh=draft.intro.zh,
        intro_en=draft.intro.en,
        opens_at=_local(draft.opens_at, zone),
        closes_at=_local(draft.closes_at, zone),
        audience=draft.audience,
        sort=draft.sort,
        series=draft.series or "",
        every_days=_shown(draft.every_days),
        anonymous=draft.anonymous,
        sample_how=draft.sample.how,
        sample_by=draft.sample.by,
        sample_spread=draft.sample.spread,
        sample_size=_shown(draft.sample.size),
        sample_seed=draft.sample.seed,
        quota=_shown(draft.quota),
        grace_h=_shown(draft.grace_h),
        remind_h=_shown(draft.remind_h),
        questions=tuple(
            QuestionForm(
                id=question.id,
                kind=question.kind,
                zh=question.text.zh,
                en=question.text.en,
                required=question.required,
                low=_value(question.low, question.kind, currency),
                high=_value(question.high, question.kind, currency),
                least=_shown(question.least),
                most=_shown(question.most),
                choices="\n".join(f"{choice.text.zh} | {choice.text.en}" for choice in question.choices),
                rows="\n".join(
                    f"{row.text.zh} | {row.text.en}" + (f" | {row.sku}" if row.sku else "") for row in question.rows
                ),
                **_plausible_shown(plausible.get(question.id), question.kind, currency),
                **_hinge(question.only_if),
            )
            for question in draft.questions
        ),
    )


def typed(form: ImmutableMultiDict[str, str]) -> SurveyForm:
    """Return what a person sent."""

    def text(name: str) -> str:
        return form.get(name, "")

    count = min(int(text("count")) if text("count").isdecimal() else 0, 200)
    return SurveyForm(
        title_zh=text("title_zh"),
        title_en=text("title_en"),
        intro_zh=text("intro_zh"),
        intro_en=text("intro_en"),
        opens_at=text("opens_at"),
        closes_at=text("closes_at"),
        audience=audience_forms.typed(form),
        sort=_one_of(text("sort"), SORTS),
        series=text("series"),
        every_days=text("every_days"),
        anonymous=text("anonymous") == "yes",
        sample_how=_one_of(text("sample_how"), SAMPLES),
        sample_by=_one_of(text("sample_by"), PARTS),
        sample_spread=_one_of(text("sample_spread"), SPREADS),
        sample_size=text("sample_size"),
        sample_seed=text("sample_seed")[: rules.SEED_MOST],
        quota=text("quota"),
        grace_h=text("grace_h"),
        remind_h=text("remind_h"),
        questions=tuple(
            QuestionForm(
                id=text(f"q{number}_id"),
                kind=_one_of(text(f"q{number}_kind"), KINDS),
                zh=text(f"q{number}_zh"),
                en=text(f"q{number}_en"),
                required=text(f"q{number}_required") == "yes",
                low=text(f"q{number}_low"),
                high=text(f"q{number}_high"),
                choices=text(f"q{number}_choices"),
                rows=text(f"q{number}_rows"),
                least=text(f"q{number}_least"),
                most=text(f"q{number}_most"),
                plausible_low=text(f"q{number}_plausible_low"),
                plausible_high=text(f"q{number}_plausible_high"),
                plausible_change=text(f"q{number}_plausible_change"),
                on=text(f"q{number}_on"),
                on_test=_one_of(text(f"q{number}_on_test"), TESTS),
                on_answer=text(f"q{number}_on_answer"),
            )
            for number in range(1, count + 1)
        ),
    )


def changed(form: SurveyForm, act: str) -> SurveyForm:
    """Return the form after ``add``, ``remove:N``, ``up:N`` or ``down:N``, N from 1; anything else is a look."""
    word, _, place = act.partition(":")
    questions = list(form.questions)
    number = int(place) if place.isdecimal() else 0
    if word == "add" and len(questions) < rules.QUESTIONS_MOST:
        taken = {question.id for question in questions}
        free = next(f"q{n}" for n in range(1, len(questions) + 2) if f"q{n}" not in taken)
        questions.append(QuestionForm(free))
    elif 1 <= number <= len(questions):
        moved = questions.pop(number - 1)
        if word == "up":
            questions.insert(max(0, number - 2), moved)
        elif word == "down":
            questions.insert(number, moved)
        elif word != "remove":
            questions.insert(number - 1, moved)
    return replace(form, questions=tuple(questions))


def _hinge(on: OnlyIf | None) -> dict[str, Any]:
    if on is None:
        return {}
    return {
        "on": on.question,
        "on_test": on.test,
        "on_answer": str(on.number) if on.choice is None else on.choice,
    }


def _value(value: int | None, kind: str, currency: str) -> str:
    if value is None or kind != "money":
        return _shown(value)
    return str(Decimal(value).scaleb(-get_currency_precision(currency)))


def _shown(value: int | None) -> str:
    return "" if value is None else str(value)


def _plausible_shown(one: rules.Plausible | None, kind: str, currency: str) -> dict[str, str]:
    if one is None:
        return {}
    return {
        "plausible_low": _value(one.low, kind, currency),
        "plausible_high": _value(one.high, kind, currency),
        "plausible_change": str(one.change_percent),
    }


def _one_of(typed_in: str, known: Mapping[str, str]) -> str:
    return typed_in if typed_in in known else next(iter(known))


def _local(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).strftime("%Y-%m-%dT%H:%M")


def choices_of(text: str) -> tuple[Choice, ...]:
    """Return the choices that stand one a line; a line without a bar is the same in both languages."""
    found = []
    for number, line in enumerate((line for line in text.splitlines() if line.strip()), start=1):
        zh, bar, en = (part.strip() for part in line.translate(BARS).partition("|"))
        found.append(Choice(id=f"c{number}", text=Text(zh=zh, en=en if bar else zh)))
    return tuple(found)
