"""What can be done with surveys. Nothing here commits.

An answering transaction holds the survey's row in share mode, closing takes it for update: what is receipted is
counted, and nothing is counted after the close.
"""

import secrets
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Interval, cast, func, insert, or_, select
from sqlalchemy.orm import Session

from contract import feed
from contract.errors import Conflict, Rejected
from contract.ids import uuid7
from server.audiences import queries as audiences
from server.audiences.rules import ADDRESSED, NOBODY, Addressed
from server.catalogue import queries as catalogue
from server.kit import audit, outbox
from server.kit.changing import ChangedMeanwhileError, Standing
from server.kit.fields import Invalid, Unfit
from server.kit.identity import SYSTEM, Actor, Operator
from server.kit.marking import N_
from server.surveys import answers, queries, rules, sampling
from server.surveys.models import InvitationRow, StratumRow, SurveyRow


def write_survey(session: Session, draft: rules.Draft, operator: Operator, *, at: datetime) -> UUID:
    """Keep a new draft; return its id.

    Raises
    ------
    Invalid
        Naming every field that does not fit.
    """
    _check(session, draft)
    row = SurveyRow(id=uuid7(), state="draft", revision=1, created_by=operator.name, created_at=at, **_columns(draft))
    session.add(row)
    session.flush()
    _record(session, operator, "survey.written", row, at)
    return row.id


def rewrite_survey(
    session: Session, survey_id: UUID, draft: rules.Draft, operator: Operator, *, revision: int, at: datetime
) -> None:
    """Put a draft anew. ``revision`` is the one that the person saw.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``Invalid``; ``wrong_state`` where it is published; ``changed_meanwhile``.
    """
    _check(session, draft)
    row = _locked(session, survey_id, "draft")
    _check_seen(row, revision)
    for name, value in _columns(draft).items():
        setattr(row, name, value)
    row.revision += 1
    session.flush()
    _record(session, operator, "survey.rewritten", row, at)


def _check_seen(row: SurveyRow, revision: int | None) -> None:
    """Raise ``changed_meanwhile`` where a locked draft has another revision than was seen."""
    if revision is not None and row.revision != revision:
        raise ChangedMeanwhileError(
            f"{row.title_zh} / {row.title_en}",
            (
                Standing("title_zh", N_("Title in Chinese"), row.title_zh),
                Standing("title_en", N_("Title in English"), row.title_en),
            ),
        )


def _check(session: Session, draft: rules.Draft) -> None:
    rules.check_draft(draft)
    audiences.check(session, draft.audience)
    named = {
        f"questions.{number}.rows": [row.sku for row in question.rows if row.sku]
        for number, question in enumerate(draft.questions, start=1)
    }
    known = catalogue.known(session, [sku for skus in named.values() for sku in skus])
    wrong = {where: [sku for sku in skus if sku not in known] for where, skus in named.items()}
    unfit = {where: Unfit(rules.UNKNOWN_SKUS, skus=", ".join(skus[:5])) for where, skus in wrong.items() if skus}
    if unfit:
        raise Invalid(unfit)


def publish_survey(
    session: Session, survey_id: UUID, operator: Operator, *, at: datetime, revision: int | None = None
) -> int:
    """Fix the questions and who is asked, and ask as soon as it opens; return how many retailers are asked.

    ``revision`` is the one that was seen, none for whatever stands there.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``wrong_state``; ``Invalid`` where the close is over or nobody would be asked;
        ``changed_meanwhile``.
    """
    row = _locked(session, survey_id, "draft")
    _check_seen(row, revision)
    if row.closes_at <= at:
        raise Invalid({"closes_at": Unfit(rules.OVER)})
    asked = _publish(session, row, at)
    _record(session, operator, "survey.published", row, at, asked=asked, seed=queries.sample_of(row).seed)
    return asked


def _publish(session: Session, row: SurveyRow, at: datetime) -> int:
    strata = _planned(session, row, at)
    if not strata:
        raise Invalid({"audience": Unfit(NOBODY)})
    return _ask(session, row, strata, at)


def _planned(session: Session, row: SurveyRow, at: datetime) -> list[sampling.Stratum]:
    return planned(session, ADDRESSED.validate_python(row.audience), queries.sample_of(row), at.date())


def _ask(session: Session, row: SurveyRow, strata: Sequence[sampling.Stratum], at: datetime) -> int:
    row.state = "published"
    row.published_at = at
    session.flush()
    session.execute(
        insert(StratumRow),
        [
            {"survey_id": row.id, "place": place, "name": one.name, "shops": one.shops, "asked": len(one.asked)}
            for place, one in enumerate(strata)
        ],
    )
    session.execute(
        insert(InvitationRow),
        [
            {"survey_id": row.id, "retailer": code, "stratum": place}
            for place, one in enumerate(strata)
            for code in one.asked
        ],
    )
    if row.opens_at <= at:
        _open(session, row, at)
    return sum(len(one.asked) for one in strata)


def planned(session: Session, audience: Addressed, sample: rules.Sample, on: date) -> list[sampling.Stratum]:
    """Return who would be asked on a day, stratum by stratum; nothing is written."""
    shops = audiences.places_in(session, audience, on)
    places = {code: str(tier) if sample.by == "tier" else region for code, (region, tier) in shops.items()}
    return sampling.draw(sample, places, sample.seed)


def remind(session: Session, survey_id: UUID, operator: Operator, *, at: datetime) -> int:
    """Ask the shops again that have not answered and still can; return how many they are.

    Raises
    ------
    Rejected, Conflict
        ``not_found``, or ``wrong_state`` where it is not open.
    """
    row = _locked(session, survey_id, "published")
    if row.opened_at is None or at >= row.closes_at:
        raise Conflict("wrong_state", state="closed" if at >= row.closes_at else "published", needed="open")
    silent = _remind(session, row, at)
    _record(session, operator, "survey.reminded", row, at, shops=silent)
    return silent


def _remind(session: Session, row: SurveyRow, at: datetime) -> int:
    row.reminded_at = at
    session.flush()
    silent = queries.silent(session, row.id, full=False)
    _tell(session, row, silent, at)
    return len(silent)


def close_survey(session: Session, survey_id: UUID, operator: Operator, *, at: datetime) -> None:
    """Close a survey before its time, or before its grace is over: then a series goes on, by the wall time of ``at``.

    Raises
    ------
    Rejected, Conflict
        ``not_found``, or ``wrong_state`` where it is no published survey.
    """
    row = _locked(session, survey_id, "published")
    _close(session, row, at, operator.actor)


def keep_time(session: Session, now: datetime) -> list[UUID]:
    """Open the surveys whose time has come, remind of them, close those whose grace is over; return what was touched.

    A round of a series that is over by its close brings the next one, at the same hour by the wall time of ``now``,
    or a draft of it where nobody is in its audience any more.
    """
    ends = SurveyRow.closes_at + cast(func.make_interval(0, 0, 0, 0, SurveyRow.grace_h), Interval)
    reminds = SurveyRow.closes_at - cast(func.make_interval(0, 0, 0, 0, SurveyRow.remind_h), Interval)
    due = session.scalars(
        select(SurveyRow)
        .where(
            SurveyRow.state == "published",
            or_(
                ends <= now,
                SurveyRow.opened_at.is_(None) & (SurveyRow.opens_at <= now),
                SurveyRow.reminded_at.is_(None) & (reminds <= now) & (SurveyRow.closes_at > now),
            ),
        )
        .order_by(SurveyRow.id)
        .with_for_update()
    ).all()
    for row in due:
        if row.opened_at is None and row.opens_at <= now < row.closes_at:
            _open(session, row, now)
        if row.closes_at + timedelta(hours=row.grace_h) <= now:
            _close(session, row, now, SYSTEM)
        elif row.opened_at is not None and row.reminded_at is None and _reminds_at(row) <= now < row.closes_at:
            silent = _remind(session, row, now)
            _note(session, SYSTEM, "survey.reminded", row, now, shops=silent)
    return [*(row.id for row in due), *_full(session, now)]


def _full(session: Session, now: datetime) -> list[UUID]:
    """Tell the terminals of strata whose quota is full that nothing more is asked; return the surveys."""
    full = session.execute(
        select(StratumRow, SurveyRow)
        .join(SurveyRow, SurveyRow.id == StratumRow.survey_id)
        .where(SurveyRow.state == "published", StratumRow.full_at.is_(None), StratumRow.answered >= SurveyRow.quota)
        .order_by(StratumRow.survey_id, StratumRow.place)
        .with_for_update()
    ).all()
    for stratum, row in full:
        stratum.full_at = now
        silent = queries.silent(session, row.id, stratum=stratum.place)
        _tell(session, row, silent, now, state="closed")
        _note(session, SYSTEM, "survey.stratum_full", row, now, stratum=stratum.name, answered=stratum.answered)
    session.flush()
    return list(dict.fromkeys(row.id for _, row in full))


def _reminds_at(row: SurveyRow) -> datetime:
    return row.closes_at - timedelta(hours=row.remind_h) if row.remind_h else row.closes_at


def _columns(draft: rules.Draft) -> dict[str, Any]:
    return {
        "title_zh": draft.title.zh.strip(),
        "title_en": draft.title.en.strip(),
        "intro_zh": draft.intro.zh.strip(),
        "intro_en": draft.intro.en.strip(),
        "questions": queries.QUESTIONS.dump_python(draft.questions, mode="json"),
        "audience": ADDRESSED.dump_python(draft.audience, mode="json"),
        "opens_at": draft.opens_at,
        "closes_at": draft.closes_at,
        "sort": draft.sort,
        "series": draft.series,
        "every_days": draft.every_days,
        "anonymous": draft.anonymous,
        "sample": _seeded(draft.sample).model_dump(mode="json"),
        "quota": draft.quota,
        "grace_h": draft.grace_h,
        "remind_h": draft.remind_h,
        "plausible": [one.model_dump(mode="json") for one in draft.plausible],
    }


def _seeded(sample: rules.Sample) -> rules.Sample:
    """Return the sample with a seed that nobody chose, where none was stated."""
    if sample.how == "all" or sample.seed:
        return sample
    return sample.model_copy(update={"seed": secrets.token_hex(8)})


def _locked(session: Session, survey_id: UUID, needed: queries.SurveyState) -> SurveyRow:
    row = session.get(SurveyRow, survey_id, with_for_update=True)
    if row is None:
        raise Rejected("not_found", what="survey", name=str(survey_id))
    if row.state != needed:
        raise Conflict("wrong_state", state=row.state, needed=needed)
    return row


def _open(session: Session, row: SurveyRow, at: datetime) -> None:
    row.opened_at = at
    session.flush()
    _tell(session, row, queries.invited(session, row.id), at)


def _close(session: Session, row: SurveyRow, at: datetime, actor: Actor) -> None:
    over = row.closes_at <= at
    row.state = "closed"
    row.closed_at = at
    if row.anonymous:
        answers.empty_urn(session, row.id)
    session.flush()
    if row.opened_at is not None:
        _tell(session, row, queries.invited(session, row.id), at)
    _note(session, actor, "survey.closed", row, at)
    if over and row.every_days is not None:
        _next_round(session, row, at)


def _next_round(session: Session, row: SurveyRow, at: datetime) -> None:
    """Publish the series' next round: the same questions, a new sample by the same seed with the round behind it.

    Where its audience is empty it stays a draft, and the audit says so.
    """
    opens_at, closes_at = rules.next_round(row.opens_at, row.closes_at, row.every_days or 1, at)
    sample = queries.sample_of(row)
    number = row.round + 1
    seed = f"{sample.seed.partition('#')[0]}#{number}" if sample.seed else ""
    kept = ("sort", "series", "every_days", "anonymous", "quota", "grace_h", "remind_h", "plausible", "questions")
    words = ("title_zh", "title_en", "intro_zh", "intro_en", "audience", "created_by")
    following = SurveyRow(
        id=uuid7(),
        state="draft",
        revision=1,
        created_at=at,
        round=number,
        sample=sample.model_copy(update={"seed": seed}).model_dump(mode="json"),
        opens_at=opens_at,
        closes_at=closes_at,
        **{name: getattr(row, name) for name in (*kept, *words)},
    )
    session.add(following)
    session.flush()
    strata = _planned(session, following, at)
    if not strata:
        _note(session, SYSTEM, "survey.round_not_asked", following, at, round=number)
        return
    asked = _ask(session, following, strata, at)
    _note(session, SYSTEM, "survey.round_published", following, at, asked=asked, round=number)


def _tell(
    session: Session,
    row: SurveyRow,
    codes: Sequence[str],
    at: datetime,
    *,
    state: Literal["open", "closed"] | None = None,
) -> None:
    message = feed.Survey(
        survey=row.id,
        title=feed.Text(zh=row.title_zh, en=row.title_en),
        intro=feed.Text(zh=row.intro_zh, en=row.intro_en),
        state=state or ("closed" if row.state == "closed" else "open"),
        closes_at=row.closes_at,
        questions=queries.questions_of(row),
        anonymous=row.anonymous,
        reminded_at=row.reminded_at,
    )
    outbox.append(session, [outbox.Item(code, f"survey:{row.id}", "survey", message) for code in codes], at=at)


def _record(
    session: Session, operator: Operator, action: str, row: SurveyRow, at: datetime, **detail: str | int
) -> None:
    _note(session, operator.actor, action, row, at, revision=row.revision, **detail)


def _note(session: Session, actor: Actor, action: str, row: SurveyRow, at: datetime, **detail: str | int) -> None:
    audit.record(session, actor=actor, action=action, subject=f"survey:{row.number}", at=at, detail=detail)
