"""Pure decisions about surveys: is this a survey that can be asked, and until when are answers taken."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from contract.envelope import MAX_BYTES
from contract.errors import Rejected
from contract.feed import OnlyIf, Question, Text
from contract.fitting import LENGTH_MOST, NUMBER_MOST
from contract.messages import Message
from contract.photos import MOST_PHOTOS
from server.audiences.rules import EVERYONE as ALL_SHOPS
from server.audiences.rules import Addressed
from server.kit.fields import EMPTY, OUT_OF_RANGE, TOO_LONG, TOO_MANY, TWICE, Invalid, Reason, Unfit
from server.kit.marking import N_

QUESTIONS_MOST = 50
CHOICES_LEAST = 2
CHOICES_MOST = 20
ROWS_MOST = 12
COLUMNS_MOST = 5
SCALE_MOST = 10
GRACE_MOST_H = 14 * 24
REMIND_MOST_H = 60 * 24
EVERY_MOST_DAYS = 366
SAMPLE_MOST = 1_000_000
SEED_MOST = 64
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
BAD_ID = Reason("bad_id", N_("“{value}” is no name for it: 1 to 32 of a–z, 0–9, - and _."))
NOT_EARLIER = Reason("not_earlier", N_("A question can hang only on one that stands before it."))
HANGS_ON_NOTHING = Reason("hangs_on_nothing", N_("A question can hang only on choices or a scale."))
NOT_ITS_TEST = Reason("not_its_test", N_("“At least” needs a scale."))
NOT_ITS_ANSWER = Reason("not_its_answer", N_("This is no answer to the question on which it hangs."))
NO_ROWS = Reason("no_rows", N_("A table needs at least one row."))
ROWS_NOT_ITS = Reason("rows_not_its", N_("Only tables, numbers and amounts have rows."))
PHOTO_REQUIRED = Reason("photo_required", N_("Not every terminal has a camera: a photo can be left out."))
PHOTO_TWICE = Reason("photo_twice", N_("A survey has one question for photos at most."))
PHOTO_SHOWS = Reason("photo_shows", N_("A photo shows which shop sent it: an anonymous survey asks for none."))
ANONYMOUS_MARKET = Reason(
    "anonymous_market", N_("Market data is looked at shop by shop: such a survey cannot be anonymous.")
)
NOT_ITS_PLAUSIBLE = Reason("not_its_plausible", N_("What is plausible can be said of numbers and amounts alone."))
SERIES_NEEDED = Reason("series_needed", N_("What comes again needs the name of its series."))
EVERY_SHORT = Reason("every_short", N_("It comes again before it is over: a round takes {days} days."))
SAMPLE_NEEDED = Reason("sample_needed", N_("Say how many shops are asked."))
UNKNOWN_SKUS = Reason("unknown_skus", N_("The catalogue holds no SKU {skus}. Correct the list."))
REASONS = (
    UNKNOWN_SKUS,
    *(TOO_FEW_CHOICES, UPSIDE_DOWN, WIDE_SCALE, CLOSES_EARLY, OVER, TOO_HEAVY, BAD_ID),
    *(NOT_EARLIER, HANGS_ON_NOTHING, NOT_ITS_TEST, NOT_ITS_ANSWER, NO_ROWS, ROWS_NOT_ITS, PHOTO_REQUIRED),
    *(PHOTO_TWICE, PHOTO_SHOWS, ANONYMOUS_MARKET, NOT_ITS_PLAUSIBLE, SERIES_NEEDED, EVERY_SHORT, SAMPLE_NEEDED),
)

_ID = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")


class Sample(Message):
    """Which shops of the audience are asked: all, or ``size`` of them drawn by lot from a stated ``seed``.

    A stratified sample draws in each tier or region by itself: as many as its part of the audience comes to, or of
    each the same number. How it is drawn: :mod:`server.surveys.sampling`.
    """

    how: Literal["all", "simple", "stratified"] = "all"
    by: Literal["tier", "region"] = "tier"
    spread: Literal["proportional", "equal"] = "proportional"
    size: int | None = None
    seed: Annotated[str, Field(max_length=SEED_MOST)] = ""


class Plausible(Message):
    """What is plausible of a number or an amount: its bounds, and how far from the shop's own last in percent."""

    question: str
    low: int | None = None
    high: int | None = None
    change_percent: Annotated[int, Field(ge=1, le=10_000)] = 50


EVERYONE = Sample()


class Draft(Message):
    """A survey as it is written, before anybody is asked.

    ``grace_h``: answers that were given before the close and are under way are taken so many hours after it.
    ``remind_h``: shops that have not answered are reminded so many hours before the close. ``quota``: so many answers
    are taken in each stratum. A ``market`` round with ``every_days`` is asked again, as the next of its ``series``.
    """

    title: Text
    intro: Text
    questions: Annotated[tuple[Question, ...], Field(max_length=200)]
    audience: Addressed = ALL_SHOPS
    opens_at: AwareDatetime
    closes_at: AwareDatetime
    sort: Literal["survey", "market"] = "survey"
    series: str | None = None
    every_days: Annotated[int, Field(ge=1, le=EVERY_MOST_DAYS)] | None = None
    anonymous: bool = False
    sample: Sample = EVERYONE
    quota: Annotated[int, Field(ge=1, le=SAMPLE_MOST)] | None = None
    grace_h: Annotated[int, Field(ge=0, le=GRACE_MOST_H)] = 0
    remind_h: Annotated[int, Field(ge=1, le=REMIND_MOST_H)] | None = None
    plausible: Annotated[tuple[Plausible, ...], Field(max_length=QUESTIONS_MOST)] = ()


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
    _check_plan(wrong, draft)
    size = len(draft.model_dump_json(exclude_none=True).encode())
    if size > WIRE_MOST:
        wrong["questions"] = Unfit(TOO_HEAVY, size=size, most=WIRE_MOST)
    if wrong:
        raise Invalid(wrong)


def _check_plan(wrong: dict[str, Unfit], draft: Draft) -> None:
    """Look at what goes with the questions: who is asked, whether it comes again, what it promises."""
    if draft.anonymous and draft.sort == "market":
        wrong["anonymous"] = Unfit(ANONYMOUS_MARKET)
    if draft.sample.how != "all" and not 1 <= (draft.sample.size or 0) <= SAMPLE_MOST:
        wrong["sample_size"] = Unfit(SAMPLE_NEEDED)
    if draft.series is not None:
        _check_ids(wrong, "series", [draft.series])
    if draft.every_days is not None:
        if draft.series is None:
            wrong["series"] = Unfit(SERIES_NEEDED)
        if draft.closes_at - draft.opens_at > timedelta(days=draft.every_days):
            wrong["every_days"] = Unfit(EVERY_SHORT, days=-(-(draft.closes_at - draft.opens_at) // timedelta(days=1)))
    _check_photos(wrong, draft)
    _check_plausible(wrong, draft)


def _check_photos(wrong: dict[str, Unfit], draft: Draft) -> None:
    photos = [number for number, one in enumerate(draft.questions, start=1) if one.kind == "photo"]
    if len(photos) > 1:
        wrong[f"questions.{photos[1]}.kind"] = Unfit(PHOTO_TWICE)
    if draft.anonymous and photos:
        wrong[f"questions.{photos[0]}.kind"] = Unfit(PHOTO_SHOWS)


def _check_plausible(wrong: dict[str, Unfit], draft: Draft) -> None:
    numbers = {one.id: number for number, one in enumerate(draft.questions, start=1)}
    kinds = {one.id: one.kind for one in draft.questions}
    for one in draft.plausible:
        if kinds.get(one.question) not in {"number", "money"}:
            wrong[f"questions.{numbers.get(one.question, 1)}.plausible_low"] = Unfit(NOT_ITS_PLAUSIBLE)
        elif one.low is not None and one.high is not None and one.low >= one.high:
            wrong[f"questions.{numbers[one.question]}.plausible_low"] = Unfit(UPSIDE_DOWN)


def _check_question(wrong: dict[str, Unfit], where: str, question: Question) -> None:
    _check_text(wrong, f"{where}.text", question.text, TITLE_MOST)
    _check_rows(wrong, where, question)
    match question.kind:
        case "single" | "multiple" | "matrix":
            _check_choices(wrong, where, question)
        case "scale":
            if question.low is None or question.high is None or question.low >= question.high:
                wrong[f"{where}.low"] = Unfit(UPSIDE_DOWN)
            elif question.high - question.low > SCALE_MOST:
                wrong[f"{where}.high"] = Unfit(WIDE_SCALE, most=SCALE_MOST + 1)
        case "number" | "money":
            _check_range(wrong, where, question)
        case "text":
            _check_count(wrong, where, question, LENGTH_MOST)
        case "photo":
            _check_count(wrong, where, question, MOST_PHOTOS)
            if question.required:
                wrong[f"{where}.required"] = Unfit(PHOTO_REQUIRED)


def _check_choices(wrong: dict[str, Unfit], where: str, question: Question) -> None:
    most = COLUMNS_MOST if question.kind == "matrix" else CHOICES_MOST
    if len(question.choices) < CHOICES_LEAST:
        wrong[f"{where}.choices"] = Unfit(TOO_FEW_CHOICES)
    elif len(question.choices) > most:
        wrong[f"{where}.choices"] = Unfit(TOO_MANY, count=len(question.choices), most=most)
    _check_ids(wrong, f"{where}.choices", [choice.id for choice in question.choices])
    for number, choice in enumerate(question.choices, start=1):
        _check_text(wrong, f"{where}.choices.{number}", choice.text, TITLE_MOST)
    if question.kind == "multiple":
        _check_count(wrong, where, question, len(question.choices))


def _check_rows(wrong: dict[str, Unfit], where: str, question: Question) -> None:
    if question.kind == "matrix" and not question.rows:
        wrong[f"{where}.rows"] = Unfit(NO_ROWS)
    elif question.rows and question.kind not in {"matrix", "number", "money"}:
        wrong[f"{where}.rows"] = Unfit(ROWS_NOT_ITS)
    elif len(question.rows) > ROWS_MOST:
        wrong[f"{where}.rows"] = Unfit(TOO_MANY, count=len(question.rows), most=ROWS_MOST)
    _check_ids(wrong, f"{where}.rows", [row.id for row in question.rows])
    for number, row in enumerate(question.rows, start=1):
        _check_text(wrong, f"{where}.rows.{number}", row.text, TITLE_MOST)


def _check_count(wrong: dict[str, Unfit], where: str, question: Question, most: int) -> None:
    for name, value in (("least", question.least), ("most", question.most)):
        if value is not None and not 1 <= value <= most:
            wrong[f"{where}.{name}"] = Unfit(OUT_OF_RANGE, value=value, least=1, most=most)
    if question.least is not None and question.most is not None and question.least > question.most:
        wrong[f"{where}.least"] = Unfit(UPSIDE_DOWN)


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


def check_open(state: str, closes_at: datetime, closed_at: datetime | None, at: datetime, grace_h: int = 0) -> None:
    """Refuse an answer that reaches the server at ``at``, when the survey is over; the end itself is over.

    Terminals give no answer from the close on. What was given before and was under way is taken until the end of the
    grace, by the server's clock alone; a person who closes a survey ends it at once.
    """
    if state == "closed" or at >= closes_at + timedelta(hours=grace_h):
        raise Rejected("survey_closed", closed_at=(closed_at or closes_at).isoformat())


def next_round(opens_at: datetime, closes_at: datetime, every_days: int, at: datetime) -> tuple[datetime, datetime]:
    """Return when the next round of a series opens and closes: as many days later as let it close after ``at``.

    Days are those of the wall, in the zone of ``at``: what opens at nine does so after a change of the clocks too.
    """

    def wall(instant: datetime) -> datetime:
        return instant.astimezone(at.tzinfo)

    step = timedelta(days=every_days)
    ahead = max(1, (at - wall(closes_at)) // step + 1) * step
    opens, closes = ((wall(instant) + ahead).astimezone(UTC) for instant in (opens_at, closes_at))
    # a round of minutes about an hour that the clocks skip
    return opens, closes if closes > opens else opens + (closes_at - opens_at)


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
