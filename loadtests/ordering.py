"""Locust file: terminals order and read over HTTP, people look at the console's pages.

The file named by ``EVENHAND_LOAD_SCENE`` says who they are; :mod:`loadtests.run` writes it. Whoever wants to aim
this at an installation of their own writes one by hand: see :class:`loadtests.scene.Scene`.
"""

import itertools
import os
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from locust import FastHttpUser, between

from contract.envelope import Envelope
from contract.feed import Receipt
from contract.ids import uuid7
from contract.messages import CancelOrder, Message, PlaceOrder
from firmware_sim.identities import Signing
from loadtests.scene import DeviceScene, Scene
from server.kit import certificates

OK = 200
SCENE = Scene.model_validate_json(Path(os.environ["EVENHAND_LOAD_SCENE"]).read_text(encoding="utf-8"))
_devices: Iterator[DeviceScene] = itertools.cycle(SCENE.devices)


class Shop(FastHttpUser):  # type: ignore[misc] # locust has no types
    """A terminal: orders, thinks again, reads its feed."""

    weight = 3
    host = SCENE.url
    wait_time = between(0.2, 0.8)

    def on_start(self) -> None:
        """Take the next device."""
        self.device = next(_devices)
        self.sign = Signing(certificates.private_key(self.device.key))
        self.seq = 0

    def order(self) -> None:
        """Place an order; take it back, so that the credit lasts however long the load does."""
        placed = self._send("order.place", PlaceOrder(window=SCENE.window, lines=self.device.lines))
        if placed is not None and placed.outcome == "accepted":
            self._send("order.cancel", CancelOrder(order=placed.message, revision=placed.revision or 1))

    def read(self) -> None:
        """Read the feed and what the shop may order."""
        for name, target in (("feed", "/device/v1/feed?after=0"), ("reference", "/device/v1/reference")):
            self.client.get(target, headers=self._signed("GET", target), name=name)

    def _signed(self, method: str, target: str, body: bytes = b"") -> dict[str, str]:
        return self.sign.fields(method, target, body, at=datetime.now(UTC))

    def _send(self, kind: str, message: Message) -> Receipt | None:
        """Send a message; anything but an accepting receipt counts as a failure."""
        self.seq += 1
        envelope = Envelope.of(
            id=uuid7(random_bits=random.getrandbits),
            device=self.device.device,
            seq=self.seq,
            sent_at=datetime.now(UTC),
            message=message,
        )
        path, body = f"/device/v1/up/{kind}", envelope.encode()
        headers = self._signed("POST", path, body) | {"Content-Type": "application/json"}
        with self.client.post(path, data=body, headers=headers, name=kind, catch_response=True) as answer:
            if answer.status_code != OK:
                answer.failure(f"{answer.status_code} {(answer.text or '')[:120]}")
                return None
            receipt = Receipt.model_validate_json(answer.text)
            if receipt.outcome != "accepted":
                answer.failure(f"refused: {receipt.code}")
            return receipt

    tasks: ClassVar = {order: 3, read: 2}


class Planner(FastHttpUser):  # type: ignore[misc] # locust has no types
    """A person at the distributor who goes through the console."""

    weight = 1
    host = SCENE.url
    wait_time = between(0.5, 1.5)

    def look(self) -> None:
        """Open one of the pages."""
        page = random.choice(SCENE.pages)  # noqa: S311 - a load, not a secret
        headers = {"Cookie": SCENE.cookie, "Accept": "text/html"}
        wanted = {"headers": headers, "name": page, "allow_redirects": False, "catch_response": True}
        with self.client.get(page, **wanted) as answer:
            if answer.status_code != OK:  # a way to the sign-in is no page
                answer.failure(f"{answer.status_code} instead of the page")

    tasks: ClassVar = [look]
