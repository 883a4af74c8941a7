"""Screens of one terminal's settings and commands, and the part of its page that leads there."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Form, Request, Response
from sqlalchemy.orm import Session

from contract.errors import Rejected
from contract.steering import SETTINGS
from contract.texts import refusal_text
from server.devices import queries as devices
from server.kit import console, http
from server.kit.console.texts import N_, language_of, texts
from server.retailers import queries as retailers
from server.steering import queries, rules, service
from server.steering.http import READERS, STEERERS, STEERING

PLACE = "/console/steering"
SHOWN = 30

one_terminal = http.router(PLACE, tag="console", roles=READERS, shops="all")

SETTING_NAMES: dict[str, str] = {
    "language": N_("Language"),
    "theme": N_("Brightness"),
    "size": N_("Type size"),
    "keys": N_("Keyboard on the screen"),
    "sound": N_("Sound"),
    "log_level": N_("Detail of the log"),
    "channel": N_("Channel for updates"),
}
VALUE_NAMES: dict[str, str] = {
    "zh": "中文",
    "en": "English",
    "auto": N_("by itself"),
    "light": N_("light"),
    "dark": N_("dark"),
    "normal": N_("normal type"),
    "large": N_("large type"),
    "yes": N_("opens by itself"),
    "no": N_("stays closed"),
    "on": N_("switched on"),
    "off": N_("switched off"),
    "debug": N_("everything"),
    "info": N_("what happens"),
    "warning": N_("what is amiss"),
    "error": N_("failures alone"),
    "stable": N_("stable"),
    "early": N_("early"),
    "canary": N_("first of all"),
}
DIFFERENCES: dict[rules.Difference, tuple[str, str]] = {
    "as_wanted": (N_("as wanted"), "ok"),
    "under_way": (N_("on its way"), "wait"),
    "own_choice": (N_("changed in the shop"), "idle"),
    "refused": (N_("not possible there"), "stop"),
    "free": (N_("the shop’s"), "idle"),
}
REFUSALS: dict[str, str] = {
    "unknown_setting": N_("This version of the program does not know the setting."),
    "unknown_value": N_("This version of the program does not know the value."),
}
COMMAND_NAMES: dict[str, str] = {
    "sync": N_("Exchange now"),
    "restart": N_("Restart the program"),
    "diagnose": N_("Send a diagnosis"),
    "identify": N_("Show itself"),
    "clear_cache": N_("Empty the store of pictures"),
    "print_test": N_("Print a trial"),
    "update": N_("Update"),
}
#: What a person asks one terminal for here; an update is a rollout's.
OFFERED: tuple[str, ...] = ("sync", "identify", "diagnose", "print_test", "clear_cache", "restart")
STATES: dict[rules.State, tuple[str, str]] = {
    "sent": (N_("sent"), "wait"),
    "in_progress": (N_("under way"), "wait"),
    "succeeded": (N_("succeeded"), "ok"),
    "failed": (N_("failed"), "stop"),
    "rejected": (N_("rejected by the terminal"), "stop"),
    "interrupted": (N_("interrupted"), "stop"),
    "expired": (N_("expired"), "idle"),
    "cancelled": (N_("called back"), "idle"),
    "timed_out": (N_("timed out"), "stop"),
}
REASONS: dict[str, str] = {
    "": "",
    "stopped_on_the_way": N_("The program ended before it was done; it is not tried again."),
    "too_late": N_("Its time was over before the terminal could do it."),
    "superseded": N_("The terminal was asked for something else in its place."),
    "not_heard": N_("The terminal was not heard of in time."),
    "not_finished": N_("The terminal began it and did not finish in time."),
    "called_back": N_("It was called back before it was done."),
    "unknown_kind": N_("This version of the program does not know it."),
    "too_many_open": N_("Too many commands were open for this terminal."),
    "stumbled": N_("The program stumbled over it."),
    "no_printer": N_("No printer is chosen."),
    "not_printed": N_("Nothing came out of the printer."),
    "not_reached": N_("The server was not reached."),
}
MINUTES: tuple[tuple[str, str], ...] = (
    ("10", N_("10 minutes")),
    ("60", N_("one hour")),
    ("1440", N_("one day")),
    ("10080", N_("one week")),
)


@one_terminal.get("/{device_id}")
def show(request: Request, session: http.Db, clock: http.Now, device_id: str) -> Response:
    """Show what a terminal is set to, what differs, and what it was asked to do."""
    return _page(request, session, clock(), device_id)


@one_terminal.post("/{device_id}/settings", dependencies=STEERING)
def set_desired(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    device_id: str,
    seen: Annotated[int, Form(ge=0, lt=2**31)],
) -> Response:
    """Set what differs from what was desired so far."""
    typed = request.state.typed
    before = queries.shadow(session, device_id).desired
    changes: dict[str, rules.Wanted | None] = {}
    for name, setting in SETTINGS.items():
        value = typed.get(name, "")
        held = setting.keeper == "shop" and typed.get(f"{name}_held") == "yes"
        known = before.get(name)
        if not value and known is not None:
            changes[name] = None
        elif value and (known is None or (known["value"], known["held"]) != (value, held)):
            changes[name] = rules.Wanted(value, held)
    gettext = texts(request).gettext
    again = typed.get("again", "")
    if again in before and again not in changes:
        changes[again] = rules.Wanted(before[again]["value"], before[again]["held"])
    if not changes:
        return console.redirect(request, f"{PLACE}/{device_id}", flash=gettext("Nothing was changed."))
    service.set_desired(session, [device_id], changes, operator, at=clock(), seen=seen)
    return console.redirect(
        request, f"{PLACE}/{device_id}", flash=gettext("The terminal takes it as soon as it is heard of.")
    )


@one_terminal.post("/{device_id}/commands", dependencies=STEERING)
def issue(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    device_id: str,
    kind: Annotated[str, Form(max_length=40)] = "",
    minutes: Annotated[int, Form(ge=1, le=rules.MOST_MINUTES)] = 60,
) -> Response:
    """Ask the terminal for something."""
    gettext = texts(request).gettext
    if kind not in OFFERED:
        return _page(request, session, clock(), device_id, {"kind": gettext("Choose what it is asked to do.")})
    try:
        service.issue(session, [device_id], kind, operator, at=clock(), minutes=minutes)
    except Rejected as refusal:
        if refusal.code == "not_found":
            raise
        session.rollback()
        said = refusal_text(refusal.code, refusal.params, language_of(request))
        return _page(request, session, clock(), device_id, {"kind": said})
    return console.redirect(request, f"{PLACE}/{device_id}", flash=gettext("Asked. Its answer stands below."))


@one_terminal.post("/{device_id}/commands/{command}/call-back", dependencies=STEERING)
def call_back(
    request: Request, session: http.Db, clock: http.Now, operator: http.Person, device_id: str, command: UUID
) -> Response:
    """Call one command back."""
    service.call_one_back(session, command, operator, at=clock())
    said = texts(request).gettext("Called back. What the terminal has begun already may still end.")
    return console.redirect(request, f"{PLACE}/{device_id}", flash=said)


@one_terminal.get("/{device_id}/commands/{command}")
def show_command(request: Request, session: http.Db, device_id: str, command: UUID) -> Response:
    """Show one command and what it brought."""
    found = queries.command(session, command)
    device = devices.device(session, device_id)
    if found is None or device is None or found.device != device_id:
        raise Rejected("not_found", what="command", name=str(command))
    return console.page(
        request,
        "steering/command.html",
        command=found,
        device=device,
        shop=retailers.retailer(session, device.retailer),
        **_words(),
    )


def _page(
    request: Request, session: Session, now: datetime, device_id: str, errors: dict[str, str] | None = None
) -> Response:
    device = devices.device(session, device_id)
    if device is None:
        raise Rejected("not_found", what="device", name=device_id)
    shadow = queries.shadow(session, device_id)
    return console.page(
        request,
        "steering/terminal.html",
        status_code=422 if errors else 200,
        device=device,
        state=device.state(now),
        shop=retailers.retailer(session, device.retailer),
        shadow=shadow,
        settings=SETTINGS,
        differences={name: shadow.difference(name) for name in SETTINGS},
        commands=queries.commands(session, device_id, limit=SHOWN),
        offered=[(kind, COMMAND_NAMES[kind]) for kind in OFFERED],
        minutes=MINUTES,
        steerers=STEERERS,
        errors=errors or {},
        **_words(),
    )


def _words() -> dict[str, Any]:
    return {
        "setting_names": SETTING_NAMES,
        "value_names": VALUE_NAMES,
        "difference_words": DIFFERENCES,
        "refusals": REFUSALS,
        "command_names": COMMAND_NAMES,
        "command_states": STATES,
        "reasons": REASONS,
    }
