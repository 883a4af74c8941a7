"""Pure decisions about surveys: is this a survey that can be asked, and does an answer fit its question.

What is wrong with an answer is told in signs that need no translation: ``7 > 5``, ``x ∉ {a, b}``.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from statistics import mean, median
from typing import Annotated

from pydantic import AwareDatetime, Field

from contract.asking import asked_of, says_something
from contract.envelope import MAX_BYTES
from contract.errors import Rejected
from contract.feed import OnlyIf, Question, Text
from contract.messages import Answer, Message
from server.kit.fields import EMPTY, OUT_OF_RANGE, TOO_LONG, TOO_MANY, TWICE, Invalid, Reason, Unfit
from server.kit.marking import N_
from server.retailers.rules import Audience

QUESTIONS_MOST = 50
CHOICES_MOST = 20
SCALE_MOST = 10
NUMBER_MOST = 10**15
TITLE_MOST = 200
TEXT_MOST = 2000
#: What a survey may come to on the wire; the rest of an envelope is the feed's own.
WIRE_MOST = MAX_BYTES - 1024

TOO_FEW_CHOICES = Reason("too_few_choices", N_("A question with choices needs at least two of them."))
UPSIDE_DOWN = Reason("upside_down", N_("The lowest value must be below the highest."))
WIDE_SCALE = Reason("wide_scale", N_("A scale has at most {most} steps."))
CLOSES_EARLY = Reason("closes_early", N_("It must close after it opens."))
OVER = Reason("over", N_("The close is already over."))
TOO_HEAVY = Reason("too_heavy", N_("The survey has {size} bytes; terminals take {most}. Make it shorter."))
NOT_ASKED = Reason("not_asked", N_("No retailer is in this audience."))
BAD_ID = Reason("bad_id", N_("“{value}” is no name for it: 1 to 32 of a–z, 0–9, - and _."))
NOT_EARLIER = Reason("not_earlier", N_("A question can hang only on one that stands before it."))
HANGS_ON_NOTHING = Reason("hangs_on_nothing", N_("A question can hang only on choices or a scale."))
NOT_ITS_TEST = Reason("not_its_test", N_("“At least” needs a scale."))
NOT_ITS_ANSWER = Reason("not_its_answer", N_("This is no answer to the question on which it hangs."))
REASONS = (
    *(TOO_FEW_CHOICES, UPSIDE_DOWN, WIDE_SCALE, CLOSES_EARLY, OVER, TOO_HEAVY, NOT_ASKED, BAD_ID),
    *(NOT_EARLIER, HANGS_ON_NOTHING, NOT_ITS_TEST, NOT_ITS_ANSWER),
)

_ID = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")


class Draft(Message):
    """A survey as it is written, before anybody is asked."""

    title: Text
    intro: Text
    questions: Annotated[tuple[Question, ...], Field(max_length=200)]
    audience: Audience = Audience()
    opens_at: AwareDatetime
    closes_at: AwareDatetime


def check_draft(draft: Draft) -> None:
    """Refuse a survey that could not be asked.

    Raises
    ------
    Invalid
        Naming every field that does not fit: ``title.zh``, ``questions.2.choices`` (counted from 1) ...
    """
    wrong: dict[str, Unfit] = {}
    _check_text(wrong, "title", draft.title, TITLE_MOST)
    if draft.intro.zh or draft.intro.en:
        _check_text(wrong, "intro", draft.intro, TEXT_MOST)
    if not draft.questions:
        wrong["questions"] = Unfit(EMPTY)
    if len(draft.questions) > QUESTIONS_MOST:
        wrong["questions"] = Unfit(TOO_MANY, count=len(draft.questions), most=QUESTIONS_MOST)
    _check_ids(wrong, "questions", [question.id for question in draft.questions])
    for number, question in enumerate(draft.questions, start=1):
        _check_question(wrong, f"questions.{number}", question)
        if question.only_if is not None:
            _check_only_if(wrong, f"questions.{number}.only_if", question.only_if, draft.questions[: number - 1])
    if draft.closes_at <= draft.opens_at:
        wrong["closes_at"] = Unfit(CLOSES_EARLY)
    size = len(draft.model_dump_json().encode())
    if size > WIRE_MOST:
        wrong["questions"] = Unfit(TOO_HEAVY, size=size, most=WIRE_MOST)
    if wrong:
        raise Invalid(wrong)


def _check_question(wrong: dict[str, Unfit], where: str, question: Question) -> None:
    _check_text(wrong, f"{where}.text", question.text, TITLE_MOST)
    match question.kind:
        case "single" | "multiple":
            if len(question.choices) < 2:  # noqa: PLR2004 - one choice is none
                wrong[f"{where}.choices"] = Unfit(TOO_FEW_CHOICES)
            elif len(question.choices) > CHOICES_MOST:
                wrong[f"{where}.choices"] = Unfit(TOO_MANY, count=len(question.choices), most=CHOICES_MOST)
            _check_ids(wrong, f"{where}.choices", [choice.id for choice in question.choices])
            for number, choice in enumerate(question.choices, start=1):
                _check_text(wrong, f"{where}.choices.{number}", choice.text, TITLE_MOST)
        case "scale":
            if question.low is None or question.high is None or question.low >= question.high:
                wrong[f"{where}.low"] = Unfit(UPSIDE_DOWN)
            elif question.high - question.low > SCALE_MOST:
                wrong[f"{where}.high"] = Unfit(WIDE_SCALE, most=SCALE_MOST + 1)
        case "number":
            _check_range(wrong, where, question)
        case "text":
            pass


def _check_only_if(wrong: dict[str, Unfit], where: str, on: OnlyIf, earlier: Sequence[Question]) -> None:
    """Let a question hang on an earlier one alone: thereby none hangs on itself, in a circle or on what comes later."""
    named = next((question for question in earlier if question.id == on.question), None)
    if named is None:
        wrong[f"{where}.question"] = Unfit(NOT_EARLIER)
    elif named.kind in {"single", "multiple"}:
        if on.test == "at_least":
            wrong[f"{where}.test"] = Unfit(NOT_ITS_TEST)
        if on.number is not None or on.choice not in {choice.id for choice in named.choices}:
            wrong[f"{where}.answer"] = Unfit(NOT_ITS_ANSWER)
    elif named.kind == "scale":
        inside = named.low is not None and named.high is not None and named.low <= (on.number or 0) <= named.high
        if on.number is None or on.choice is not None or not inside:
            wrong[f"{where}.answer"] = Unfit(NOT_ITS_ANSWER)
    else:
        wrong[f"{where}.question"] = Unfit(HANGS_ON_NOTHING)


def _check_range(wrong: dict[str, Unfit], where: str, question: Question) -> None:
    for name, value in (("low", question.low), ("high", question.high)):
        if value is not None and abs(value) > NUMBER_MOST:
            wrong[f"{where}.{name}"] = Unfit(OUT_OF_RANGE, value=value, least=-NUMBER_MOST, most=NUMBER_MOST)
    if question.low is not None and question.high is not None and question.low >= question.high:
        wrong[f"{where}.low"] = Unfit(UPSIDE_DOWN)


def _check_text(wrong: dict[str, Unfit], where: str, text: Text, most: int) -> None:
    for language, words in (("zh", text.zh), ("en", text.en)):
        if not words.strip():
            wrong[f"{where}.{language}"] = Unfit(EMPTY)
        elif len(words) > most:
            wrong[f"{where}.{language}"] = Unfit(TOO_LONG, length=len(words), most=most)


def _check_ids(wrong: dict[str, Unfit], where: str, ids: Sequence[str]) -> None:
    for name, count in Counter(ids).items():
        if count > 1:
            wrong[where] = Unfit(TWICE, value=name)
        elif not 1 <= len(name) <= 32 or not _ID.issuperset(name):  # noqa: PLR2004 - as the wire has it
            wrong[where] = Unfit(BAD_ID, value=name[:40])


def check_open(state: str, closes_at: datetime, closed_at: datetime | None, at: datetime) -> None:
    """Refuse an answer that reaches the server at ``at``, when the survey is over; the close itself is over."""
    if state == "closed" or at >= closes_at:
        raise Rejected("survey_closed", closed_at=(closed_at or closes_at).isoformat())


def fitting(questions: Sequence[Question], answers: Iterable[Answer]) -> list[Answer]:
    """Return the answers that say something, in the questions' order.

    Raises
    ------
    Rejected
        ``answer_missing``, ``answer_invalid`` or ``answer_not_asked``, naming the question and what is wrong.
    """
    given: dict[str, Answer] = {}
    known = {question.id for question in questions}
    for answer in answers:
        if answer.question not in known:
            raise Rejected("answer_invalid", question=answer.question, what=f"∉ {_set(known)}")
        if answer.question in given:
            raise Rejected("answer_invalid", question=answer.question, what="× 2")
        given[answer.question] = answer
    fit = []
    asked = {question.id for question in asked_of(questions, given)}
    for question in questions:
        one = given.get(question.id)
        if one is not None and says_something(one):
            if question.id not in asked:
                raise Rejected("answer_not_asked", question=question.id)
            wrong = _misfit(question, one)
            if wrong is not None:
                raise Rejected("answer_invalid", question=question.id, what=wrong)
            fit.append(one)
        elif question.required and question.id in asked:
            raise Rejected("answer_missing", question=question.id)
    return fit


def _misfit(question: Question, answer: Answer) -> str | None:
    """Return what is wrong with an answer that says something, or none."""
    used = {
        name
        for name, there in (
            ("choices", bool(answer.choices)),
            ("number", answer.number is not None),
            ("text", bool((answer.text or "").strip())),
        )
        if there
    }
    needed = {"single": "choices", "multiple": "choices", "scale": "number", "number": "number"}.get(
        question.kind, "text"
    )
    if used != {needed}:
        return f"{_set(used)} ≠ {_set({needed})}"
    if needed == "choices":
        return _misfit_choices(question, answer.choices)
    if answer.number is not None:
        low = -NUMBER_MOST if question.low is None else question.low
        high = NUMBER_MOST if question.high is None else question.high
        if answer.number < low:
            return f"{answer.number} < {low}"
        if answer.number > high:
            return f"{answer.number} > {high}"
    return None


def _misfit_choices(question: Question, chosen: Sequence[str]) -> str | None:
    known = {choice.id for choice in question.choices}
    for choice, count in Counter(chosen).items():
        if choice not in known:
            return f"{choice} ∉ {_set(known)}"
        if count > 1:
            return f"{choice} × {count}"
    if question.kind == "single" and len(chosen) > 1:
        return f"{len(chosen)} > 1"
    return None


def _set(names: Iterable[str]) -> str:
    return "{" + ", ".join(sorted(names)) + "}"


def asked_count(
    on: OnlyIf | None, sets: int, choices: Mapping[str, int], numbers: Mapping[int, int], given: int
) -> int:
    """Return of how many shops a question was asked.

    Parameters
    ----------
    on
        On what it hangs.
    sets
        How many shops answered the survey.
    choices, numbers, given
        What was answered to the question that ``on`` names, by choice or number, and by how many shops. What is
        stored was asked, so that these alone decide.
    """
    if on is None:
        return sets
    if on.test == "at_least":
        least = on.number or 0
        return sum(count for value, count in numbers.items() if value >= least)
    same = choices.get(on.choice, 0) if on.choice is not None else numbers.get(on.number or 0, 0)
    return same if on.test == "is" else given - same


def middle(counts: Mapping[int, int]) -> tuple[float, float] | None:
    """Return mean and median of numbers that were each given so many times; none where there are none."""
    every = [value for value, count in counts.items() for _ in range(count)]
    return (mean(every), median(every)) if every else None


BINS_MOST = 10


def bins(counts: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """Return numbers with their counts, gathered into at most :data:`BINS_MOST` equal spans where they are more."""
    if len(counts) <= BINS_MOST:
        return list(counts)
    values = [(int(value), count) for value, count in counts]
    low, high = min(value for value, _ in values), max(value for value, _ in values)
    width = -(-(high - low + 1) // BINS_MOST)
    sums = Counter[int]()
    for value, count in values:
        sums[(value - low) // width] += count
    spans = ((low + place * width, low + (place + 1) * width - 1) for place in range((high - low) // width + 1))
    return [(f"{first}–{last}" if width > 1 else str(first), sums[place]) for place, (first, last) in enumerate(spans)]
