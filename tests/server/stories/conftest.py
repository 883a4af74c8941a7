"""The distributor's house for the stories of its people: one server, one database, one clock, and whoever comes in.

Lists and the world outside (orders, deliveries) are set up beside the screens; what a person of the house does is
tapped and typed in a browser.
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pyotp
import pytest
from on_a_port import on_a_port
from people import Screen, screen
from playwright.sync_api import Browser, expect

from contract.envelope import Envelope
from contract.ids import uuid7
from contract.messages import Message
from contract.texts import Language, translations
from firmware_sim.identities import Signing
from server import migrations, worker
from server.acts import ACTS
from server.app import create_app
from server.kit import embedded
from server.kit.db import make_engine, make_sessions, transaction
from server.kit.identity import SYSTEM, Role
from server.kit.runtime import Runtime
from server.kit.sealing import Seal
from server.kit.settings import Settings
from server.operators import queries
from server.operators import service as operators
from tests.server.conftest import SettableClock
from tests.server.cycles.conftest import Town, settled

A_YEAR_S = 365 * 86_400
PASSWORD = "quiet lantern over the ferry"
#: What a browser says of its own accord where a page was refused, as some of these are meant to be.
REFUSED = re.compile(r"the server responded with a status of (403|404|409|422)")


@dataclass
class House:
    """The server at its address; ``town`` does what happens outside of the screens, ``admin_url`` is its database."""

    town: Town
    address: str
    admin_url: str
    chromium: Browser
    language: Language
    faults: list[str] = field(default_factory=list)
    screens: list[Screen] = field(default_factory=list)
    reader: Screen | None = None

    @property
    def runtime(self) -> Runtime:
        return self.town.runtime

    @property
    def clock(self) -> Any:
        return self.town.clock

    def code(self, short: str) -> str:
        """Return a code that is this language's alone, so that both tell the same story side by side."""
        return f"{self.language.upper()}-{short}"

    def come_in(
        self, name: str, *roles: Role, size: str = "desk", regions: tuple[str, ...] = (), second_factor: bool = False
    ) -> Screen:
        """Let a new person in by the one-use link, choose a password, and sign in with it; end on *Today*.

        With ``second_factor`` an app is set up, because nothing else opens before, and asked for at the sign-in.
        """
        called = self.code(name)
        with transaction(self.runtime.sessions) as session:
            operators.add_operator(session, called, roles, by=SYSTEM, at=self.clock())
            operators.set_bounds(session, called, regions=regions, classes=(), by=SYSTEM, at=self.clock())
            link = operators.make_link(session, called, ttl_s=900, by=SYSTEM, at=self.clock())
        at = self.browser(size)
        opens = at.go if second_factor else at.page.goto  # the same door for all: looking at it a few times is enough
        opens(f"/console/sign-in/link/{link}")
        at.tap("Go on")
        page = at.page
        page.wait_for_url("**/console/account")
        for each in ("new", "repeated"):
            page.locator(f"input[name={each}]").fill(PASSWORD)
        at.tap("Choose this password")
        at.says("The password is changed. Other sessions are ended.")
        app = self._second_factor(at) if second_factor else None
        page.request.post("/console/sign-out", form={"csrf": page.locator("meta[name=csrf]").get_attribute("content")})
        opens("/console/")
        page.locator("input[name=name]").fill(called)
        page.locator("input[name=password]").fill(PASSWORD)
        at.tap("Sign in")
        if app is not None:
            page.locator("input[name=code]").fill(app.at(self.clock.advance(minutes=1)))
            at.look()
            at.tap("Sign in")
        page.wait_for_url("**/console/")
        expect(page.locator("h1")).to_have_text(at.words("Today"))
        return at

    def _second_factor(self, at: Screen) -> pyotp.TOTP:
        page = at.page
        page.goto("/console/")
        page.wait_for_url("**/console/account")  # nothing else opens before
        at.tap("Set it up")
        app = pyotp.TOTP(page.locator(".typed code").inner_text().replace(" ", ""))
        page.locator("input[name=code]").fill(app.at(self.clock()))
        at.tap("Switch it on")
        at.look()
        at.tap("I have kept them", role="link")
        return app

    def browser(self, size: str = "desk") -> Screen:
        """Open a browser of one's own, nobody signed in."""
        opened = screen(self.chromium, "server", self.language, self.address, size, self.faults)
        self.screens.append(opened)
        return opened

    def signed_in(self, name: str, *roles: Role) -> Screen:
        """Return a browser in which a person is signed in without the way through the door."""
        with transaction(self.runtime.sessions) as session:
            if queries.operator(session, self.code(name), at=self.clock()) is None:
                operators.add_operator(session, self.code(name), roles, by=SYSTEM, at=self.clock())
        return self.another_browser(name)

    def another_browser(self, name: str, size: str = "desk") -> Screen:
        """Return one more browser of a person who is known here."""
        with transaction(self.runtime.sessions) as session:
            opened_for = operators.open_session(
                session, self.code(name), remote="test", ttl_s=A_YEAR_S, at=self.clock()
            )
        opened = self.browser(size)
        opened.page.context.add_cookies([{"name": "evenhand", "value": opened_for.token, "url": self.address}])
        return opened

    def ask_as(self, auth: Signing, path: str, content: bytes | None = None) -> httpx2.Response:
        """Ask the interface of terminals as one of them."""
        return httpx2.request(
            "GET" if content is None else "POST",
            f"{self.address}/device/v1/{path}",
            content=content,
            auth=auth,
            headers={"Content-Type": "application/json"},
        )

    def tell_as(self, device: str, auth: Signing, kind: str, message: Message) -> dict[str, Any]:
        """Send a message of a terminal over the wire; return the receipt, nothing for a kind that gets none."""
        envelope = Envelope.of(id=uuid7(), device=device, seq=1, sent_at=self.clock(), message=message)
        return self.ask_as(auth, f"up/{kind}", envelope.encode()).raise_for_status().json() or {}

    def heard_by(self, auth: Signing) -> list[dict[str, Any]]:
        """Return what waits for a terminal in its feed."""
        items: list[dict[str, Any]] = self.ask_as(auth, "feed?after=0").raise_for_status().json()["items"]
        return items

    def did(self, *acts: tuple[str, str]) -> list[tuple[str, str]]:
        """Return acts as the audit's page tells them: of a person of the house by name, what the act is called."""
        words = translations("server", self.language).gettext
        return [(self.code(name), words(ACTS[act])) for name, act in acts]

    def trace(self, subject: str) -> list[tuple[str, str]]:
        """Return who did what with a subject, the newest first, as an auditor reads it on the audit's page."""
        self.reader = self.reader or self.signed_in("Reader", "auditor")
        self.reader.page.goto(f"/console/audit?q={subject}")
        rows = self.reader.page.locator("#list-rows tbody tr")
        cells = rows.evaluate_all("all => all.map(row => [...row.cells].map(cell => cell.innerText.trim()))")
        return [(cell[2], cell[3]) for cell in cells]


@pytest.fixture(scope="session")
def built(postgres: embedded.Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Town, str, str]]:
    """The server with its database, for all stories."""
    made = postgres.create_database("stories")
    migrations.upgrade(made.owner_url, app_role="evenhand_app")
    engine = make_engine(made.app_url, pool=8)
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("stories"),
        database_url=made.app_url,
        zone="Asia/Shanghai",
        session_ttl_s=A_YEAR_S,
    )
    clock = SettableClock()
    runtime = Runtime(settings, engine, make_sessions(engine, seal=Seal(settings)), clock, None)
    with ExitStack() as ending:
        ending.callback(engine.dispose)
        port = ending.enter_context(on_a_port(create_app(runtime)))
        yield settled(runtime, clock), f"http://127.0.0.1:{port}", made.admin_url


@pytest.fixture(params=["zh", "en"])
def house(built: tuple[Town, str, str], chromium: Browser, request: pytest.FixtureRequest) -> Iterator[House]:
    """The house in one language; at the end nothing was wrong with any page that was looked at."""
    house = House(*built, chromium, request.param)
    yield house
    worker.seal(house.runtime)
    for one in house.screens:
        one.page.context.close()
    assert [fault for fault in house.faults if not REFUSED.search(fault)] == []
