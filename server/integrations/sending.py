"""The worker's part of webhooks: what is due goes out, beside everything else that the worker does.

Each address has a thread of its own while something is due for it, so that one which is slow or away keeps no other
waiting; its messages go out one after the other.
"""

import threading
import time
from uuid import UUID

import structlog
from prometheus_client import Counter
from sqlalchemy.exc import OperationalError

from server.integrations import messages
from server.integrations.posting import Allowed, Answer, post, signature
from server.kit.db import transaction
from server.kit.processes import Ending
from server.kit.runtime import Runtime
from server.kit.settings import Settings

log = structlog.get_logger(__name__)
SENT = Counter("evenhand_webhooks", "Attempts to deliver an event", ["state"])
LOOK_S = 1.0
AT_ONCE = 16
GRACE_S = 3.0


def allowed(settings: Settings) -> Allowed:
    """Return which addresses this installation may post to."""
    return Allowed(plain_http=settings.demo, private_addresses=settings.webhook_private_addresses)


def run(runtime: Runtime, stop: Ending) -> None:
    """Send until ``stop``; a database that is away is waited for.

    What is under way then has :data:`GRACE_S` to end; an attempt that is cut off is made again by the next worker.
    """
    busy: dict[UUID, threading.Thread] = {}
    while not stop.is_set():
        busy = {webhook: thread for webhook, thread in busy.items() if thread.is_alive()}
        try:
            with transaction(runtime.sessions) as session:
                due = messages.with_due(session, runtime.clock())
        except OperationalError as error:
            log.warning("database_away", why=str(error).splitlines()[0])
            due = []
        for webhook in due:
            if webhook not in busy and len(busy) < AT_ONCE:
                busy[webhook] = threading.Thread(
                    target=_serve, args=(runtime, webhook, stop), name=f"webhook {webhook}", daemon=True
                )
                busy[webhook].start()
        stop.wait(LOOK_S)
    until = time.monotonic() + GRACE_S
    for thread in busy.values():
        thread.join(max(until - time.monotonic(), 0))


def send_one(runtime: Runtime, webhook: UUID) -> str | None:
    """Make the attempt of a webhook that is due first, and write down what came of it.

    Return the state of its message, an empty text where a newer attempt counts; none: nothing was due.
    """
    with transaction(runtime.sessions) as session:
        due = messages.take_due(session, webhook, runtime.clock())
    if due is None:
        return None
    answer = _send(runtime, due)
    with transaction(runtime.sessions) as session:
        state = messages.note_answer(session, due, answer, runtime.clock())
    SENT.labels(state or "late").inc()
    if state == "parked":
        log.error("webhook_parked", message=str(due.id), status=answer.status)
    return state


def _serve(runtime: Runtime, webhook: UUID, stop: Ending) -> None:
    """Send what is due for one webhook; after a failure the others may go first."""
    try:
        while not stop.is_set() and send_one(runtime, webhook) == "delivered":
            pass
    except OperationalError as error:
        log.warning("database_away", why=str(error).splitlines()[0])


def _send(runtime: Runtime, due: messages.Due) -> Answer:
    body, timestamp = due.body.encode(), int(runtime.clock().timestamp())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Evenhand-Webhooks",
        "webhook-id": str(due.id),
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(secret, str(due.id), timestamp, body) for secret in due.secrets),
    }
    return post(due.url, headers, body, allowed(runtime.settings))
