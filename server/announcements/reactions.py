"""What announcements do when others tell them something."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from babel.dates import format_date
from sqlalchemy import insert
from sqlalchemy.orm import Session

from contract.texts import LANGUAGES, translations
from server.announcements import service
from server.announcements.models import AnnouncementRow, RecipientRow, VersionRow
from server.audiences.rules import ADDRESSED, Addressed
from server.cycles import policy_change_queries
from server.cycles.events import PolicyChanged
from server.kit import audit
from server.kit.console.formats import DAYS, LOCALES
from server.kit.identity import SYSTEM
from server.kit.marking import N_
from server.licences import notices as licence_notices
from server.licences.events import LicencesEnding
from server.orders import queries as orders
from server.orders import reminding
from server.orders.events import RetailersReminded
from server.retailers import queries as retailers

Sort = Literal["notice", "urgent"]

_POLICY_TITLE: Final = N_("The policy of this cycle was changed")
_POLICY_BODY: Final = N_(
    "%(policy)s holds in place of %(before)s. Reason: %(reason)s. Two persons decided it. Your order stays as it is;"
    " you can change it until the window closes."
)
_LICENCE_TITLE: Final = N_("Your licence for %(licence_class)s runs out on %(day)s")
_LICENCE_BODY: Final = N_(
    "%(day)s is its last day. Apply for its renewal at the distributor before then: afterwards goods of this class can"
    " neither be ordered nor delivered. Its number stands under My licence and standing."
)


def on_retailers_reminded(session: Session, event: RetailersReminded, at: datetime) -> None:
    """Send an urgent notice to the shops of a reminder, over when their window is. Told twice, it does nothing.

    It has the reminder's id, so that what terminals tell of it is kept like that of any announcement.
    """
    sent = reminding.reminder(session, event.reminder)
    window = None if sent is None else orders.window(session, sent.window)
    if sent is None or window is None or session.get(AnnouncementRow, event.reminder) is not None:
        return
    audience = Addressed(routes=() if window.route == "*" else (window.route,))
    codes = reminding.shops_of(session, sent.id)
    words = _Words(sent.words.title.zh, sent.words.title.en, sent.words.body.zh, sent.words.body.en)
    _send(session, sent.id, audience, words, codes, by=sent.sent_by, expires_at=window.rule().deadline, at=at)


def on_policy_changed(session: Session, event: PolicyChanged, at: datetime) -> None:
    """Send an urgent notice to every shop of the cycle's windows, over when they are. Told twice, it does nothing."""
    change = policy_change_queries.change(session, event.change)
    if change is None or session.get(AnnouncementRow, event.change) is not None:
        return
    windows = orders.windows(session, cycle=change.cycle)
    routes = sorted({window.route for window in windows})
    audience = Addressed(routes=() if "*" in routes else tuple(routes))
    said = {}
    for language in LANGUAGES:
        gettext = translations("server", language).gettext
        body = gettext(_POLICY_BODY) % {"policy": change.policy, "before": change.before, "reason": change.reason}
        said[language] = (gettext(_POLICY_TITLE), body)
    words = _Words(said["zh"][0], said["en"][0], said["zh"][1], said["en"][1])
    codes = sorted({code for route in routes for code in retailers.codes_on_route(session, route)})
    over = max(window.rule().deadline for window in windows)
    _send(session, change.id, audience, words, codes, by=change.author, expires_at=over, at=at)


def on_licences_ending(session: Session, event: LicencesEnding, at: datetime) -> None:
    """Tell the shops of a notice that a licence of theirs runs out. Told twice, it does nothing."""
    found = licence_notices.notice(session, event.notice)
    if found is None or session.get(AnnouncementRow, event.notice) is not None:
        return
    notice, codes = found
    said = {}
    for language in LANGUAGES:
        gettext = translations("server", language).gettext
        day = format_date(notice.valid_until, format=DAYS[language], locale=LOCALES[language])
        about = {"licence_class": notice.licence_class, "day": day}
        said[language] = (gettext(_LICENCE_TITLE) % about, gettext(_LICENCE_BODY) % about)
    words = _Words(said["zh"][0], said["en"][0], said["zh"][1], said["en"][1])
    audience = Addressed(regions=tuple(sorted({shop.region for shop in retailers.retailers(session, codes).values()})))
    sort: Sort = "urgent" if event.urgent else "notice"
    _send(session, notice.id, audience, words, codes, by=SYSTEM.name, expires_at=event.over_at, at=at, sort=sort)


@dataclass(frozen=True)
class _Words:
    title_zh: str
    title_en: str
    body_zh: str
    body_en: str


def _send(
    session: Session,
    notice: UUID,
    audience: Addressed,
    words: _Words,
    codes: Collection[str],
    *,
    by: str,
    expires_at: datetime,
    at: datetime,
    sort: Sort = "urgent",
) -> None:
    row = AnnouncementRow(
        id=notice,
        sort=sort,
        audience=ADDRESSED.dump_python(audience, mode="json"),
        must_acknowledge=False,
        expires_at=expires_at,
        state="published",
        version=1,
        counts_from=1,
        created_by=by,
        created_at=at,
    )
    session.add(row)
    session.flush()
    session.add(VersionRow(announcement_id=row.id, version=1, **asdict(words), written_by=by, published_at=at))
    session.execute(
        insert(RecipientRow), [{"announcement_id": row.id, "retailer": code, "sent_at": at} for code in codes]
    )
    session.flush()
    service.tell(session, row, at)
    audit.record(
        session,
        actor=SYSTEM,
        action="announcement.published",
        subject=f"announcement:{row.number}",
        at=at,
        detail={"version": 1, "sent": len(codes), "about": str(notice)},
    )
