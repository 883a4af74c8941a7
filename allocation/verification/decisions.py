"""The check of manual decisions: they may stand, and the certificate says who made them."""

import unicodedata
from collections.abc import Mapping
from typing import Any, Final

from allocation.verification.entitlement import Claims
from allocation.verification.findings import Findings
from allocation.verification.given import Given

FILE: Final = "adjustments.csv"


def check_decisions(given: Given, claims: Claims, certificate: Mapping[str, Any], findings: Findings) -> None:
    """Check each decision by itself: whole packs, no more than eligible, a reason, and two persons.

    That the lines have what was decided is checked with the quantities.
    """
    decisions = given.adjustments
    rows = []
    for line, units, texts in zip(decisions.line.tolist(), decisions.granted.tolist(), decisions.texts, strict=True):
        place = f"{FILE}, {given.place(line)}"
        rows.append([*given.names(line), units, *texts])
        if units % int(claims.pack[line]):
            findings.add(place, "{units} is not in whole packs of {pack}", units=units, pack=int(claims.pack[line]))
        if units > int(claims.eligible[line] * claims.pack[line]):
            most = int(claims.eligible[line] * claims.pack[line])
            findings.add(place, "{units} is above the {most} that are eligible", units=units, most=most)
        if not all(map(str.strip, texts)):
            findings.add(place, "a reason, an author and an approver are needed")
        elif _one_person(texts[1], texts[2]):
            findings.add(place, "the author approved his own decision: {author}", author=texts[1])
    findings.expect("certificate.json", "adjustments", certificate.get("adjustments", []), rows)


def _one_person(author: str, approver: str) -> bool:
    """Say whether two names are one, whatever their width, case and blanks."""
    one, other = (" ".join(unicodedata.normalize("NFKC", name).casefold().split()) for name in (author, approver))
    return one == other
