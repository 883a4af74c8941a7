"""What the command does with the audit, and in which words it says what it found."""

from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from server.kit import audit_checking, audit_keys, audit_sealing
from server.kit.audit_chain import Fault, Head, Kind, instant, key_name
from server.kit.audit_checking import Checked
from server.kit.marking import N_
from server.kit.settings import Settings

WORDS: dict[Kind, str] = {
    "changed": N_("Entry %(entry)s is not what was sealed at place %(ordinal)s: it, or its seal, was changed."),
    "missing": N_("Entry %(entry)s, sealed at place %(ordinal)s, is gone."),
    "emptied": N_("Entry %(entry)s, sealed at place %(ordinal)s, was emptied, and no act in the audit says so."),
    "order": N_("The seal at place %(ordinal)s is missing."),
    "signature": N_("The signed end at place %(ordinal)s is not signed by a key that is believed here."),
    "cut_off": N_("The chain ends before place %(ordinal)s, though a signed end says that it had come so far."),
    "other_chain": N_("At place %(ordinal)s the chain is another one than the signed end says."),
    "unsealed": N_("Entry %(entry)s should long have been sealed: it was taken out of what waits, or no worker runs."),
}

OVERTAKEN = "The head at {ordinal} of {at} is set aside: a backup that ended before it was restored after it."


def verify(session: Session, settings: Settings, *, heads: Path | None, key: Path | None, at: datetime) -> Checked:
    """Check the whole chain.

    Parameters
    ----------
    heads
        File of exported heads, one a line, that the chain must reach beside the one that the installation keeps.
    key
        Public key that alone is believed; the installation's own where absent.

    Raises
    ------
    ValueError
        Where a line of ``heads`` is no head.
    KeyUnusableError
        Where ``key`` is no public key.
    """
    kept = audit_keys.kept_head(settings)
    outside = [] if kept is None else [kept]
    if heads is not None:
        outside += [Head.of_json(line) for line in heads.read_text(encoding="utf-8").splitlines() if line.strip()]
    if key is None:
        believed = audit_keys.public_keys(settings)
    else:
        raw = audit_keys.read_public(key)
        believed = {key_name(raw): raw}
    return audit_checking.check_chain(
        session, outside=outside, restored=audit_keys.restored_heads(settings), public_keys=believed, at=at
    )


def exported_heads(session: Session) -> str:
    """Return all signed heads, the oldest first, a JSON object a line."""
    return "".join(head.as_json() + "\n" for head in audit_sealing.heads(session))


def public_key(settings: Settings) -> str:
    """Return the public key that signs now, in PEM form."""
    name = audit_keys.signing_key(settings).name
    return audit_keys.as_pem(audit_keys.public_keys(settings)[name]).decode()


def as_json(found: Checked) -> dict[str, Any]:
    """Return the outcome as a program reads it."""
    return {
        "holds": not found.faults,
        "entries": found.entries,
        "emptied": found.emptied,
        "link": found.link.hex(),
        "overtaken": [{"ordinal": one.ordinal, "at": instant(one.at)} for one in found.overtaken],
        "faults": [{"kind": one.kind, "ordinal": one.ordinal, "entry": one.entry} for one in found.faults],
    }


def lines(found: Checked) -> list[str]:
    """Return the outcome as a person reads it."""
    aside = [OVERTAKEN.format(ordinal=one.ordinal, at=instant(one.at)) for one in found.overtaken]
    if found.faults:
        head = f"THE AUDIT DOES NOT HOLD: {len(found.faults)} faults in {found.entries:,} sealed entries"
        return [head, *(f"  {sentence(one)}" for one in found.faults), *aside]
    emptied = f", of which {found.emptied:,} were emptied by an act that stands in it" if found.emptied else ""
    return [
        f"The audit holds: {found.entries:,} sealed entries{emptied}.",
        f"Its last link is {found.link.hex()}.",
        *aside,
    ]


def sentence(fault: Fault) -> str:
    """Return what is amiss."""
    return WORDS[fault.kind] % {"ordinal": fault.ordinal, "entry": fault.entry}
