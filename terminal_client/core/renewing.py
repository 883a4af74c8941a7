"""The next certificate: looked after some times a day, asked for at two thirds of the life of the one that is there.

The one before stays valid until its end, on both sides: a power cut between any two steps leaves a terminal that is
known. Who is believed comes the same way, signed by nobody but asked of the server by this terminal's key.
"""

import logging
from collections.abc import Callable

from contract.errors import Rejected
from terminal_client.core.ports import CertificateWire, Keys, NotReachedError
from terminal_client.core.server_clock import ServerClock, milliseconds
from terminal_client.core.store import Store

log = logging.getLogger(__name__)
LOOKS_EVERY_MS = 6 * 3600 * 1000
TRIES_AGAIN_MS = 60_000


class Renewer:
    """Keeps the certificate young; ``renewed`` is called once another one is kept."""

    def __init__(
        self, store: Store, keys: Keys, wire: CertificateWire, clock: ServerClock, renewed: Callable[[], None]
    ) -> None:
        self._store = store
        self._keys = keys
        self._wire = wire
        self._clock = clock
        self._renewed = renewed

    def step(self) -> int:
        """Look, and renew where it is time; return how many milliseconds to wait before the next look."""
        identity = self._store.identity()
        if identity is None or not identity.key:
            return TRIES_AGAIN_MS
        try:
            told, key = self._wire.look_at_certificate(), identity.key
            if milliseconds(told.renew_at) <= self._clock.now_ms():
                made = self._keys.make()
                told, key = self._wire.renew_certificate(made.csr), made.key
        except (NotReachedError, Rejected) as error:
            log.info("the certificate was not looked at: %s", error)
            return TRIES_AGAIN_MS
        if (key, told.authorities) != (identity.key, identity.authorities):
            self._store.keep_certified(told, key)
            self._renewed()
        return LOOKS_EVERY_MS
