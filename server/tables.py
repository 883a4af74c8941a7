"""Imports every table, so that migrations and tests see them all."""

from importlib import import_module

_HOLDERS = (
    "server.kit.audit",
    "server.kit.audit_checking",
    "server.kit.audit_sealing",
    "server.kit.broadcasts",
    "server.kit.events",
    "server.kit.idempotency",
    "server.kit.imports.drafts",
    "server.kit.imports.reports",
    "server.kit.inbox",
    "server.kit.leases",
    "server.kit.outbox",
    "server.kit.sent_forms",
    "server.operators.models",
    "server.catalogue.models",
    "server.retailers.models",
    "server.licences.models",
    "server.devices.models",
    "server.steering.models",
    "server.rollouts.models",
    "server.fleet.models",
    "server.photos.models",
    "server.forecasts.models",
    "server.scores.models",
    "server.orders.models",
    "server.cycles.models",
    "server.deliveries.models",
    "server.inventory.models",
    "server.surveys.models",
    "server.announcements.models",
    "server.feedback.models",
    "server.signals.models",
    "server.visits.models",
    "server.integrations.models",
    "server.keeping.models",
)


def load() -> None:
    """Import the modules that hold tables."""
    for name in _HOLDERS:
        import_module(name)
