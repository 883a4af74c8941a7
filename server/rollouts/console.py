"""Screens of rollouts: the list, a new one with the number of terminals before it begins, and one live."""

import re
from collections import Counter
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends, Form, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import ValidationError
from sqlalchemy.orm import Session
from starlette.datastructures import ImmutableMultiDict

from contract.errors import Rejected
from contract.steering import COMMAND_KINDS, SETTINGS
from contract.texts import refusal_text
from server.devices import queries as devices
from server.fleet import groups
from server.kit import console, http, live
from server.kit.console.texts import N_, language_of, texts
from server.retailers import queries as retailers
from server.rollouts import audience, queries, ring_chart, rules, service
from server.rollouts.audience import Target
from server.steering.console import COMMAND_NAMES, REASONS, VALUE_NAMES
from server.steering.http import READERS, STEERERS
from server.steering.rules import usual_minutes

PLACE = "/console/rollouts"
ACTING = [Depends(http.needs(*STEERERS))]
SHOWN = 50
TERMINALS_SHOWN = 25
DIGITS_MOST = 6

rollouts = http.router(PLACE, tag="console", roles=READERS)

STATES: dict[rules.State, tuple[str, str]] = {
    "proposed": (N_("waits for a second person"), "wait"),
    "running": (N_("running"), "note"),
    "paused": (N_("paused"), "wait"),
    "halted": (N_("halted: too many failures"), "stop"),
    "waiting": (N_("waits for a person"), "wait"),
    "completed": (N_("completed"), "ok"),
    "cancelled": (N_("stopped"), "idle"),
    "expired": (N_("its time was over"), "idle"),
}
WHY: dict[rules.Why, str] = {
    "": "",
    "threshold": N_("The share of failures reached the threshold. Those under way go on; nothing more is begun."),
    "criteria": N_("The ring has ended, and fewer succeeded than the next one asks for."),
    "word": N_("The ring has ended well. The next one begins at a person’s word."),
    "nobody_judged": N_("No terminal of the ring could be reached: it says nothing yet."),
    "person": N_("A person decided so."),
    "deadline": N_("The deadline was reached. What was not begun never is."),
}
DEVICE_STATES: dict[rules.DeviceState, tuple[str, str]] = {
    "queued": (N_("waits for its turn"), "rest"),
    "sent": (N_("asked"), "note"),
    "in_progress": (N_("under way there"), "note"),
    "succeeded": (N_("succeeded"), "ok"),
    "failed": (N_("failed"), "stop"),
    "timed_out": (N_("timed out"), "stop"),
    "rejected": (N_("rejected by the terminal"), "stop"),
    "cancelled": (N_("not begun any more"), "idle"),
    "unreachable": (N_("not reached"), "wait"),
}
ROLLOUT_REASONS: dict[str, str] = {
    **REASONS,
    "stopped": N_("The rollout was stopped before its turn came."),
    "deadline": N_("The rollout’s time was over before its turn came."),
}
ADVANCES: tuple[tuple[str, str], ...] = (
    ("auto", N_("by itself, where enough succeeded")),
    ("first", N_("after the first ring at a person’s word, then by itself")),
    ("person", N_("after each ring at a person’s word")),
)
USUAL = {
    "name": "",
    "kind": "update",
    "release": "",
    "devices": "",
    "tiers": "",
    "shares": "1, 10, 50, 100",
    "advance": "first",
    "success_percent": "95",
    "rate_per_minute": "60",
    "abort_percent": "10",
    "abort_minimum": "5",
    "device_minutes": str(usual_minutes("update")),
    "deadline_hours": "168",
    "continuous": "",
}
FIELD_OF = {
    "rollout_name": "name",
    "rollout_empty": "devices",
    "rollout_list": "continuous",
    "rollout_rings": "shares",
    "command_params": "release",
    "command_time": "device_minutes",
    "command_unknown": "kind",
}
RING_NAMES = (N_("canary"), N_("second ring"), N_("third ring"), N_("fourth ring"), N_("fifth ring"), N_("sixth ring"))


@rollouts.get("")
def list_rollouts(request: Request, session: http.Db) -> Response:
    """List rollouts with how far they are."""
    found = queries.rollouts(session, limit=SHOWN)
    counted = queries.counts(session, [one.id for one in found])
    return console.page(
        request,
        "rollouts/list.html",
        rollouts=found,
        totals={one: sum(rings.values(), Counter()) for one, rings in counted.items()},
        states=STATES,
        command_names=COMMAND_NAMES,
        failures=rules.FAILURES,
        steerers=STEERERS,
    )


@rollouts.get("/events", response_class=StreamingResponse)
async def events(request: Request, operator: http.Person) -> Response:
    """Say when to look again."""
    return live.stream(request, operator, frozenset({service.TOPIC, "rollout"}))


@rollouts.get("/new", dependencies=ACTING)
def new(request: Request, session: http.Db) -> Response:
    """Ask what is to be rolled out, to whom, and how carefully."""
    return _form(request, session, USUAL, {}, Target())


@rollouts.get("/audience", dependencies=ACTING)
def count(request: Request, session: http.Db, clock: http.Now) -> Response:
    """Say how many terminals are meant, and how many stand in each ring."""
    gettext = texts(request).gettext
    asked = request.query_params
    try:
        target = _target(ImmutableMultiDict(list(asked.multi_items())))
        shares = _shares(asked.get("shares", ""))
    except (ValueError, Rejected):
        return console.fragment(request, "rollouts/count.html", number=None, said=gettext("This cannot be read yet."))
    number = len(audience.terminals(session, target, at=clock()))
    rings = [rules.Ring(str(order), share) for order, share in enumerate(shares)]
    placed = Counter(rules.ring_of(place, number, rings) for place in range(number)) if rings else Counter[int]()
    return console.fragment(
        request, "rollouts/count.html", number=number, placed=[placed[ring] for ring in range(len(rings))], said=""
    )


@rollouts.post("/new", dependencies=ACTING)
def propose(request: Request, session: http.Db, clock: http.Now, operator: http.Person) -> Response:
    """Propose a rollout; one that needs no second person runs at once."""
    form: ImmutableMultiDict[str, str] = ImmutableMultiDict(list(request.state.typed.multi_items()))
    typed = {name: form.get(name, "") for name in USUAL}
    gettext = texts(request).gettext
    errors: dict[str, str] = {}
    numbers: dict[str, int] = {}
    for name in (
        "success_percent",
        "rate_per_minute",
        "abort_percent",
        "abort_minimum",
        "device_minutes",
        "deadline_hours",
    ):
        written = typed[name].strip()
        if written.isascii() and written.isdigit() and len(written) <= DIGITS_MOST:
            numbers[name] = int(written)
        else:
            errors[name] = gettext("Write a whole number.")
    target, shares = Target(), []
    try:
        target = _target(form)
    except ValueError:
        errors["tiers"] = gettext("Write tiers as numbers with commas between them.")
    try:
        shares = _shares(typed["shares"])
    except ValueError:
        errors["shares"] = gettext("Write shares as numbers that rise to 100, with commas between them.")
    if not errors:
        try:
            made = service.propose(
                session,
                typed["name"][:100],
                typed["kind"],
                {"release": typed["release"].strip()[:100]} if typed["kind"] == "update" else {},
                target,
                _plan(shares, typed["advance"], numbers),
                operator,
                at=clock(),
                device_minutes=numbers["device_minutes"],
                deadline_hours=numbers["deadline_hours"],
                continuous=typed["continuous"] == "yes",
            )
            return console.redirect(request, f"{PLACE}/{made}", flash=gettext("The rollout stands."))
        except Rejected as refusal:
            session.rollback()
            said = refusal_text(refusal.code, refusal.params, language_of(request))
            errors[FIELD_OF.get(refusal.code, str(refusal.params.get("name", "name")))] = said
    return _form(request, session, typed, errors, target)


@rollouts.get("/{rollout}")
def show(
    request: Request,
    session: http.Db,
    rollout: UUID,
    state: Annotated[str | None, Query(max_length=20)] = None,
    reason: Annotated[str | None, Query(max_length=40)] = None,
) -> Response:
    """Show one rollout: its rings, what went wrong, and its terminals in one state."""
    found = queries.rollout(session, rollout)
    if found is None:
        raise Rejected("not_found", what="rollout", name=str(rollout))
    counted = queries.counts(session, [rollout])[rollout]
    rings = [counted.get(ring, Counter[str]()) for ring in range(len(found.rings))]
    gettext = texts(request).gettext
    listed = queries.terminals(session, rollout, limit=TERMINALS_SHOWN, state=state, reason=reason)
    return console.page(
        request,
        "rollouts/rollout.html",
        rollout=found,
        rings=rings,
        total=sum(rings, Counter()),
        picture=ring_chart.rings(
            [_parts(ring) for ring in rings],
            title=gettext("Rings of the rollout, the canary in the middle; the table beside it holds the figures."),
            current=found.ring,
        ),
        parts=[
            (gettext(words), sum(ring[name] for ring in rings), tone)
            for name, (words, tone) in DEVICE_STATES.items()
            if name != "queued"
        ],
        reasons=queries.reasons(session, rollout),
        terminals=listed,
        shops=retailers.names(session, {one.retailer for one in listed}),
        asked=(state, reason),
        shown=TERMINALS_SHOWN,
        states=STATES,
        why=WHY,
        device_states=DEVICE_STATES,
        reason_words=ROLLOUT_REASONS,
        command_names=COMMAND_NAMES,
        value_names=VALUE_NAMES,
        failures=rules.FAILURES,
        ended=rules.ENDED,
        by_two=rules.BY_TWO,
        steerers=STEERERS,
    )


@rollouts.post("/{rollout}/release", dependencies=ACTING)
def release(request: Request, session: http.Db, clock: http.Now, operator: http.Person, rollout: UUID) -> Response:
    """Release it, as the second person."""
    service.release(session, rollout, operator, at=clock())
    return console.redirect(request, f"{PLACE}/{rollout}", flash=texts(request).gettext("Released: it runs."))


@rollouts.post("/{rollout}/act", dependencies=ACTING)
def act(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    rollout: UUID,
    act: Annotated[Literal["pause", "resume", "advance", "cancel"], Form()],
    again: Annotated[str, Form(max_length=3)] = "",
) -> Response:
    """Pause, resume, go on with the next ring, or stop for good."""
    service.act(session, rollout, act, operator, at=clock(), again=again == "yes")
    said = {
        "pause": N_("Paused: nothing more is begun."),
        "resume": N_("It goes on."),
        "advance": N_("The next ring begins."),
        "cancel": N_("Stopped: what was not begun never is; what is under way is called back."),
    }
    return console.redirect(request, f"{PLACE}/{rollout}", flash=texts(request).gettext(said[act]))


def _parts(ring: Counter[str]) -> list[tuple[str, int]]:
    tones: Counter[str] = Counter()
    for state, (_, tone) in DEVICE_STATES.items():
        tones[tone] += ring[state]
    return [(tone, tones[tone]) for tone in ("ok", "note", "wait", "stop", "idle", "rest")]


def _shares(text: str) -> list[int]:
    return [int(part) for part in re.split(r"[\s,;，；、%]+", text.strip()) if part]


def _plan(shares: list[int], advance: str, numbers: dict[str, int]) -> rules.Plan:
    rings = tuple(
        rules.Ring(
            RING_NAMES[order] if order < len(RING_NAMES) else str(order),
            share,
            "person" if advance == "person" or (advance == "first" and order == 0) else "auto",
            numbers["success_percent"],
        )
        for order, share in enumerate(shares)
    )
    return rules.Plan(rings, numbers["rate_per_minute"], numbers["abort_percent"], numbers["abort_minimum"])


def _target(form: ImmutableMultiDict[str, str]) -> Target:
    """Return the terminals that a form names; ``ValueError`` where it cannot be read."""
    named = tuple(dict.fromkeys(part for part in re.split(r"[\s,;，；、]+", form.get("devices", "").strip()) if part))
    try:
        return Target(
            devices=named,
            regions=tuple(form.getlist("regions")),
            routes=tuple(form.getlist("routes")),
            tiers=tuple(int(part) for part in re.split(r"[\s,;，；、]+", form.get("tiers", "").strip()) if part),
            versions=tuple(form.getlist("versions")),
            models=tuple(form.getlist("models")),
            channels=tuple(form.getlist("channels")),
            groups=tuple(form.getlist("groups")),
        )
    except ValidationError as error:
        raise ValueError from error


def _form(
    request: Request, session: Session, typed: dict[str, str], errors: dict[str, str], target: Target
) -> Response:
    regions = retailers.audience_choices(session).regions
    return console.page(
        request,
        "rollouts/form.html",
        status_code=422 if errors else 200,
        typed=typed,
        errors=errors,
        target=target,
        kinds=[(kind, COMMAND_NAMES[kind]) for kind in COMMAND_KINDS],
        choices=(
            ("groups", N_("Groups"), [(one.name, one.name) for one in groups.groups(session)], target.groups),
            ("regions", N_("Regions"), [(one, one) for one in regions], target.regions),
            ("versions", N_("Version"), [(one, one) for one in devices.versions(session)], target.versions),
            ("models", N_("Models"), [(one, one or "–") for one in devices.models(session) if one], target.models),
            (
                "channels",
                N_("Channels"),
                [(one, VALUE_NAMES[one]) for one in SETTINGS["channel"].values],
                target.channels,
            ),
        ),
        advances=ADVANCES,
        by_two=rules.BY_TWO,
    )
