"""What was typed of a survey becomes a draft, or a sentence beside each field that does not fit."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, cast
from zoneinfo import ZoneInfo

from babel.numbers import get_currency_precision
from pydantic import ValidationError

from contract.feed import OnlyIf, Question, Row, Text
from contract.fitting import NUMBER_MOST
from server.kit.fields import EMPTY, OUT_OF_RANGE, Invalid, Reason, Unfit, Whole
from server.kit.marking import N_
from server.surveys import rules
from server.surveys.forms import BARS, NUMERIC, WHOLE, QuestionForm, SurveyForm, choices_of

NOT_A_TIME = Reason("not_a_time", N_("“{value}” is no day and time."))
NOT_AN_AMOUNT = Reason("not_an_amount", N_("“{value}” is no amount, or finer than the currency: 12.50."))
COUNTED = ("multiple", "text", "photo")
"""Of what a question can want so many at least and at most: choices, characters, photos."""
_COUNT = Whole(least=0, most=rules.SAMPLE_MOST)


def draft_of(
    form: SurveyForm, zone: ZoneInfo, currency: str, gettext: Callable[[str], str]
) -> tuple[rules.Draft | None, dict[str, str]]:
    """Return the draft, or a sentence for each field of the form that does not fit."""
    unfit: dict[str, Unfit] = {}

    def read(name: str, reader: Callable[[str], Any], text: str) -> Any:
        try:
            return reader(text.strip())
        except Unfit as error:
            unfit[name] = error
            return None

    def count(name: str, text: str) -> Any:
        return read(name, _COUNT.read, text) if text.strip() else None

    opens_at = read("opens_at", lambda text: _instant(text, zone), form.opens_at)
    closes_at = read("closes_at", lambda text: _instant(text, zone), form.closes_at)
    sampled = form.sample_how != "all"
    plan = {
        "every_days": count("every_days", form.every_days) if form.sort == "market" else None,
        "quota": count("quota", form.quota),
        "grace_h": count("grace_h", form.grace_h) or 0,
        "remind_h": count("remind_h", form.remind_h),
        "series": form.series.strip() or None,
        "sort": form.sort,
        "anonymous": form.anonymous,
    }
    sample = {
        "how": form.sample_how,
        "by": form.sample_by,
        "spread": form.sample_spread,
        "size": count("sample_size", form.sample_size) if sampled else None,
        "seed": form.sample_seed.strip() if sampled else "",
    }
    questions, plausible = [], []
    for number, one in enumerate(form.questions, start=1):
        reader = (lambda text: _minor(text, currency)) if one.kind == "money" else WHOLE.read
        typed_in = {name: text for name, text in _bounds(one) if text.strip()}
        values = {name: read(f"q{number}_{name}", reader, text) for name, text in typed_in.items()}
        counts = {name: count(f"q{number}_{name}", text) for name, text in (("least", one.least), ("most", one.most))}
        scale = any(other.id == one.on and other.kind == "scale" for other in form.questions)
        step = read(f"q{number}_on_answer", WHOLE.read, one.on_answer) if scale else None
        questions.append(_question(one, values, counts, step))
        change = count(f"q{number}_plausible_change", one.plausible_change)
        bounds = values.get("plausible_low"), values.get("plausible_high")
        if one.kind in NUMERIC and form.sort == "market" and (change or bounds != (None, None)):
            plausible.append({"question": one.id, "low": bounds[0], "high": bounds[1], "change_percent": change or 50})
    if unfit:
        return None, {name: error.sentence(gettext) for name, error in unfit.items()}
    try:
        draft = rules.Draft(
            title=Text(zh=form.title_zh.strip(), en=form.title_en.strip()),
            intro=Text(zh=form.intro_zh.strip(), en=form.intro_en.strip()),
            questions=tuple(questions),
            audience=form.audience,
            opens_at=opens_at,
            closes_at=closes_at,
            sample=rules.Sample.model_validate(sample),
            plausible=tuple(rules.Plausible.model_validate(one) for one in plausible),
            **cast("Any", plan),
        )
        rules.check_draft(draft)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][-1])
        limits = {key: first.get("ctx", {}).get(key) for key in ("ge", "le")}
        out = Unfit(OUT_OF_RANGE, value=first["input"], least=limits["ge"] or 0, most=limits["le"] or rules.SAMPLE_MOST)
        return None, {name: out.sentence(gettext)}
    except Invalid as error:
        return None, problems_of(error, gettext)
    return draft, {}


def _bounds(one: QuestionForm) -> Iterator[tuple[str, str]]:
    """Yield the fields of a question that hold values, by name: its bounds, and those of what is plausible."""
    if one.kind in {"scale", *NUMERIC}:
        yield from (("low", one.low), ("high", one.high))
    if one.kind in NUMERIC:
        yield from (("plausible_low", one.plausible_low), ("plausible_high", one.plausible_high))


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


def _only_if(form: QuestionForm, step: int | None) -> OnlyIf | None:
    if not form.on:
        return None
    choice = form.on_answer if step is None else None
    return OnlyIf(question=form.on, test=cast("Any", form.on_test), choice=choice, number=step)


def _question(
    form: QuestionForm, values: Mapping[str, int | None], counts: Mapping[str, int | None], step: int | None
) -> Question:
    counted = form.kind in COUNTED
    return Question(
        id=form.id,
        kind=cast("Any", form.kind),
        text=Text(zh=form.zh.strip(), en=form.en.strip()),
        required=form.required,
        choices=choices_of(form.choices) if form.kind in {"single", "multiple", "matrix"} else (),
        rows=_rows(form.rows) if form.kind in {"matrix", *NUMERIC} else (),
        low=values.get("low"),
        high=values.get("high"),
        least=counts["least"] if counted else None,
        most=counts["most"] if counted else None,
        only_if=_only_if(form, step),
    )


def _rows(text: str) -> tuple[Row, ...]:
    """Return the rows that stand one a line: Chinese, English, and the SKU where it is a product."""
    found = []
    for number, line in enumerate((line for line in text.splitlines() if line.strip()), start=1):
        parts = [part.strip() for part in line.translate(BARS).split("|")]
        zh, en, sku = [*parts, "", ""][:3]
        found.append(Row(id=f"r{number}", text=Text(zh=zh, en=en or zh), sku=sku or None))
    return tuple(found)


def _minor(text: str, currency: str) -> int:
    """Return an amount that was typed in whole units, in minor ones."""
    try:
        amount = Decimal(text).scaleb(get_currency_precision(currency))
    except InvalidOperation:
        raise Unfit(NOT_AN_AMOUNT, value=text[:40]) from None
    if not amount.is_finite() or amount != int(amount) or abs(amount) > NUMBER_MOST:
        raise Unfit(NOT_AN_AMOUNT, value=text[:40])
    return int(amount)


def _instant(text: str, zone: ZoneInfo) -> datetime:
    if not text:
        raise Unfit(EMPTY)
    try:
        return datetime.fromisoformat(text).replace(tzinfo=zone)
    except ValueError:
        raise Unfit(NOT_A_TIME, value=text[:40]) from None
