"""What a shop was told, for its timeline."""

from datetime import datetime

from sqlalchemy import Select

from server.announcements.models import AnnouncementRow, ReceiptRow, RecipientRow
from server.kit.console.moments import Moments, moments, numbered
from server.kit.marking import N_

_HREF = "/console/announcements/{key}"


def _sent(retailer: str) -> Select[datetime, str, str, str]:
    query = moments(RecipientRow.sent_at, "sent", numbered(AnnouncementRow.number), AnnouncementRow.id)
    return query.join(AnnouncementRow, AnnouncementRow.id == RecipientRow.announcement_id).where(
        RecipientRow.retailer == retailer
    )


def _read(retailer: str) -> Select[datetime, str, str, str]:
    query = moments(ReceiptRow.received_at, ReceiptRow.sort, numbered(AnnouncementRow.number), AnnouncementRow.id)
    return query.join(AnnouncementRow, AnnouncementRow.id == ReceiptRow.announcement_id).where(
        ReceiptRow.retailer == retailer
    )


MOMENTS = (
    Moments({"sent": (N_("announcement sent"),)}, _HREF, _sent),
    Moments(
        {"displayed": (N_("announcement displayed"),), "acknowledged": (N_("announcement acknowledged"),)}, _HREF, _read
    ),
)
