"""One module a screen: what it shows, what a tap does, what a scan does, and at which path."""

from werkzeug.routing import Rule

from terminal_client.ui.scanning import Handler
from terminal_client.ui.screens import (
    counter,
    deliveries,
    diagnostics,
    enrol,
    feedback,
    forecasts,
    grants,
    health,
    keys,
    licence,
    lock,
    notices,
    order,
    orders,
    photos,
    pins,
    scan,
    scores,
    settings,
    slips,
    stock,
    stock_count,
    stock_day,
    surveys,
    unnamed,
    updates,
)

#: Which screen takes scans, by the first part of its path; any other one says what was scanned and does nothing.
SCANNED: dict[str, Handler] = {
    "/enrol": enrol.scanned,
    "/order": order.scanned,
    "/deliveries": deliveries.scanned,
    "/stock": stock.scanned,
    "/counter": counter.scanned,
}

RULES: tuple[Rule, ...] = (
    *enrol.RULES,
    *order.RULES,
    *orders.RULES,
    *grants.RULES,
    *deliveries.RULES,
    *stock.RULES,
    *stock_count.RULES,
    *stock_day.RULES,
    *forecasts.RULES,
    *scores.RULES,
    *notices.RULES,
    *surveys.RULES,
    *licence.RULES,
    *feedback.RULES,
    *unnamed.RULES,
    *updates.RULES,
    *photos.RULES,
    *settings.RULES,
    *diagnostics.RULES,
    *health.RULES,
    *keys.RULES,
    *lock.RULES,
    *pins.RULES,
    *counter.RULES,
    *slips.RULES,
    *scan.rules(SCANNED),
)
