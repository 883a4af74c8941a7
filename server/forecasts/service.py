"""What can be done with demand, forecasts and figures. Nothing here commits.

History comes in one file or one telling at a time, so that a version's *history up to number N* is the same whenever
it is read again.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from contract.errors import Conflict, Rejected
from contract.ids import uuid7
from contract.messages import GiveFigure
from server.catalogue import queries as catalogue
from server.forecasts import queries, rules, telling
from server.forecasts.fields import HISTORY
from server.forecasts.models import FigureRow, ForecastVersion
from server.kit import audit, computations, jobs, outbox, records
from server.kit.fields import require
from server.kit.identity import SYSTEM, Actor, Operator
from server.kit.inbox import Accepted, Arrival
from server.retailers import service as retailer_locks

TASK: Final = "forecasts.make"
NOTE_MOST: Final = 300
TERMINALS: Final = "terminal"


def hold_history(session: Session) -> None:
    """Let nobody else change the history until the transaction ends: what is read afterwards to be put there stands."""
    records.hold(session, HISTORY)


def note_requests(
    session: Session, month: date, sums: Mapping[tuple[str, str], tuple[int, int]], source: str, *, at: datetime
) -> int:
    """Put what was requested and granted in a month, by retailer and class, in place of what was known of it.

    Figures of sales stay as they are. Told again with the same sums it changes nothing. Return how many months of
    a retailer and class are new or differ.
    """
    records.hold(session, HISTORY)
    standing = records.existing(session, HISTORY, [(*key, month) for key in sums], lock=True)
    written = []
    for (retailer, product_class), (requested, granted) in sorted(sums.items()):
        key = (retailer, product_class, month)
        before = standing.get(key)
        after = (before or dict.fromkeys(field.name for field in HISTORY.fields)) | {
            "retailer": retailer,
            "product_class": product_class,
            "period": month,
            "requested_units": requested,
            "granted_units": granted,
            "source": source,
        }
        if before is None or any(before[name] != after[name] for name in ("requested_units", "granted_units")):
            written.append(records.Written(before, after, str(SYSTEM)))
    if written:
        records.write(session, HISTORY, (one.after for one in written), at=at)
        HISTORY.written(session, written, at)
    return len(written)


def note_sales(
    session: Session, month: date, sold: Mapping[tuple[str, str], tuple[int, int | None]], *, at: datetime
) -> int:
    """Put what terminals told of a month, units sold and days out of stock by retailer and class, into the history.

    What a file says of the month's sales stays: only where nothing is known, or what is known came from the
    terminals, it is replaced. Return how many months of a retailer and class are new or differ.
    """
    records.hold(session, HISTORY)
    standing = records.existing(session, HISTORY, [(*key, month) for key in sold], lock=True)
    ours = queries.last_told(session, TERMINALS, {retailer for retailer, _ in sold}, month)
    written = []
    for (retailer, product_class), (units, out_days) in sorted(sold.items()):
        before = standing.get((retailer, product_class, month))
        known = (None, None) if before is None else (before["sold_units"], before["out_days"])
        if known == (units, out_days) or known not in {(None, None), ours.get((retailer, product_class))}:
            continue
        after = (before or dict.fromkeys(field.name for field in HISTORY.fields)) | {
            "retailer": retailer,
            "product_class": product_class,
            "period": month,
            "sold_units": units,
            "out_days": out_days,
            "source": TERMINALS,
        }
        written.append(records.Written(before, after, str(SYSTEM)))
    if written:
        records.write(session, HISTORY, (one.after for one in written), at=at)
        HISTORY.written(session, written, at)
    return len(written)


def settled_number(session: Session, before: date) -> int:
    """Return the number of the newest figure of a month before ``before``, once nobody is writing an earlier one."""
    records.hold(session, HISTORY)
    return queries.history_number(session, before)


def correct_month(
    session: Session,
    retailer: str,
    product_class: str,
    month: date,
    *,
    sold_units: int | None,
    out_days: int | None,
    source: str,
    by: str,
    at: datetime,
) -> records.Written:
    """Put corrected figures in place of what was known of a month; what is none stays. The earlier ones are kept.

    Return what stood before and what stands now, the same where nothing changed.

    Raises
    ------
    Rejected, Invalid
        ``unknown_class``; figures that no month can have.
    """
    records.hold(session, HISTORY)
    if not catalogue.known_categories(session, [product_class]):
        raise Rejected("unknown_class", product_class=product_class or "–")
    key = (retailer, product_class, month)
    before = records.existing(session, HISTORY, [key], lock=True).get(key)
    given = {"sold_units": sold_units, "out_days": out_days}
    after = (before or dict.fromkeys(field.name for field in HISTORY.fields)) | {
        "retailer": retailer,
        "product_class": product_class,
        "period": month,
        **{name: value for name, value in given.items() if value is not None},
    }
    if after == before:
        return records.Written(before, after)
    written = records.Written(before, after | {"source": source}, by)
    require(HISTORY.fields, written.after, HISTORY.rule)
    records.write(session, HISTORY, [written.after], at=at)
    HISTORY.written(session, [written], at)
    return written


def ask_version(session: Session, by: Actor, *, at: datetime, today: date) -> int:
    """Have all forecasts computed anew from the months before today's; return the version's number.

    Raises
    ------
    Conflict
        ``wrong_state``, while another one is being computed, or where there is no history of those months.
    """
    cut_off = rules.month_of(today)
    number = settled_number(session, cut_off)
    if not number:
        raise Conflict("wrong_state", state="no history", needed="history")
    newest = queries.version(session)
    if newest is not None and newest.state in {"waiting", "working"}:
        raise Conflict("wrong_state", state=newest.state, needed="done")
    row = ForecastVersion(
        id=uuid7(),
        cut_off=cut_off,
        horizon=rules.MONTHS_AHEAD,
        history_number=number,
        asked_by=str(by),
        asked_at=at,
        state="waiting",
        stage="",
        series=0,
        series_done=0,
    )
    session.add(row)
    session.flush()
    go_on(session, row.id)
    audit.record(
        session,
        actor=by,
        action="forecast.asked",
        subject=f"forecast:{row.number}",
        at=at,
        detail={"cut_off": cut_off.isoformat(), "history_number": number},
    )
    return row.number


def stop_version(session: Session, number: int, operator: Operator, *, at: datetime) -> None:
    """Stop a version that is not over; the next night asks for another one.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``wrong_state``, where it is over.
    """
    version = session.scalar(select(ForecastVersion.id).where(ForecastVersion.number == number))
    if version is None:
        raise Rejected("not_found", what="forecast", name=str(number))
    computations.stop(session, ForecastVersion, version, f"forecast:{number}", by=operator, at=at)


def go_on(session: Session, version: UUID) -> None:
    """Have the solver compute what is missing of a version, after what waits already."""
    jobs.defer(session, TASK, {"version": str(version)}, queue=jobs.SOLVING, lock="forecasts")


def keep_time(session: Session, now: datetime) -> int | None:
    """Ask for the night's version where the night has come and something is new; return its number.

    ``now`` is the time in the distributor's zone.
    """
    if now.hour < rules.NIGHT_HOUR:
        return None
    newest = queries.version(session)
    if newest is not None:
        asked = newest.asked_at.astimezone(now.tzinfo).date()
        if asked >= now.date() or newest.state in {"waiting", "working"}:
            return None
    cut_off = rules.month_of(now.date())
    number = queries.history_number(session, cut_off)
    known = None if newest is None or newest.state == "stopped" else (newest.cut_off, newest.history_number)
    if not number or known == (cut_off, number):
        return None
    return ask_version(session, SYSTEM, at=now, today=now.date())


def give_own_figure(
    session: Session,
    retailer: str,
    product_class: str,
    period: date,
    units: int,
    by: Actor,
    *,
    at: datetime,
    today: date,
    note: str = "",
    message_id: UUID | None = None,
) -> queries.Figure:
    """Keep what a retailer itself expects to sell in a month to come, as it said it or on the telephone.

    Raises
    ------
    Rejected
        ``not_found``, ``unknown_class``, ``period_begun``, ``period_far``.
    """
    row = _figure(session, retailer, product_class, period, "own", units, by, at, today, note)
    row.message_id = message_id
    return _kept(session, row)


def tell_retailer(session: Session, retailer: str, *, at: datetime) -> None:
    """Tell a retailer's terminals how its forecasts and figures stand."""
    outbox.append(session, _told(session, retailer), at=at)


def take_figure(session: Session, given: GiveFigure, arrival: Arrival) -> Accepted:
    """Keep a figure that came from a shop's terminal; its months begin by UTC."""
    by = Actor("device", arrival.sender.device)
    today = rules.day_of_figures(arrival.at)
    figure = give_own_figure(
        session,
        arrival.sender.party,
        given.product_class,
        given.period,
        given.units,
        by,
        at=arrival.at,
        today=today,
        message_id=arrival.id,
    )
    return Accepted(revision=figure.version, tell=tuple(_told(session, arrival.sender.party)))


def agree_figure(
    session: Session,
    retailer: str,
    product_class: str,
    period: date,
    units: int,
    operator: Operator,
    *,
    at: datetime,
    today: date,
    note: str = "",
) -> queries.Figure:
    """Keep what distributor and retailer agreed on for a month to come. Raises as :func:`give_own_figure`."""
    by = operator.actor
    return _kept(session, _figure(session, retailer, product_class, period, "agreed", units, by, at, today, note))


def confirm_figure(
    session: Session,
    retailer: str,
    product_class: str,
    period: date,
    version: int,
    operator: Operator,
    *,
    at: datetime,
    today: date,
) -> queries.Figure:
    """Take a second person's look at an agreed figure, the one of ``version`` that was seen.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``changed_meanwhile``, where another one counts by now; ``same_person``; ``wrong_state``, where
        two have looked; ``period_begun``.
    """
    retailer_locks.lock_retailer(session, retailer)
    stands = queries.figures(session, [retailer])[retailer].get((product_class, period, "agreed"))
    if stands is None:
        raise Rejected("not_found", what="agreed figure", name=f"{product_class} {period.isoformat()[:7]}")
    if stands.version != version:
        raise Conflict("changed_meanwhile", name=f"{product_class} {period.isoformat()[:7]}")
    if stands.confirms is not None:
        raise Conflict("wrong_state", state="confirmed", needed="agreed")
    by = operator.actor
    if stands.by == str(by):
        raise Rejected("same_person", name=operator.name)
    row = _figure(session, retailer, product_class, period, "agreed", stands.units, by, at, today, "")
    row.confirms = stands.version
    return _kept(session, row)


def _told(session: Session, retailer: str) -> list[outbox.Item]:
    newest = queries.version(session, state="done")
    return [] if newest is None else telling.items(session, [retailer], newest)


def _figure(
    session: Session,
    retailer: str,
    product_class: str,
    period: date,
    kind: queries.FigureKind,
    units: int,
    by: Actor,
    at: datetime,
    today: date,
    note: str,
) -> FigureRow:
    retailer_locks.lock_retailer(session, retailer)
    if not catalogue.known_categories(session, [product_class]):
        raise Rejected("unknown_class", product_class=product_class or "–")
    rules.check_month(period, today)
    before = session.scalar(
        select(func.max(FigureRow.version)).where(
            FigureRow.retailer == retailer,
            FigureRow.product_class == product_class,
            FigureRow.period == period,
            FigureRow.kind == kind,
        )
    )
    return FigureRow(
        retailer=retailer,
        product_class=product_class,
        period=period,
        kind=kind,
        version=(before or 0) + 1,
        units=units,
        by=str(by),
        at=at,
        note=note.strip()[:NOTE_MOST],
    )


def _kept(session: Session, row: FigureRow) -> queries.Figure:
    session.add(row)
    session.flush()
    kind, _, name = row.by.partition(":")
    if kind == "operator":  # a terminal's own figure is told with its receipt
        tell_retailer(session, row.retailer, at=row.at)
    audit.record(
        session,
        actor=Actor("device" if kind == "device" else "operator", name),
        action="forecast.figure_confirmed" if row.confirms else f"forecast.{row.kind}_figure",
        subject=f"retailer:{row.retailer}",
        at=row.at,
        detail={
            "product_class": row.product_class,
            "period": row.period.isoformat(),
            "units": row.units,
            "version": row.version,
        },
    )
    return queries.figure_of(row)
