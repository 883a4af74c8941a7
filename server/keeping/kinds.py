"""Explicit table: every kind of personal data that is erased after a term, and in words what is kept and why."""

from typing import Final

from server.announcements import retention as announcements
from server.devices import retention as devices
from server.feedback import retention as feedback
from server.integrations import messages
from server.keeping import shop_exports
from server.kit import audit_retention, idempotency
from server.kit.imports import retention as imports
from server.kit.marking import N_
from server.kit.retention import Kind
from server.kit.settings import Settings
from server.operators import retention as operators
from server.photos import retention as photos
from server.steering import retention as steering
from server.surveys import retention as surveys
from server.visits import retention as visits

KINDS: Final[tuple[Kind, ...]] = (
    *operators.RETENTION,
    *audit_retention.RETENTION,
    *devices.RETENTION,
    *steering.RETENTION,
    *photos.RETENTION,
    *feedback.RETENTION,
    *surveys.RETENTION,
    *announcements.RETENTION,
    *visits.RETENTION,
    *imports.RETENTION,
    *shop_exports.RETENTION,
    *idempotency.RETENTION,
    *messages.RETENTION,
)

#: What no job erases, and why.
KEPT: Final[tuple[tuple[str, str], ...]] = (
    (
        N_("Orders, grants, deliveries, claims, stock"),
        N_("Records of trade: the law and both sides' books need them. They are the shop's, and name no person."),
    ),
    (
        N_("Frozen books, results and certificates of cycles, scores with their decisions and appeals"),
        N_("Proof that goods were shared out as published; with a line less, it can no longer be checked."),
    ),
    (
        N_("The audit's chain: acts, times, digests, signed ends"),
        N_("Proof that nothing was changed. What is personal in it has a term of its own."),
    ),
    (
        N_("Retailers and licences: name, address, numbers"),
        N_("The register itself, as long as the shop is served and its records of trade are kept."),
    ),
    (
        N_("Which messages were taken: the sender, an id, a SHA-256 of the body, the receipt"),
        N_("So that a repeat is known for ever. The body itself is not kept there."),
    ),
    (
        N_("That an announcement was shown and confirmed"),
        N_("Proof that the shop was told."),
    ),
)


class TermUnknownError(ValueError):
    """A setting names a term for what is no kind, or one that is too short; the message says which."""


def terms(settings: Settings) -> dict[str, int]:
    """Return the days of each kind: those of the setting, else the kind's own.

    Raises
    ------
    TermUnknownError
        The setting names what is no kind, or less than a day.
    """
    known = {kind.name: kind.days for kind in KINDS}
    for name, days in settings.retention_days.items():
        if name not in known or days < 1:
            raise TermUnknownError(
                f"EVENHAND_RETENTION_DAYS: {name!r}: {days}: name a kind ({', '.join(known)}) and at least 1 day"
            )
    return known | settings.retention_days
