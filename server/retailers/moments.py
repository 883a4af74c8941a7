"""What people decided and noted on a shop, for its timeline."""

from datetime import datetime

from sqlalchemy import Select, exists

from server.kit.audit import AuditEntry
from server.kit.console.moments import Moments, moments
from server.kit.marking import N_
from server.retailers.models import NoteRow, RetailerRow

_ACTS = {
    "retailer.added": (N_("the shop was taken in"),),
    "retailer.suspended": (N_("the shop was suspended"),),
    "retailer.restored": (N_("the shop was restored"),),
    "retailer.closed": (N_("a closing day was set"),),
    "retailer.reopened": (N_("the closing day was taken back"),),
}


def _acts(retailer: str) -> Select[datetime, str, str, str]:
    query = moments(AuditEntry.at, AuditEntry.action, AuditEntry.detail["reason"].astext)
    own = exists().where(RetailerRow.code == retailer)
    return query.where(AuditEntry.subject == f"retailer:{retailer}", AuditEntry.action.in_(_ACTS), own)


def _notes(retailer: str) -> Select[datetime, str, str, str]:
    return moments(NoteRow.at, "noted", NoteRow.words).where(NoteRow.retailer == retailer)


MOMENTS = (Moments(_ACTS, "", _acts), Moments({"noted": (N_("noted"),)}, "", _notes))
