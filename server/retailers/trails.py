"""Trails of things that many shops have a part in, as far as whoever asks may see those shops."""

from sqlalchemy.orm import Session

from server.kit import audit_trail
from server.kit.audit import AuditEntry
from server.retailers import queries


def newest(session: Session, subject: str, *, limit: int) -> list[AuditEntry]:
    """Return the newest entries of a subject, without those about shops that whoever asks may not see."""
    entries = audit_trail.newest(session, audit_trail.Asked(subject=subject), limit=limit)
    named = {str(entry.detail["retailer"]) for entry in entries if "retailer" in entry.detail}
    seen = set(queries.known(session, sorted(named))) if named else set()
    return [entry for entry in entries if "retailer" not in entry.detail or str(entry.detail["retailer"]) in seen]
