"""What a terminal says about an update of its software: states and reasons, and their sentences.

Plain names without a library behind them: the boot chooser reads them too. A code never changes its meaning.
"""

from typing import Literal


def _(text: str) -> str:
    """Mark ``text`` for extraction."""
    return text


State = Literal["idle", "bringing", "waiting", "switching", "trial", "confirmed", "returned", "failed"]
STATES: dict[State, str] = {
    "idle": _("No update is under way."),
    "bringing": _("A new version is being fetched."),
    "waiting": _("A new version lies ready and waits for a quiet moment."),
    "switching": _("The terminal changes to the new version."),
    "trial": _("The new version runs and is being watched."),
    "confirmed": _("The new version works."),
    "returned": _("The new version did not work; the terminal went back to the one before."),
    "failed": _("The update was not carried out; the terminal goes on as it is."),
}

#: Why nothing was brought. ``offline``, ``slow`` and ``expired`` may pass by themselves; the others wait for people.
BringReason = Literal[
    "offline",
    "slow",
    "expired",
    "not_genuine",
    "not_found",
    "older",
    "too_old",
    "not_for_model",
    "not_for_platform",
    "store_too_new",
    "no_room",
    "damaged_archive",
    "returned_before",
    "no_slots",
    "stumbled",
]
#: Why what lies ready is not switched to yet.
WaitReason = Literal["window_closing", "unsent", "in_use", "hours", "postponed"]
#: Why a new version was not kept.
ReturnReason = Literal[
    "ended", "no_store", "no_screens", "no_exchange", "not_ready", "interrupted", "slot_damaged", "unhealthy"
]

REASONS: dict[BringReason | WaitReason | ReturnReason, str] = {
    "offline": _("The server was not reached; it is tried again."),
    "slow": _("The line was too slow; what has come is kept and the rest is tried again."),
    "expired": _("What the server says about releases has expired; the distributor has to sign it anew."),
    "not_genuine": _("What the server offered is not signed as it must be. Nothing of it was used."),
    "not_found": _("The release is not published."),
    "older": _("The release is not newer than what runs here; a terminal never goes back by itself."),
    "too_old": _("What runs here is too old for this release; another release must come first."),
    "not_for_model": _("The release is not meant for this model of terminal."),
    "not_for_platform": _("The release is not made for this machine's processor or Python."),
    "store_too_new": _("The release would change the store so that the version here could not read it any more."),
    "no_room": _("The disk has no room for the release."),
    "damaged_archive": _("The release cannot be unpacked."),
    "returned_before": _("This release did not work here before; it is tried again only when asked for once more."),
    "no_slots": _("This terminal is not set up for updates from the server."),
    "stumbled": _("The program that fetches releases failed."),
    "window_closing": _("An ordering window closes within the hour."),
    "unsent": _("Something has not reached the server yet."),
    "in_use": _("The terminal is in use."),
    "hours": _("It waits for the night, or for a quiet half hour after a day."),
    "postponed": _("The shop asked for it to be done later."),
    "ended": _("The new version ended by itself."),
    "no_store": _("The new version could not open the store."),
    "no_screens": _("The screens of the new version did not answer."),
    "no_exchange": _("The new version did not reach the server, which was there."),
    "not_ready": _("The new version was not ready in time."),
    "interrupted": _("The machine was switched off each time while the new version was tried."),
    "slot_damaged": _("The new version's files were not whole."),
    "unhealthy": _("The new version found itself not fit for work."),
}
