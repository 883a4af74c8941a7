"""The terminal's settings as the distributor wants them and as they are; who keeps which, see :mod:`contract.steering`.

Guarantees: a desired state is taken in the transaction that brought it; an older one, or the same again, changes
nothing; what is bound cannot be chosen otherwise, and goes back to the shop's own choice when it is let go. The own
state is told again only where it differs from what was told, under a version that grows.
"""

import json
from collections.abc import Mapping
from uuid import UUID

from contract.errors import Rejected
from contract.feed import Desired, DesiredSetting
from contract.messages import ReportShadow
from contract.steering import SETTINGS
from terminal_client.core import outbox
from terminal_client.core.signals import Pending
from terminal_client.core.store import Store

KIND = "device.shadow"
SUBJECT = "shadow"


def take(store: Store, desired: Desired) -> None:
    """Follow a desired state, inside the caller's transaction."""
    if desired.version <= _number(store, "applied"):
        return
    known = {
        name: (value, version, bool(bound), own)
        for name, value, version, bound, own in store.rows(
            "SELECT name, value, version, bound, own FROM desired_setting"
        )
    }
    for name, (_value, _version, bound, own) in known.items():
        if name not in desired.settings:
            if bound:
                _put(store, name, own)
            store.execute("DELETE FROM desired_setting WHERE name = ?", (name,))
    for name, one in desired.settings.items():
        before = known.get(name)
        if before is None or before[1] < one.version:
            _follow(store, name, one, before)
    store.execute("UPDATE shadow SET applied = ?", (desired.version,))


def _follow(store: Store, name: str, one: DesiredSetting, before: tuple[str, int, bool, str | None] | None) -> None:
    setting = SETTINGS.get(name)
    refused = "unknown_setting" if setting is None else "unknown_value" if one.value not in setting.values else None
    bound, own = (False, None) if before is None else before[2:]
    if refused is None and setting is not None:
        binds = one.held or setting.keeper == "distributor"
        if binds and not bound:
            own = _chosen(store, name)
        # After a restored server the same is said again under a lower number: that is no new word.
        if before is None or before[1] > 0 or before[0] != one.value or binds:
            _put(store, name, one.value)
        bound, own = binds, own if binds else None
    store.execute(
        "INSERT OR REPLACE INTO desired_setting VALUES (?, ?, ?, ?, ?, ?)",
        (name, one.value, one.version, int(bound), own, refused),
    )


def doubt(store: Store) -> None:
    """Take the next desired state whatever its version: a restored server counts anew. In the caller's transaction."""
    store.execute("UPDATE shadow SET applied = 0")
    store.execute("UPDATE desired_setting SET version = 0")


def let_unsaid_go(store: Store, device: str) -> None:
    """Let go every setting where a restored server does not say any more that it wants one. In the transaction."""
    if not store.rows("SELECT 1 FROM feed WHERE key = ?", (f"desired:{device}",)):
        for name, own in store.rows("SELECT name, own FROM desired_setting WHERE bound"):
            _put(store, name, own)
        store.execute("DELETE FROM desired_setting")


def bound(store: Store) -> frozenset[str]:
    """Return the settings that the distributor has set and nobody here can change."""
    return frozenset(name for (name,) in store.rows("SELECT name FROM desired_setting WHERE bound"))


def choose(store: Store, name: str, value: str) -> None:
    """Keep what the shop chose.

    Raises
    ------
    Rejected
        ``setting_held``, where the distributor has set it.
    """
    with store.transaction():
        if name in bound(store):
            raise Rejected("setting_held", name=name)
        store.choose(name, value)


def state(store: Store) -> dict[str, str]:
    """Return every setting as it is."""
    return {name: store.setting(name, setting.values[0]) for name, setting in SETTINGS.items()}


def report(store: Store, facts: Mapping[str, str], *, id: UUID, at_ms: int) -> Pending | None:  # noqa: A002 - the wire's name
    """Queue the own state with ``facts`` where it is another one than was told; none where it is not.

    While a report is on its way none is queued beside it: the next one says what is newest then.
    """
    refused = dict(store.rows("SELECT name, refused FROM desired_setting WHERE refused IS NOT NULL ORDER BY name"))
    said = {"applied": _number(store, "applied"), "state": {**state(store), **facts}, "refused": refused}
    told = json.dumps(said, sort_keys=True)
    if store.rows("SELECT told FROM shadow")[0][0] == told:
        return None
    if store.rows("SELECT 1 FROM outbox WHERE kind = ? AND outcome IS NULL LIMIT 1", (KIND,)):
        return None
    with store.transaction():
        store.execute("UPDATE shadow SET reported = reported + 1, told = ?", (told,))
        message = ReportShadow.model_validate({"version": _number(store, "reported"), **said})
        return outbox.add(store, id=id, kind=KIND, subject=SUBJECT, message=message, saved_at_ms=at_ms)


def _number(store: Store, column: str) -> int:
    number: int = store.rows(f"SELECT {column} FROM shadow")[0][0]  # noqa: S608 - one of two columns of ours
    return number


def _chosen(store: Store, name: str) -> str | None:
    found = store.rows("SELECT value FROM setting WHERE name = ?", (name,))
    return found[0][0] if found else None


def _put(store: Store, name: str, value: str | None) -> None:
    if value is None:
        store.execute("DELETE FROM setting WHERE name = ?", (name,))
    else:
        store.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (name, value))
