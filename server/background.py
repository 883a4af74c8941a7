"""Explicit tables of the worker: who reacts to an event, which jobs there are, what is done every second."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from server.announcements import reactions as announcements
from server.announcements import service as announcements_service
from server.catalogue.events import CatalogueChanged
from server.cycles import reactions as cycles_reactions
from server.cycles.events import GrantsPublished, PolicyChanged
from server.deliveries.events import DeliveryConfirmed, GoodsLeft
from server.feedback import service as feedback
from server.feedback import unnamed as feedback_unnamed
from server.fleet import history as fleet_history
from server.fleet import watching as fleet_watching
from server.forecasts import service as forecasts
from server.integrations import messages, telling
from server.inventory import reactions as inventory
from server.inventory import telling as inventory_telling
from server.keeping import erasing, shop_exports
from server.kit import audit_checking, sent_forms
from server.kit.imports import drafts as imports_drafts
from server.licences import notices as licence_notices
from server.licences.events import LicencesChanged, LicencesEnding
from server.orders import queries as orders_queries
from server.orders import windows
from server.orders.events import RetailersReminded, WindowClosed
from server.reference import reactions as reference
from server.retailers.events import RetailersChanged, StandingChanged
from server.rollouts import service as rollouts
from server.scores import decisions as score_decisions
from server.signals import reactions as signals
from server.steering import service as steering
from server.surveys import service as surveys
from server.wiring import IMPORTS

_OWN: Mapping[type, tuple[Callable[[Session, Any, datetime], None], ...]] = {
    WindowClosed: (cycles_reactions.on_window_closed, signals.on_window_closed),
    PolicyChanged: (announcements.on_policy_changed,),
    GrantsPublished: (cycles_reactions.on_grants_published,),
    RetailersReminded: (announcements.on_retailers_reminded,),
    GoodsLeft: (inventory.on_goods_left,),
    DeliveryConfirmed: (inventory.on_delivery_confirmed,),
    CatalogueChanged: (reference.on_catalogue_changed,),
    RetailersChanged: (reference.on_retailers_changed,),
    StandingChanged: (reference.on_standing_changed,),
    LicencesChanged: (reference.on_licences_changed,),
    LicencesEnding: (announcements.on_licences_ending,),
}

#: Event class -> reactions, each in a transaction of its own, at least once, idempotent. Others are told last.
REACTIONS: Mapping[type, tuple[Callable[[Session, Any, datetime], None], ...]] = {
    kind: (*_OWN.get(kind, ()), *((messages.on_event,) if kind in telling.FACTS else ()))
    for kind in (*_OWN, *(one for one in telling.FACTS if one not in _OWN))
}

#: Job name -> function that opens its own transactions. What calculates for long stands in ``server/solver.py``.
TASKS: Mapping[str, Callable[..., None]] = {
    imports_drafts.TASK: imports_drafts.job(IMPORTS),
    audit_checking.TASK: audit_checking.run,
    erasing.TASK: erasing.run,
    shop_exports.TASK: shop_exports.run,
    licence_notices.TASK: licence_notices.run,
}


def _watch_fleet(session: Session, now: datetime) -> None:
    """Watch the fleet, knowing where a window is open: a terminal that is offline there cannot order."""
    open_routes = {window.route for window in orders_queries.windows(session, state="open")}
    fleet_watching.keep_time(session, now, ordering=open_routes)


#: What the worker does every second, in a transaction of its own each, told the time in the distributor's zone.
TICKS: tuple[Callable[[Session, datetime], object], ...] = (
    windows.open_due_windows,
    windows.close_due_windows,
    surveys.keep_time,
    announcements_service.keep_time,
    inventory_telling.keep_time,
    forecasts.keep_time,
    score_decisions.keep_time,
    feedback.keep_time,
    feedback_unnamed.keep_time,
    audit_checking.keep_time,
    sent_forms.forget_old,
    erasing.keep_time,
    licence_notices.keep_time,
    steering.keep_time,
    rollouts.keep_time,
    fleet_history.keep_time,
    _watch_fleet,
)
