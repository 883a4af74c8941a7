"""Which of the signed releases suits this machine: pure.

A release that is older than what runs, or whose changes of the store the program here could not read after a return, is
refused whoever asks.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from contract.releases import ANY_PLATFORM, Release, order, target_name
from contract.update_words import BringReason


@dataclass(frozen=True)
class Machine:
    """What a release must suit. ``store_version`` is of the program that runs; ``returned`` was tried and not kept."""

    running: str
    model: str
    platform: str
    python: str
    store_version: int
    returned: str = ""


def choose(
    offers: Iterable[Release], wanted: str, machine: Machine, *, again: bool = False
) -> Release | BringReason | None:
    """Return the release to fetch, or why there is none; nothing where the newest is wanted and none is newer.

    Without a version named, what does not suit, or did not work here before, is passed over.
    """
    named = [one for one in offers if one.version == wanted] if wanted else list(offers)
    reasons = {target_name(one): unfit(one, machine, again=again) for one in named}
    fit = [one for one in named if reasons[target_name(one)] is None]
    if fit:
        return max(fit, key=lambda one: (order(one.version), one.platform != ANY_PLATFORM))
    if not wanted:
        return None
    if not named:
        return "older" if order(wanted) <= order(machine.running) else "not_found"
    return next(reason for reason in reasons.values() if reason is not None)


def unfit(release: Release, machine: Machine, *, again: bool = False) -> BringReason | None:
    """Return why a release does not suit a machine; none where it does."""
    tests: tuple[tuple[BringReason, bool], ...] = (
        ("older", order(release.version) <= order(machine.running)),
        ("not_for_platform", release.platform not in (ANY_PLATFORM, machine.platform)),
        ("not_for_platform", release.python not in ("", machine.python)),
        ("not_for_model", bool(release.models) and machine.model not in release.models),
        ("too_old", order(release.minimum_version) > order(machine.running)),
        ("store_too_new", release.store_readable_from > machine.store_version),
        ("returned_before", release.version == machine.returned and not again),
    )
    return next((reason for reason, holds in tests if holds), None)
