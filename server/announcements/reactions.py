"""What announcements do when others tell them something."""

from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.orm import Session

from server.announcements import queries, service
from server.announcements.models import AnnouncementRow, RecipientRow, VersionRow
from server.kit import audit
from server.kit.identity import SYSTEM
from server.orders import queries as orders
from server.orders import reminding
from server.orders.events import RetailersReminded
from server.retailers.rules import Audience


def on_retailers_reminded(session: Session, event: RetailersReminded, at: datetime) -> None:
    """Send an urgent notice to the shops of a reminder, over when their window is. Told twice, it does nothing.

    It has the reminder's id, so that what terminals tell of it is kept like that of any announcement.
    """
    sent = reminding.reminder(session, event.reminder)
    window = None if sent is None else orders.window(session, sent.window)
    if sent is None or window is None or session.get(AnnouncementRow, event.reminder) is not None:
        return
    audience = Audience(routes=() if window.route == "*" else (window.route,))
    row = AnnouncementRow(
        id=sent.id,
        sort="urgent",
        audience=queries.AUDIENCE.dump_python(audience, mode="json"),
        must_acknowledge=False,
        expires_at=window.rule().deadline,
        state="published",
        version=1,
        created_by=sent.sent_by,
        created_at=at,
    )
    session.add(row)
    session.flush()
    title, body = sent.words.title, sent.words.body
    session.add(
        VersionRow(
            announcement_id=row.id,
            version=1,
            title_zh=title.zh,
            title_en=title.en,
            body_zh=body.zh,
            body_en=body.en,
            written_by=sent.sent_by,
            published_at=at,
        )
    )
    codes = reminding.shops_of(session, sent.id)
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
        detail={"version": 1, "sent": len(codes), "reminder": str(sent.id)},
    )
