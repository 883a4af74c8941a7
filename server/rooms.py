"""Explicit tables of the web: which routes and screens there are, where they stand in the console, who sees them.

See :mod:`server.wiring` for the other tables.
"""

from fastapi import APIRouter

from server.announcements import console as announcements_console
from server.announcements import console_meetings as announcements_meetings
from server.announcements import console_writing as announcements_writing
from server.announcements import http as announcements_http
from server.announcements import http_device as announcements_device
from server.announcements import moments as announcements_moments
from server.audiences import console as audiences_console
from server.catalogue import console as catalogue_console
from server.catalogue import http as catalogue_http
from server.cycles import console as cycles_console
from server.cycles import console_acts as cycles_acts
from server.cycles import console_adjusting as cycles_adjusting_console
from server.cycles import console_corrections as cycles_corrections_console
from server.cycles import console_policies as cycles_policies
from server.cycles import console_policy_changes as cycles_policy_changes
from server.cycles import console_review as cycles_review
from server.cycles import console_score_what_if as cycles_score_what_if_console
from server.cycles import console_shop as cycles_shop
from server.cycles import console_standing as cycles_standing_console
from server.cycles import console_supply as cycles_supply
from server.cycles import console_what_if as cycles_what_if_console
from server.cycles import finding as cycles_finding
from server.cycles import http as cycles_http
from server.cycles import http_adjusting as cycles_adjusting
from server.cycles import http_corrections as cycles_corrections
from server.cycles import http_policy_changes as cycles_policy_changes_http
from server.cycles import http_score_what_if as cycles_score_what_if_http
from server.cycles import http_standing as cycles_standing
from server.cycles import http_what_if as cycles_what_if_http
from server.cycles import moments as cycles_moments
from server.cycles import touched as cycles_touched
from server.deliveries import console as deliveries_console
from server.deliveries import console_lists as deliveries_lists
from server.deliveries import finding as deliveries_finding
from server.deliveries import http as deliveries_http
from server.deliveries import moments as deliveries_moments
from server.deliveries import touched as deliveries_touched
from server.devices import console as devices_console
from server.devices import http as devices_http
from server.devices import moments as devices_moments
from server.devices import narrowing as devices_narrowing
from server.feedback import console as feedback_console
from server.feedback import console_one as feedback_one
from server.feedback import console_terms as feedback_terms
from server.feedback import console_trends as feedback_trends
from server.feedback import console_unnamed as feedback_unnamed
from server.feedback import http as feedback_http
from server.feedback import http_unnamed as feedback_unnamed_http
from server.feedback import moments as feedback_moments
from server.fleet import console as fleet_console
from server.fleet import console_alerts as fleet_alerts
from server.fleet import console_groups as fleet_groups
from server.fleet import console_views as fleet_views
from server.fleet import http as fleet_http
from server.forecasts import console as forecasts_console
from server.forecasts import console_shop as forecasts_shop
from server.forecasts import http as forecasts_http
from server.integrations import console_tokens, console_webhooks
from server.inventory import console as inventory_console
from server.inventory import console_depot as inventory_depot
from server.inventory import http as inventory_http
from server.inventory import http_depot as inventory_depot_http
from server.keeping import console as keeping_console
from server.keeping import console_exports as keeping_exports
from server.kit import audit_trail
from server.kit.console import N_, Entry, Group
from server.kit.console.cards import Part
from server.kit.console.finding import Act, Findable, finding
from server.kit.console.sections import Section
from server.kit.console.shell import TrailNames
from server.kit.imports import console as imports_console
from server.kit.imports import http as imports_http
from server.licences import console as licences_console
from server.licences import console_files as licences_files
from server.licences import http as licences_http
from server.licences import moments as licences_moments
from server.licences import narrowing as licences_narrowing
from server.operators import console as operators_console
from server.operators import (
    console_access,
    console_audit,
    console_audit_chain,
    console_passkeys,
    console_people,
    console_second_factor,
)
from server.orders import console as orders_console
from server.orders import console_reminding as orders_reminding
from server.orders import finding as orders_finding
from server.orders import http as orders_http
from server.orders import moments as orders_moments
from server.orders import touched as orders_touched
from server.photos import console as photos_console
from server.photos import http as photos_http
from server.reference import http as reference_http
from server.releases import console as releases_console
from server.releases import http as releases_http
from server.retailers import affected as retailers_affected
from server.retailers import console as retailers_console
from server.retailers import console_file as retailers_file
from server.retailers import console_notes as retailers_notes
from server.retailers import console_suspending as retailers_suspending
from server.retailers import finding as retailers_finding
from server.retailers import http as retailers_http
from server.retailers import moments as retailers_moments
from server.retailers import queries as retailers_queries
from server.retailers.narrowing import Narrowing
from server.rollouts import console as rollouts_console
from server.rollouts import http as rollouts_http
from server.scores import console as scores_console
from server.scores import console_appeals as scores_appeals
from server.scores import console_decisions as scores_decisions
from server.scores import console_facts as scores_facts
from server.scores import console_policies as scores_policies
from server.scores import console_runs as scores_runs
from server.scores import http as scores_http
from server.scores import http_appeals as scores_appeals_http
from server.scores import moments as scores_moments
from server.signals import console as signals_console
from server.signals import http as signals_http
from server.steering import console as steering_console
from server.steering import http as steering_http
from server.surveys import console as surveys_console
from server.surveys import console_figures as surveys_figures
from server.surveys import http as surveys_http
from server.surveys import moments as surveys_moments
from server.tablet import http as tablet_http
from server.visits import console as visits_console
from server.visits import console_coverage as visits_coverage
from server.visits import console_plans as visits_plans
from server.visits import console_round as visits_round
from server.visits import console_rules as visits_rules
from server.visits import http as visits_http
from server.visits import moments as visits_moments
from server.wiring import HANDLERS

#: Programs' interfaces and screens.
ROUTERS: tuple[APIRouter, ...] = (
    devices_http.device_api,
    devices_http.message_routes(HANDLERS),
    devices_http.operator_api,
    steering_http.steering,
    rollouts_http.rollouts,
    releases_http.device_api,
    fleet_http.fleet,
    fleet_http.keeping,
    reference_http.device_api,
    photos_http.device_api,
    feedback_unnamed_http.device_api,
    announcements_device.device_api,
    tablet_http.page,
    imports_http.api,
    catalogue_http.reading,
    catalogue_http.keeping,
    retailers_http.reading,
    retailers_http.keeping,
    licences_http.reading,
    licences_http.keeping,
    orders_http.api,
    forecasts_http.reading,
    forecasts_http.planning,
    forecasts_http.agreeing,
    deliveries_http.deliveries,
    deliveries_http.claims,
    inventory_http.stock,
    inventory_depot_http.depots,
    surveys_http.surveys,
    announcements_http.announcements,
    feedback_http.setting_terms,
    announcements_http.taking,
    feedback_http.reading,
    feedback_http.acting,
    feedback_http.confirming,
    feedback_http.returning,
    signals_http.signals,
    visits_http.visits,
    cycles_http.reading,
    cycles_http.planning,
    cycles_http.releasing,
    cycles_adjusting.reading,
    cycles_adjusting.planning,
    cycles_adjusting.releasing,
    cycles_policy_changes_http.reading,
    cycles_policy_changes_http.planning,
    cycles_policy_changes_http.releasing,
    cycles_corrections.reading,
    cycles_what_if_http.planning,
    cycles_what_if_http.reading,
    cycles_score_what_if_http.asking,
    cycles_score_what_if_http.reading,
    cycles_standing.reading,
    cycles_standing.planning,
    scores_http.reading,
    scores_http.planning,
    scores_http.releasing,
    scores_http.acting,
    scores_appeals_http.reading,
    scores_appeals_http.planning,
    scores_appeals_http.releasing,
    scores_appeals_http.acting,
    cycles_console.planning,
    cycles_console.reading,
    cycles_acts.planning,
    cycles_acts.releasing,
    cycles_supply.reading,
    cycles_supply.planning,
    cycles_review.reading,
    cycles_corrections_console.reading,
    cycles_policy_changes.planning,
    cycles_policy_changes.releasing,
    cycles_adjusting_console.planning,
    cycles_adjusting_console.releasing,
    cycles_policies.planning,
    cycles_policies.reading,
    cycles_what_if_console.asking,
    cycles_what_if_console.reading,
    cycles_score_what_if_console.asking,
    cycles_score_what_if_console.reading,
    cycles_standing_console.reading,
    cycles_standing_console.planning,
    forecasts_console.forecasts,
    scores_console.scores,
    scores_facts.facts,
    scores_runs.runs,
    scores_policies.planning,
    scores_policies.reading,
    scores_decisions.acts,
    scores_appeals.inbox,
    forecasts_shop.shop_screens,
    orders_console.windows,
    orders_reminding.reminders,
    orders_console.orders,
    retailers_console.shops,
    retailers_console.keeping,
    retailers_file.shops,
    retailers_file.keeping,
    retailers_suspending.keeping,
    retailers_notes.noting,
    retailers_notes.closing,
    licences_console.licences,
    licences_console.keeping,
    licences_files.entering,
    licences_files.reading,
    licences_files.deciding,
    catalogue_console.catalogue,
    catalogue_console.keeping,
    imports_console.screens,
    deliveries_lists.lists,
    deliveries_console.deliveries,
    deliveries_console.claims,
    inventory_console.stock,
    inventory_depot.stock,
    audiences_console.audiences,
    announcements_writing.writing,
    announcements_console.announcements,
    announcements_meetings.reading,
    announcements_meetings.taking,
    surveys_figures.figures,
    surveys_console.surveys,
    feedback_terms.promised,
    feedback_trends.causes,
    feedback_unnamed.nameless,
    feedback_console.inbox,
    feedback_one.one,
    signals_console.signals,
    visits_round.round_room,
    visits_coverage.figures,
    visits_rules.reading,
    visits_rules.ruling_room,
    visits_plans.reading,
    visits_console.visits,
    photos_console.photos,
    devices_console.letting_in,
    fleet_groups.reading,
    fleet_groups.keeping,
    fleet_views.views,
    fleet_alerts.ruling_room,
    fleet_alerts.reading,
    fleet_console.fleet,
    steering_console.one_terminal,
    rollouts_console.rollouts,
    releases_console.releases,
    operators_console.entrance,
    operators_console.own,
    console_passkeys.entrance,
    console_passkeys.own,
    finding,
    console_second_factor.entrance,
    console_second_factor.own,
    console_people.people,
    console_audit_chain.chain,
    console_tokens.tokens,
    keeping_console.retention,
    keeping_exports.exports,
    keeping_exports.taking,
    console_webhooks.webhooks,
    console_access.access,
    console_audit.audit,
)

#: Packages with templates of screens.
SCREENS: tuple[str, ...] = (
    "server.catalogue",
    "server.cycles",
    "server.licences",
    "server.retailers",
    "server.devices",
    "server.steering",
    "server.rollouts",
    "server.releases",
    "server.fleet",
    "server.forecasts",
    "server.photos",
    "server.scores",
    "server.operators",
    "server.orders",
    "server.deliveries",
    "server.inventory",
    "server.audiences",
    "server.surveys",
    "server.announcements",
    "server.feedback",
    "server.signals",
    "server.visits",
    "server.integrations",
    "server.keeping",
)

#: The console's navigation. Roles hide what a person cannot use; the routes themselves refuse.
NAVIGATION: tuple[Group, ...] = (
    Group("", (Entry(N_("Today"), "/console/", "home", pinned=True),)),
    Group(
        N_("Ordering"),
        (
            Entry(N_("Window room"), "/console/windows", "clock", roles=frozenset(orders_console.ROLES), pinned=True),
            Entry(N_("Orders"), "/console/orders", "list", roles=frozenset(orders_console.ROLES), pinned=True),
            Entry(N_("Cycles"), "/console/cycles", "balance"),
            Entry(N_("Policy room"), "/console/policies", "scale"),
            Entry(N_("Schedules"), "/console/standing", "calendar"),
            Entry(N_("Forecasts"), "/console/forecasts", "chart"),
            Entry(N_("Scores"), "/console/scores", "star"),
        ),
    ),
    Group(
        N_("Goods"),
        (
            Entry(N_("Deliveries"), "/console/deliveries", "truck"),
            Entry(N_("Exceptions"), "/console/claims", "alert"),
            Entry(N_("Stock"), "/console/stock", "box"),
            Entry(N_("Own stock"), "/console/depot", "box", roles=frozenset(inventory_depot_http.READERS)),
        ),
    ),
    Group(
        N_("Voices"),
        (
            Entry(N_("Announcements"), "/console/announcements", "megaphone"),
            Entry(N_("Surveys"), "/console/surveys", "survey"),
            Entry(N_("Appeals"), "/console/appeals", "inbox"),
            Entry(N_("Complaints"), "/console/feedback", "voice"),
            Entry(N_("Visits"), "/console/visits", "pin", roles=frozenset(visits_http.READERS)),
        ),
    ),
    Group(
        N_("Network"),
        (
            Entry(N_("Retailers"), "/console/retailers", "shop", pinned=True),
            Entry(N_("Licences"), "/console/licences", "licence"),
            Entry(N_("Signals"), "/console/signals", "search", roles=frozenset(signals_http.READERS)),
            Entry(N_("Catalogue"), "/console/catalogue", "catalogue"),
            Entry(N_("Bring files in"), "/console/imports", "upload", roles=frozenset(imports_http.ROLES)),
        ),
    ),
    Group(
        N_("Operations"),
        (
            Entry(
                N_("Terminals"),
                "/console/devices",
                "device",
                roles=frozenset(devices_console.ROLES),
                also=("/console/steering",),
            ),
            Entry(N_("Rollouts"), "/console/rollouts", "refresh", roles=frozenset(steering_http.READERS)),
            Entry(N_("Releases"), "/console/releases", "shield", roles=frozenset(releases_console.READERS)),
            Entry(N_("People"), "/console/operators", "people", roles=frozenset(console_people.READERS)),
            Entry(N_("API tokens"), "/console/tokens", "globe", roles=frozenset(console_tokens.READERS)),
            Entry(N_("Webhooks"), "/console/webhooks", "external", roles=frozenset(console_tokens.READERS)),
            Entry(N_("Who may see what"), "/console/access", "lock"),
            Entry(N_("Audit"), "/console/audit", "audit", roles=frozenset(audit_trail.READERS)),
            Entry(N_("Personal data"), "/console/retention", "shield", roles=frozenset(keeping_console.READERS)),
            Entry(N_("My account"), "/console/account", "user"),
        ),
    ),
)

#: The regions and classes of shops that a person can be bounded to.
BOUND_CHOICES = retailers_queries.bound_choices

#: Parts of a shop's e-file beside what retailers know themselves.
RETAILER_SECTIONS: tuple[Section, ...] = (
    Section(
        "standing",
        N_("Standing and notes"),
        "retailers/efile_standing.html",
        retailers_notes.in_e_file,
        N_("Nothing was noted yet."),
        5,
        moments=retailers_moments.MOMENTS,
    ),
    Section(
        "licences",
        N_("Licences"),
        "licences/efile.html",
        licences_console.in_e_file,
        N_("It holds no licence: goods that need one cannot be ordered."),
        10,
        moments=licences_moments.MOMENTS,
    ),
    Section(
        "scores",
        N_("Scores over time"),
        "scores/efile.html",
        scores_console.in_e_file,
        N_("It was not scored yet."),
        20,
        moments=scores_moments.MOMENTS,
    ),
    Section(
        "orders",
        N_("Orders"),
        "orders/efile.html",
        orders_console.in_e_file,
        N_("No order was received yet."),
        30,
        roles=orders_console.ROLES,
        moments=orders_moments.MOMENTS,
    ),
    Section(
        "grants",
        N_("Grants"),
        "cycles/efile.html",
        cycles_shop.in_e_file,
        N_("Nothing was granted to it yet: grants stand here once a cycle is published."),
        40,
        moments=cycles_moments.MOMENTS,
    ),
    Section(
        "deliveries",
        N_("Deliveries"),
        "deliveries/efile.html",
        deliveries_console.in_e_file,
        N_("No goods left for it yet."),
        50,
        moments=deliveries_moments.DELIVERIES,
    ),
    Section(
        "claims",
        N_("Claims"),
        "deliveries/efile_claims.html",
        deliveries_console.claims_in_e_file,
        N_("It found no difference in any delivery."),
        60,
        moments=deliveries_moments.CLAIMS,
    ),
    Section(
        "stock",
        N_("Stock"),
        "inventory/efile.html",
        inventory_console.in_e_file,
        N_("It has no goods in its ledger."),
        70,
    ),
    Section(
        "forecast",
        N_("Forecast"),
        "forecasts/efile.html",
        forecasts_console.in_e_file,
        N_("No forecast was computed for it yet."),
        80,
    ),
    Section(
        "feedback",
        N_("Complaints and suggestions"),
        "feedback/efile.html",
        feedback_console.in_e_file,
        N_("It sent no complaint, suggestion or question."),
        90,
        moments=feedback_moments.MOMENTS,
    ),
    Section(
        "visits",
        N_("Visits and calls"),
        "visits/efile.html",
        visits_console.in_e_file,
        N_("It was neither visited nor called yet."),
        95,
        roles=visits_http.READERS,
        moments=visits_moments.MOMENTS,
    ),
    Section(
        "announcements",
        N_("Announcements"),
        "announcements/efile.html",
        announcements_console.in_e_file,
        N_("Nothing was announced to it yet."),
        100,
        moments=announcements_moments.MOMENTS,
    ),
    Section(
        "surveys",
        N_("Surveys"),
        "surveys/efile.html",
        surveys_console.in_e_file,
        N_("It was asked nothing yet."),
        110,
        moments=surveys_moments.MOMENTS,
    ),
    Section(
        "devices",
        N_("Terminals"),
        "fleet/efile.html",
        fleet_console.in_e_file,
        N_("It has no terminal: it cannot order."),
        120,
        roles=devices_console.ROLES,
        moments=devices_moments.MOMENTS,
    ),
    Section(
        "signals",
        N_("Signals"),
        "signals/efile.html",
        signals_console.in_e_file,
        N_("Nothing stood out in its orders."),
        130,
        roles=signals_http.READERS,
    ),
)

#: Choices above the list of shops that other capabilities answer.
RETAILER_NARROWINGS: tuple[Narrowing, ...] = (*licences_narrowing.NARROWINGS, *devices_narrowing.NARROWINGS)

#: What the suspension of a licence, or of a shop, touches, shown before it is signed.
TOUCHED_PARTS: tuple[retailers_affected.Part, ...] = (
    orders_touched.PART,
    cycles_touched.PART,
    *deliveries_touched.PARTS,
)

_SHOP = "/console/retailers/file?code={key}"

#: What can be found from anywhere, in the order in which it is shown.
FINDABLE: tuple[Findable, ...] = (
    Findable(N_("Retailer"), "shop", "/console/retailers", _SHOP, retailers_finding.look),
    Findable(N_("Order"), "list", "/console/orders", "/console/orders/{key}", orders_finding.look),
    Findable(N_("Delivery"), "truck", "/console/deliveries", "/console/deliveries/{key}", deliveries_finding.delivery),
    Findable(N_("Exception"), "alert", "/console/claims", "/console/claims/{key}", deliveries_finding.claim),
    Findable(N_("Cycle"), "balance", "/console/cycles", "/console/cycles/{key}", cycles_finding.look),
)

_PLANNER = frozenset({"planner"})
_KEEPER = frozenset({"planner", "administrator"})

#: Who knows what an identifier in the audit names.
TRAIL_NAMES: tuple[TrailNames, ...] = (cycles_finding.names,)

#: What can be begun from anywhere.
ACTS_TO_BEGIN: tuple[Act, ...] = (
    Act(N_("New cycle"), "/console/cycles/new", "plus", "/console/cycles", _PLANNER),
    Act(N_("Write a policy"), "/console/policies/new", "pen", "/console/policies", _PLANNER),
    Act(N_("New announcement"), "/console/announcements/new", "megaphone", "/console/announcements", _PLANNER),
    Act(N_("Add a retailer"), "/console/retailers/new", "plus", "/console/retailers", _KEEPER),
    Act(N_("Add a SKU"), "/console/catalogue/new", "plus", "/console/catalogue", _KEEPER),
)

#: What each capability puts on the first page: what is open, what waits for a decision, then what is under way.
HOME_PARTS: tuple[Part, ...] = (
    Part("open", N_("Ordering windows"), (orders_console.home_cards,), with_page=True),
    Part(
        "decisions",
        N_("Decisions"),
        (
            cycles_console.home_cards,
            licences_files.home_cards,
            scores_console.home_cards,
        ),
        with_page=True,
    ),
    Part(
        "goods",
        N_("Goods and terminals"),
        (
            fleet_console.home_cards,
            deliveries_console.home_cards,
            inventory_depot.home_cards,
            operators_console.home_cards,
        ),
    ),
    Part(
        "voices",
        N_("Voices of the shops"),
        (
            scores_appeals.home_cards,
            feedback_console.home_cards,
            surveys_console.home_cards,
            announcements_console.home_cards,
        ),
    ),
    Part(
        "visits",
        N_("Visits, licences, alerts"),
        (
            fleet_alerts.home_cards,
            signals_console.home_cards,
            visits_console.home_cards,
            licences_console.home_cards,
        ),
    ),
)
