"""One module a screen: what it shows, what a tap does, and at which path."""

from werkzeug.routing import Rule

from terminal_client.ui.screens import (
    deliveries,
    enrol,
    forecasts,
    grants,
    keys,
    notices,
    order,
    orders,
    scores,
    settings,
    stock,
    surveys,
)

RULES: tuple[Rule, ...] = (
    *enrol.RULES,
    *order.RULES,
    *orders.RULES,
    *grants.RULES,
    *deliveries.RULES,
    *stock.RULES,
    *forecasts.RULES,
    *scores.RULES,
    *notices.RULES,
    *surveys.RULES,
    *settings.RULES,
    *keys.RULES,
)
