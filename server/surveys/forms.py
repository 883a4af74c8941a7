"""The form in which a survey is built: what was typed becomes a draft, a draft becomes what stands in the form.

All of it stands in the form itself until it is saved: adding, removing and moving a question stores nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

from starlette.datastructures import ImmutableMultiDict

from contract.feed import Choice, OnlyIf, Question, Text
from server.kit.console.texts import N_
from server.kit.fields import EMPTY, Invalid, Reason, Unfit, Whole
from server.retailers.rules import Audience
from server.surveys import rules

NOT_A_TIME = Reason("not_a_time", N_("“{value}” is no day and time."))
KINDS = {
    "single": N_("one choice"),
    "multiple": N_("several choices"),
    "scale": N_("a scale"),
    "number": N_("a number"),
    "text": N_("a free text"),
}
TESTS = {"is": N_("is"), "is_not": N_("is not"), "at_least": N_("is at least")}
#: What a question can hang on.
BRANCHING = ("single", "multiple", "scale")
EVERYONE = Audience()
_BARS = str.maketrans("｜", "|")
_NUMBER = Whole(least=-rules.NUMBER_MOST, most=rules.NUMBER_MOST)


@dataclass(frozen=True)
class QuestionForm:
    """One question as it was typed; ``choices`` has one a line, both languages parted by a bar.

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
    audience: Audience = EVERYONE
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
            return [(choice.id, choice.text) for choice in _choices(named.choices)]
        try:
            low, high = _NUMBER.read(named.low), _NUMBER.read(named.high)
        except Unfit:
            return []
        steps = range(low, min(high, low + rules.SCALE_MOST) + 1)
        return [(str(step), Text(zh=str(step), en=str(step))) for step in steps]


def new_form(now: datetime, zone: ZoneInfo) -> SurveyForm:
    """Return the form of a new survey: it opens now and closes in a week."""
    return SurveyForm(opens_at=_local(now, zone), closes_at=_local(now + timedelta(days=7), zone))


def filled(draft: rules.Draft, zone: ZoneInfo) -> SurveyForm:
    """Return the form in which ``draft`` stands."""
    return SurveyForm(
        title_zh=draft.title.zh,
        title_en=draft.title.en,
        intro_zh=draft.intro.zh,
        intro_en=draft.intro.en,
        opens_at=_local(draft.opens_at, zone),
        closes_at=_local(draft.closes_at, zone),
        audience=draft.audience,
        questions=tuple(
            QuestionForm(
                id=question.id,
                kind=question.kind,
                zh=question.text.zh,
                en=question.text.en,
                required=question.required,
                low="" if question.low is None else str(question.low),
                high="" if question.high is None else str(question.high),
                choices="\n".join(f"{choice.text.zh} | {choice.text.en}" for choice in question.choices),
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
        audience=Audience.typed(form.getlist("regions"), form.getlist("routes"), form.getlist("tiers")),
        questions=tuple(
            QuestionForm(
                id=text(f"q{number}_id"),
                kind=text(f"q{number}_kind") if text(f"q{number}_kind") in KINDS else "single",
                zh=text(f"q{number}_zh"),
                en=text(f"q{number}_en"),
                required=text(f"q{number}_required") == "yes",
                low=text(f"q{number}_low"),
                high=text(f"q{number}_high"),
                choices=text(f"q{number}_choices"),
                on=text(f"q{number}_on"),
                on_test=text(f"q{number}_on_test") if text(f"q{number}_on_test") in TESTS else "is",
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


def draft_of(
    form: SurveyForm, zone: ZoneInfo, gettext: Callable[[str], str]
) -> tuple[rules.Draft | None, dict[str, str]]:
    """Return the draft, or a sentence for each field of the form that does not fit."""
    unfit: dict[str, Unfit] = {}

    def read(name: str, reader: Callable[[str], Any], text: str) -> Any:
        try:
            return reader(text.strip())
        except Unfit as error:
            unfit[name] = error
            return None

    opens_at = read("opens_at", lambda text: _instant(text, zone), form.opens_at)
    closes_at = read("closes_at", lambda text: _instant(text, zone), form.closes_at)
    questions = []
    for number, one in enumerate(form.questions, start=1):
        bounds = {
            name: read(f"q{number}_{name}", _NUMBER.read, text)
            for name, text in (("low", one.low), ("high", one.high))
            if text.strip() and one.kind in {"scale", "number"}
        }
        scale = any(other.id == one.on and other.kind == "scale" for other in form.questions)
        step = read(f"q{number}_on_answer", _NUMBER.read, one.on_answer) if scale else None
        questions.append(_question(one, bounds, step))
    if unfit:
        return None, {name: error.sentence(gettext) for name, error in unfit.items()}
    draft = rules.Draft(
        title=Text(zh=form.title_zh.strip(), en=form.title_en.strip()),
        intro=Text(zh=form.intro_zh.strip(), en=form.intro_en.strip()),
        questions=tuple(questions),
        audience=form.audience,
        opens_at=opens_at,
        closes_at=closes_at,
    )
    try:
        rules.check_draft(draft)
    except Invalid as error:
        return None, problems_of(error, gettext)
    return draft, {}


def problems_of(error: Invalid, gettext: Callable[[str], str]) -> dict[str, str]:
    """Return the sentences of a refusal by the form's fields: ``questions.2.text.zh`` is ``q2_zh``."""
    return {_field(where): unfit.sentence(gettext) for where, unfit in error.problems.items()}


def _field(where: str) -> str:
    parts = where.split(".")
    if parts[0] != "questions" or len(parts) == 1:
        return "_".join(parts)
    if parts[2] == "only_if":
        return f"q{parts[1]}_" + {"question": "on", "test": "on_test", "answer": "on_answer"}[parts[3]]
    return f"q{parts[1]}_{parts[-1] if parts[2] == 'text' else parts[2]}"


def _hinge(on: OnlyIf | None) -> dict[str, Any]:
    if on is None:
        return {}
    return {
        "on": on.question,
        "on_test": on.test,
        "on_answer": str(on.number) if on.choice is None else on.choice,
    }


def _only_if(form: QuestionForm, step: int | None) -> OnlyIf | None:
    if not form.on:
        return None
    choice = form.on_answer if step is None else None
    return OnlyIf(question=form.on, test=cast("Any", form.on_test), choice=choice, number=step)


def _question(form: QuestionForm, bounds: Mapping[str, int | None], step: int | None) -> Question:
    return Question(
        id=form.id,
        kind=cast("Any", form.kind),
        text=Text(zh=form.zh.strip(), en=form.en.strip()),
        required=form.required,
        choices=_choices(form.choices) if form.kind in {"single", "multiple"} else (),
        low=bounds.get("low"),
        high=bounds.get("high"),
        only_if=_only_if(form, step),
    )


def _choices(text: str) -> tuple[Choice, ...]:
    """Return the choices that stand one a line; a line without a bar is the same in both languages."""
    found = []
    for number, line in enumerate((line for line in text.splitlines() if line.strip()), start=1):
        zh, bar, en = (part.strip() for part in line.translate(_BARS).partition("|"))
        found.append(Choice(id=f"c{number}", text=Text(zh=zh, en=en if bar else zh)))
    return tuple(found)


def _instant(text: str, zone: ZoneInfo) -> datetime:
    if not text:
        raise Unfit(EMPTY)
    try:
        return datetime.fromisoformat(text).replace(tzinfo=zone)
    except ValueError:
        raise Unfit(NOT_A_TIME, value=text[:40]) from None


def _local(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).strftime("%Y-%m-%dT%H:%M")
