"""The policy room: what each policy says, its versions, a form for a new one, and what-ifs before a window opens."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

from fastapi import Form, Query, Request, Response
from sqlalchemy.orm import Session

import allocation
from allocation.errors import InputError
from server.catalogue import queries as catalogue
from server.cycles import policy_change_queries, queries, standing, terms
from server.cycles.console import problems
from server.cycles.errors import POLICY_UNREADABLE, invalid
from server.kit import console, http
from server.kit.console.texts import N_, language_of, texts
from server.kit.fields import Invalid, Unfit
from server.kit.identity import Actor
from server.retailers import queries as retailers
from server.scores import queries as scores

PLACE = "/console/policies"
SPARE_ROWS = 3
CYCLES_LOOKED_AT = 50

reading = http.router(PLACE, tag="console", roles=())
planning = http.router(PLACE, tag="console", roles=("planner",))

FAIRNESSES: dict[str, str] = {
    "line": N_("the lines of each SKU by themselves"),
    "basket": N_("retailers with their whole orders"),
}
RULES: dict[str, str] = {
    "max_min": N_("by weight, the smallest share first (max-min)"),
    "proportional": N_("in proportion to requests: asking for more pays"),
    "equal_losses": N_("equal losses: asking for more pays"),
    "talmud": N_("Talmud: equal up to half, then equal losses"),
    "priority": N_("tier after tier"),
}
ROUNDINGS: dict[str, str] = {
    "webster": N_("to nobody's favour (Webster)"),
    "adams": N_("first packs first, to the small (Adams)"),
    "dean": N_("a little to the small (Dean)"),
    "huntington_hill": N_("a little to the small (Huntington–Hill)"),
    "jefferson": N_("to the large (Jefferson)"),
}
GROUPS: dict[str, str] = {
    "region": N_("region"),
    "route": N_("route"),
    "tier": N_("tier"),
    "market_type": N_("market"),
}


@dataclass(frozen=True)
class Shown:
    """A version of a policy with what it says; ``said`` is none where an older text can no longer be read."""

    policy: queries.Policy
    said: terms.Terms | None
    is_newest: bool


@dataclass(frozen=True)
class Typed:
    """What stands in the form, as it was typed."""

    name: str = ""
    fairness: str = "line"
    rule: str = "max_min"
    inside: str = ""
    rounding: str = "webster"
    credit: bool = False
    retailer_units: str = ""
    quotas: tuple[tuple[str, str, str, str], ...] = ()
    all_or_nothing: tuple[tuple[str, str], ...] = ()
    baskets: tuple[tuple[str, str], ...] = ()
    bundles: tuple[tuple[str, str], ...] = ()
    reason: str = ""
    seen: str = ""


@reading.get("")
@http.of_shops
def policy_room(request: Request, session: http.Db) -> Response:
    """Show every policy with its versions."""
    return _room(request, session)


@planning.get("/new")
def policy_form(
    request: Request,
    session: http.Db,
    policy: Annotated[str, Query(max_length=300)] = "",
) -> Response:
    """Show the form, filled with what a version says where one is named."""
    name, _, version = policy.rpartition("|")
    found = queries.policy(session, name, int(version)) if version.isdecimal() else None
    if found is None:
        return _form(request, session, Typed(), {})
    newest = queries.policy(session, name)
    seen = "" if newest is None else f"{newest.name}|{newest.version}"
    return _form(request, session, replace(_typed(found.name, terms.read(found.text)), seen=seen), {})


@planning.post("/new")
def write_policy(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    name: Annotated[str, Form()] = "",
    fairness: Annotated[str, Form()] = "line",
    rule: Annotated[str, Form()] = "",
    inside: Annotated[str, Form()] = "",
    rounding: Annotated[str, Form()] = "",
    credit: Annotated[str, Form()] = "",
    retailer_units: Annotated[str, Form()] = "",
    quota_of: Annotated[list[str] | None, Form()] = None,
    quota_sku: Annotated[list[str] | None, Form()] = None,
    quota_units: Annotated[list[str] | None, Form()] = None,
    line_retailer: Annotated[list[str] | None, Form()] = None,
    line_sku: Annotated[list[str] | None, Form()] = None,
    basket: Annotated[list[str] | None, Form()] = None,
    basket_sku: Annotated[list[str] | None, Form()] = None,
    bundle: Annotated[list[str] | None, Form()] = None,
    bundle_sku: Annotated[list[str] | None, Form()] = None,
    reason: Annotated[str, Form()] = "",
    seen: Annotated[str, Form(max_length=300)] = "",
) -> Response:
    """Write a version of a policy; rows that were left empty are left out."""
    rows = [
        (*_group_of(who), sku.strip(), units.strip())
        for who, sku, units in zip(quota_of or [], quota_sku or [], quota_units or [], strict=False)
    ]
    typed = Typed(
        name=name,
        fairness=fairness,
        rule=rule,
        inside=inside if rule == "priority" else "",
        rounding=rounding,
        credit=bool(credit),
        retailer_units=retailer_units.strip(),
        quotas=tuple(row for row in rows if row[1] or row[3]),
        all_or_nothing=_pairs(line_retailer, line_sku),
        baskets=_pairs(basket, basket_sku),
        bundles=_pairs(bundle, bundle_sku),
        reason=reason,
        seen=seen,
    )
    known_name, _, known_version = seen.rpartition("|")
    try:
        written = standing.write_policy(
            session,
            name,
            terms.write(_terms(typed)),
            reason=reason,
            author=operator.name,
            actor=Actor("operator", operator.name),
            at=clock(),
            seen=int(known_version) if known_name == name.strip() and known_version.isdecimal() else None,
        )
    except Invalid as refused:
        session.rollback()
        return _form(request, session, typed, problems(refused, texts(request).gettext))
    done = texts(request).gettext("%(policy)s is written. Cycles in draft can choose it.")
    return console.redirect(request, PLACE, flash=done % {"policy": f"{written.name} v{written.version}"})


@planning.post("/restore")
def restore_policy(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    policy: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
) -> Response:
    """Write what an earlier version said as the newest."""
    name, _, version = policy.rpartition("|")
    gettext = texts(request).gettext
    try:
        written = standing.restore_policy(
            session,
            name,
            int(version) if version.isdecimal() else 0,
            reason=reason,
            author=operator.name,
            actor=Actor("operator", operator.name),
            at=clock(),
        )
    except Invalid as refused:
        session.rollback()
        return _room(request, session, problems(refused, gettext))
    done = gettext("%(policy)s says again what it said.")
    return console.redirect(request, PLACE, flash=done % {"policy": f"{written.name} v{written.version}"})


def shown(policy: queries.Policy, *, is_newest: bool = True) -> Shown:
    """Return a version with what it says."""
    try:
        return Shown(policy, terms.read(policy.text), is_newest)
    except Invalid:
        return Shown(policy, None, is_newest)


def words() -> dict[str, Any]:
    """Return what templates need to tell a policy in words."""
    return {"fairnesses": FAIRNESSES, "rules": RULES, "roundings": ROUNDINGS, "groups": GROUPS}


def _terms(typed: Typed) -> terms.Terms:
    """Return what was typed as a policy's terms.

    Raises
    ------
    Invalid
        For a number that is none, or a rule that the core refuses.
    """
    try:
        policy = allocation.Policy(typed.fairness, typed.rule, typed.rounding, inside=typed.inside or None)
    except InputError as error:
        raise invalid("policy", POLICY_UNREADABLE, what=str(error)) from None
    quotas = tuple(
        terms.Quota(group, value, sku or terms.ALL, _units(f"quotas, row {number}, max_units", units))
        for number, (group, value, sku, units) in enumerate(typed.quotas, start=1)
    )
    return terms.Terms(
        policy,
        typed.credit,
        _units("retailer_units", typed.retailer_units) if typed.retailer_units else None,
        quotas,
        tuple(terms.AllOrNothing(retailer or terms.ALL, sku) for retailer, sku in typed.all_or_nothing),
        tuple(terms.BasketSku(label, sku) for label, sku in typed.baskets),
        tuple(terms.BundleSku(label, sku) for label, sku in typed.bundles),
    )


def _group_of(chosen: str) -> tuple[str, str]:
    """Return kind and label of a group as the form's choice says it: ``region|hills``."""
    group, _, label = chosen.strip().partition("|")
    return group, label


def _pairs(first: list[str] | None, second: list[str] | None) -> tuple[tuple[str, str], ...]:
    """Return the rows of two columns that were not left empty."""
    rows = ((one.strip(), other.strip()) for one, other in zip(first or [], second or [], strict=False))
    return tuple(row for row in rows if any(row))


def _units(where: str, typed: str) -> int:
    try:
        return terms.UNITS.read(typed)
    except Unfit as unfit:
        raise Invalid({where: unfit}) from None


def _typed(name: str, said: terms.Terms) -> Typed:
    return Typed(
        name=name,
        fairness=said.policy.fairness,
        rule=said.policy.rule,
        inside=said.policy.inside or "",
        rounding=said.policy.rounding,
        credit=said.credit,
        retailer_units="" if said.retailer_units is None else str(said.retailer_units),
        quotas=tuple((q.group, q.value, q.sku, str(q.max_units)) for q in said.quotas),
        all_or_nothing=tuple((line.retailer, line.sku) for line in said.all_or_nothing),
        baskets=tuple((one.basket, one.sku) for one in said.baskets),
        bundles=tuple((one.bundle, one.sku) for one in said.bundles),
    )


def _room(request: Request, session: Session, errors: Mapping[str, str] | None = None) -> Response:
    versions = queries.policies(session)
    newest = {policy.name: policy.version for policy in reversed(versions)}
    by_name: dict[str, list[Shown]] = {}
    for policy in versions:
        by_name.setdefault(policy.name, []).append(shown(policy, is_newest=newest[policy.name] == policy.version))
    used: dict[str, list[queries.Cycle]] = {}
    for cycle in queries.cycles(session, limit=CYCLES_LOOKED_AT):
        used.setdefault(cycle.policy_name, []).append(cycle)
    scored = scores.in_force(session)
    return console.page(
        request,
        "cycles/policies.html",
        status_code=422 if errors else 200,
        policies=by_name,
        used=used,
        changes={(one.cycle, one.policy): one for one in policy_change_queries.approved(session)},
        scored=scored,
        guarded=len((scored.guards or {}).get("changes", [])) if scored is not None else 0,
        errors=errors or {},
        **words(),
    )


def _form(request: Request, session: Session, typed: Typed, errors: Mapping[str, str]) -> Response:
    choices, zh = retailers.audience_choices(session), language_of(request) == "zh"
    known = {
        "region": choices.regions,
        "route": choices.routes,
        "tier": map(str, choices.tiers),
        "market_type": retailers.market_types(session),
    }
    labels = [(group, label) for group, some in known.items() for label in some if label]
    labels += [(group, label) for group, label, *_ in typed.quotas if label and (group, label) not in labels]
    empty = ("region", "", terms.ALL, "")
    return console.page(
        request,
        "cycles/policy_form.html",
        status_code=422 if errors else 200,
        typed=typed,
        quotas=(*typed.quotas, *(empty for _ in range(SPARE_ROWS))),
        lines=(*typed.all_or_nothing, *(("", "") for _ in range(SPARE_ROWS))),
        baskets=(*typed.baskets, *(("", "") for _ in range(SPARE_ROWS))),
        bundles=(*typed.bundles, *(("", "") for _ in range(SPARE_ROWS))),
        labels=labels,
        skus=[
            (one.sku, one.name_zh if zh else one.name_en) for one in catalogue.skus(session, withdrawn=True).values()
        ],
        insides=[rule for rule in RULES if rule != "priority"],
        errors=errors,
        **words(),
    )
