"""What was answered to a survey: counted, and estimated for all shops of its audience.

Guarantees: two statements over the answers, however many questions; of an anonymous survey nothing that fewer than
five gave. Whoever sees the answers of some shops alone gets counts of these, and no estimate.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, String, func, literal, select, text
from sqlalchemy.orm import Session

from contract.feed import OnlyIf, Question, Row
from contract.messages import Answer
from server.surveys import estimating, rules
from server.surveys.estimating import SMALL_CELL, Estimate, Sums, Weight
from server.surveys.models import AnswerRow, AnswerSetRow, BallotRow, ReviewRow, StratumRow
from server.surveys.queries import Survey, ballots

TEXTS_SHOWN = 20


@dataclass(frozen=True)
class Part:
    """A stratum: its shops, how many of them were asked and answered, and with which it is counted together."""

    place: int
    name: str
    shops: int
    asked: int
    answered: int
    full_at: datetime | None
    pooled_into: int | None

    @property
    def probability(self) -> float:
        """With which probability a shop of it was asked."""
        return self.asked / self.shops

    @property
    def weight(self) -> float | None:
        """For how many shops each that answered stands."""
        return self.shops / self.answered if self.answered else None


@dataclass(frozen=True)
class Words:
    """One free text, or photos, and who sent it when, with which message; of an anonymous survey none of that."""

    retailer: str
    text: str
    at: datetime | None
    message: UUID | None = None
    photos: int = 0


@dataclass(frozen=True)
class Result:
    """What was answered to one question, or one row of it; ``asked`` counts those that answered and were asked this.

    ``counts`` are by choice's id in the question's order, or by number in its order; none is one that is not told, and
    ``hidden`` says that nothing is, not even how many were asked and answered. ``shares`` are the choices' estimates,
    ``estimate`` the mean's.
    """

    question: Question
    row: Row | None
    asked: int
    answered: int
    counts: tuple[tuple[str, int | None], ...]
    shares: tuple[Estimate | None, ...] = ()
    estimate: Estimate | None = None
    mean: float | None = None
    median: float | None = None
    texts: tuple[Words, ...] = ()
    hidden: bool = False


@dataclass
class _Heard:
    """What was answered to one question or row: by stratum, and there by value or choice."""

    answered: Counter[int] = field(default_factory=Counter)
    numbers: dict[int, Counter[int]] = field(default_factory=dict)
    choices: dict[str, Counter[int]] = field(default_factory=dict)


def parts(session: Session, shown: Survey) -> list[Part]:
    """Return the strata of a published survey, in their order."""
    if shown.anonymous:
        counted = select(BallotRow.stratum, func.count(BallotRow.ballot.distinct()))
        counted = counted.where(BallotRow.survey_id == shown.id).group_by(BallotRow.stratum)
    else:
        counted = select(AnswerSetRow.stratum, func.count()).where(AnswerSetRow.survey_id == shown.id)
        counted = counted.group_by(AnswerSetRow.stratum)
    answered = dict(session.execute(counted).all())
    rows = session.scalars(select(StratumRow).where(StratumRow.survey_id == shown.id).order_by(StratumRow.place))
    return [
        Part(row.place, row.name, row.shops, row.asked, answered.get(row.place, 0), row.full_at, row.pooled_into)
        for row in rows
    ]


def weights(strata: Sequence[Part], *, whole: bool = True) -> dict[int, Weight]:
    """Return for how many shops the answers of each stratum stand; those put together count as one.

    Without the ``whole``, each answer stands for itself.
    """
    shops, answered = Counter[int](), Counter[int]()
    for one in strata:
        into = one.place if one.pooled_into is None else one.pooled_into
        shops[into] += one.shops if whole else one.answered
        answered[into] += one.answered
    return {place: Weight(count, answered[place]) for place, count in shops.items()}


def results(session: Session, shown: Survey, strata: Sequence[Part], *, bounded: bool = False) -> list[Result]:
    """Return the results of every question and row, in the survey's order."""
    known = weights(strata, whole=not bounded)
    with _without_sorts(session):
        heard = _heard(session, shown)
        words = _texts(session, shown)
    sets = sum(one.answered for one in strata)
    found: list[Result] = []
    for question in shown.questions:
        on = question.only_if
        named = heard.get((on.question, ""), _Heard()) if on else _Heard()
        asked = rules.asked_count(
            on,
            sets,
            {choice: counts.total() for choice, counts in named.choices.items()},
            {value: counts.total() for value, counts in named.numbers.items()},
            named.answered.total(),
        )
        for row in question.rows or (None,):
            of = heard.get((question.id, "" if row is None else row.id), _Heard())
            result = _result(question, row, asked, of, known, tuple(words.get(question.id, ())))
            if shown.anonymous:
                result = _kept_small(result) if _told(on, found) else _hidden(result)
            found.append(result)
    return found


def apart(session: Session, shown: Survey, told: Sequence[Result]) -> list[list[str | int | None]]:
    """Return what was answered to each question or row of an anonymous survey, each by itself and in its own order.

    What stands beside each other is of different shops. None is an answer whose count is not told; of a question that
    is hidden, and of a scale whose counts are not told, nothing is returned.
    """
    every = list(ballots(session, shown.id))
    return [_apart(result, [one.answers.get(result.question.id) for one in every]) for result in told]


def _apart(result: Result, answers: Sequence[Answer | None]) -> list[str | int | None]:
    question, counts = result.question, dict(result.counts)
    if result.hidden or (question.kind == "scale" and not counts):
        return []
    given = [answer for answer in answers if answer is not None]
    if result.row is not None:
        cells = [cell for answer in given for cell in answer.cells or () if cell.row == result.row.id]
        choices, numbers = [cell.choice for cell in cells if cell.choice], [cell.number for cell in cells]
    else:
        choices, numbers = [choice for answer in given for choice in answer.choices], [one.number for one in given]
    if question.choices:
        order = {choice.id: place for place, choice in enumerate(question.choices)}
        shown = sorted((one for one in choices if counts[one] is not None), key=order.__getitem__)
        return [*shown, *[None] * (len(choices) - len(shown))]
    if question.kind == "text":
        return [*sorted(answer.text for answer in given if answer.text)]
    return [*sorted(number for number in numbers if number is not None)]


def not_rejected() -> ColumnElement[bool]:
    """Return the condition that no person has rejected an answer's figure, by the newest word on it."""
    newest = select(func.max(ReviewRow.id)).group_by(
        ReviewRow.survey_id, ReviewRow.retailer, ReviewRow.question, ReviewRow.item
    )
    rejected = select(ReviewRow.id).where(
        ReviewRow.verdict == "rejected",
        ReviewRow.id.in_(newest),
        ReviewRow.survey_id == AnswerRow.survey_id,
        ReviewRow.retailer == AnswerRow.retailer,
        ReviewRow.question == AnswerRow.question,
        ReviewRow.item == AnswerRow.item,
    )
    return ~rejected.exists()


@contextmanager
def _without_sorts(session: Session) -> Iterator[None]:
    """Let the database count by hash, and walk an index, instead of sorting all answers.

    It takes row-level security for so dear, a lookup for each row, that any sort of the rows looks free beside it.
    """
    session.execute(text("SET LOCAL enable_sort = off"))
    yield
    session.execute(text("SET LOCAL enable_sort = on"))


def _heard(session: Session, shown: Survey) -> dict[tuple[str, str], _Heard]:
    table = BallotRow if shown.anonymous else AnswerRow
    counted = [table.survey_id == shown.id, *([not_rejected()] if shown.sort == "market" else ())]
    found: dict[tuple[str, str], _Heard] = {}
    place = (table.question, table.item, table.stratum)
    for question, item, stratum, number, count in session.execute(
        select(*place, table.number, func.count()).where(*counted).group_by(*place, table.number)
    ):
        heard = found.setdefault((question, item), _Heard())
        heard.answered[stratum] += count
        if number is not None:
            heard.numbers.setdefault(number, Counter())[stratum] += count
    for heard in found.values():  # here: the database would sort all answers for it, not what they come to
        heard.numbers = dict(sorted(heard.numbers.items()))
    for question, item, stratum, chosen, count in session.execute(
        select(*place, table.choices, func.count())
        .where(table.survey_id == shown.id, func.cardinality(table.choices) > 0)
        .group_by(*place, table.choices)
    ):
        for choice in chosen:
            found.setdefault((question, item), _Heard()).choices.setdefault(choice, Counter())[stratum] += count
    return found


def _texts(session: Session, shown: Survey) -> dict[str, list[Words]]:
    """Return the newest texts and photos of each question; of an anonymous survey some texts, in no order."""
    worded = [question.id for question in shown.questions if question.kind in {"text", "photo"}]
    if not worded:
        return {}
    if shown.anonymous:
        rank = func.row_number().over(partition_by=BallotRow.question, order_by=BallotRow.ballot)
        query = select(BallotRow.question, BallotRow.text, rank.label("rank")).where(
            BallotRow.survey_id == shown.id, BallotRow.text.is_not(None)
        )
        every = query.subquery()
        found: dict[str, list[Words]] = {}
        for row in session.execute(select(every).where(every.c.rank <= TEXTS_SHOWN).order_by(every.c.rank)):
            found.setdefault(row.question, []).append(Words("", row.text, None))
        return found
    asked = func.unnest(literal(worded, ARRAY(String))).table_valued("question").render_derived(name="asked")
    newest = (
        select(
            *(AnswerRow.retailer, AnswerRow.text, AnswerRow.number),
            *(AnswerSetRow.answered_at, AnswerSetRow.message_id),
        )
        .join(
            AnswerSetRow,
            (AnswerSetRow.survey_id == AnswerRow.survey_id) & (AnswerSetRow.retailer == AnswerRow.retailer),
        )
        .where(AnswerRow.survey_id == shown.id, AnswerRow.question == asked.c.question)
        .order_by(AnswerSetRow.answered_at.desc(), AnswerSetRow.retailer.desc())
        .limit(TEXTS_SHOWN)
        .lateral("newest")
    )
    found = {}
    for row in session.execute(select(asked.c.question, newest)):
        one = Words(row.retailer, row.text or "", row.answered_at, row.message_id, row.number or 0)
        found.setdefault(row.question, []).append(one)
    return found


def _result(
    question: Question,
    row: Row | None,
    asked: int,
    heard: _Heard,
    known: Mapping[int, Weight],
    words: tuple[Words, ...],
) -> Result:
    answered = heard.answered.total()
    if question.choices:
        chosen = [(choice.id, heard.choices.get(choice.id, Counter())) for choice in question.choices]
        return Result(
            question,
            row,
            asked,
            answered,
            tuple((name, counts.total()) for name, counts in chosen),
            tuple(estimating.share(known, counts, heard.answered) for _, counts in chosen),
        )
    numbers = {value: counts.total() for value, counts in heard.numbers.items()}
    if question.kind == "scale" and question.low is not None and question.high is not None:
        numbers = {value: numbers.get(value, 0) for value in range(question.low, question.high + 1)}
    counts = tuple((str(value), count) for value, count in numbers.items())
    if question.kind in {"text", "photo"}:
        return Result(question, row, asked, answered, counts, texts=words)
    flat = [(place, value, count) for value, by in heard.numbers.items() for place, count in by.items()]
    estimate = estimating.within(estimating.mean(known, _sums(heard)), question.low, question.high)
    return Result(
        question,
        row,
        asked,
        answered,
        counts,
        estimate=estimate,
        mean=None if estimate is None else estimate.value,
        median=estimating.quantile(known, flat, 0.5),
    )


def _sums(heard: _Heard) -> dict[int, Sums]:
    found: dict[int, Sums] = {}
    for value, counts in heard.numbers.items():
        for place, count in counts.items():
            had = found.get(place, Sums(0))
            found[place] = Sums(
                had.count + count, had.total + value * count, had.squares + float(value) * value * count
            )
    return found


def _hidden(result: Result) -> Result:
    return Result(result.question, result.row, 0, 0, (), hidden=True)


def _told(on: OnlyIf | None, before: Sequence[Result]) -> bool:
    """Return whether the counts on which a question hangs are told, so that how many were asked tells nothing more."""
    if on is None:
        return True
    counts = next(dict(one.counts) for one in before if one.question.id == on.question and one.row is None)
    if on.test == "at_least":
        return bool(counts) and None not in counts.values()
    return counts.get(on.choice or str(on.number)) is not None


def _kept_small(result: Result) -> Result:
    """Return the result without what fewer than five gave, or what would tell it with all else that is shown.

    Choices whose counts are not told are two at least that five gave together, and all that nobody chose: their sum can
    be found out. Of a scale the mean would tell more, and all counts are left out.
    """
    if 0 < result.answered < SMALL_CELL:
        return _hidden(result)
    if result.question.kind in {"number", "money"}:
        return replace(result, counts=())
    given = sorted((count, name) for name, count in result.counts if count)
    small = [(count, name) for count, name in given if count < SMALL_CELL]
    if not small:
        return result
    if result.question.kind == "scale":
        return replace(result, counts=())
    for one in given[len(small) :]:
        if len(small) > 1 and sum(count for count, _ in small) >= SMALL_CELL:
            break
        small.append(one)
    hidden = {name for _, name in small} | {name for name, count in result.counts if not count}
    counts = tuple((name, None if name in hidden else count) for name, count in result.counts)
    shares = tuple(
        None if name in hidden else share for (name, _), share in zip(result.counts, result.shares, strict=False)
    )
    return replace(result, counts=counts, shares=shares)


@dataclass(frozen=True)
class Group:
    """Texts in which a word stands: how many, which share that is, and some of them. The rest has no word."""

    word: str
    count: int
    texts: tuple[Words, ...]


def grouped(session: Session, shown: Survey, question: str, words: Sequence[str]) -> tuple[int, list[Group]]:
    """Return how many texts there are, and those that hold each word, in any case and anywhere, as every search looks.

    The last group is what holds none of them. A text that holds two words is in both groups. Of a question of which
    nothing is shown there is no group.
    """
    if shown.anonymous:
        told = results(session, shown, parts(session, shown))
        if any(one.hidden for one in told if one.question.id == question):
            return 0, []
    table = BallotRow if shown.anonymous else AnswerRow
    here = [table.survey_id == shown.id, table.question == question, table.text.is_not(None), table.text != ""]
    total = session.scalar(select(func.count()).select_from(table).where(*here)) or 0
    fits = [table.text.icontains(word, autoescape=True) for word in words]
    groups = [(word, [fit]) for word, fit in zip(words, fits, strict=True)] + [("", [~fit for fit in fits])]
    found = []
    for word, conditions in groups:
        count = session.scalar(select(func.count()).select_from(table).where(*here, *conditions)) or 0
        who = BallotRow.ballot if shown.anonymous else AnswerRow.retailer
        rows = session.execute(select(who, table.text).where(*here, *conditions).order_by(who).limit(TEXTS_SHOWN))
        texts = tuple(Words("" if shown.anonymous else str(one), text or "", None) for one, text in rows)
        found.append(Group(word, count, texts))
    return total, found
