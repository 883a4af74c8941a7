"""A running installation of its own, and the people at the distributor who work on it by HTTP.

Everything goes through what the outside has: the command that starts the server, one-use links to sign in,
the programs' interface. Nothing is written into the database from here.
"""

import json
import re
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx2

from firmware_sim.launching import LOG, end_server, launch_words, start_server
from server.integrations import tokens
from server.kit.clock import Clock, system_clock
from server.kit.db import transaction
from server.kit.identity import Operator
from server.kit.runtime import open_runtime
from server.kit.settings import Settings
from server.operators import cli as operators
from server.operators import queries as operator_queries

__all__ = ["BusyError", "ConflictError", "Person", "Stage", "StageError", "installation", "launch_words"]

START_WITHIN_S = 300.0
_CSRF = re.compile(r'<meta name="csrf" content="([^"]+)"')


class StageError(RuntimeError):
    """The installation did not start or refused what the play needs; the message says what it said."""


class BusyError(StageError):
    """The installation has no hand free at the moment; asking again helps."""


class ConflictError(StageError):
    """What was asked for does not go with how things stand, such as with what somebody else did before."""


_ERRORS: Mapping[int, type[StageError]] = {
    httpx2.codes.SERVICE_UNAVAILABLE: BusyError,
    httpx2.codes.CONFLICT: ConflictError,
}


@dataclass(frozen=True)
class Person:
    """Somebody at the distributor, signed in."""

    name: str
    http: httpx2.Client

    def get(self, path: str, **params: Any) -> Any:
        """Return the JSON at ``path``."""
        return _json(self.http.get(path, params=params))

    def every(self, path: str, **params: Any) -> list[Any]:
        """Return the rows of the list at ``path``, over all its pages."""
        answer = self.http.get(path, params={"limit": 1000, **params})
        rows: list[Any] = list(_json(answer))
        while following := answer.links.get("next"):
            answer = self.http.get(following["url"])
            rows += _json(answer)
        return rows

    def post(self, path: str, body: Any = None, **more: Any) -> Any:
        """Send ``body`` as JSON, or ``files`` and ``data`` as a form; return the JSON of the answer."""
        return _json(self.http.post(path, json=body, **more) if body is not None else self.http.post(path, **more))

    def fill(self, path: str, fields: Mapping[str, Any]) -> str:
        """Send a form of the console; return the path of the page that it leads to.

        Raises
        ------
        StageError
            Where the form comes back instead.
        """
        answer = self.http.post(path, data=dict(fields), headers={"Accept": "text/html"}, follow_redirects=False)
        if not answer.has_redirect_location:
            raise StageError(f"POST {path}: {answer.status_code} {answer.text[:500]}")
        return answer.headers["location"]


@dataclass
class Stage:
    """A running installation."""

    settings: Settings
    url: str
    process: subprocess.Popen[str]
    people: list[Person] = field(default_factory=list)
    clock: Clock = system_clock

    def sign_in(self, name: str, *roles: str) -> Person:
        """Add a person with ``roles`` and sign in by a one-use link, as a new colleague would."""
        link = self.link_for(name, *roles)
        client = httpx2.Client(base_url=self.url, timeout=120.0, follow_redirects=True)
        page = client.get(link.removeprefix(self.url), headers={"Accept": "text/html"})
        found = _CSRF.search(page.text)
        if page.status_code == 200 and found is None:  # noqa: PLR2004 - a link shows a button first
            page = client.post(link.removeprefix(self.url), headers={"Accept": "text/html"})
            found = _CSRF.search(page.text)
        if found is None:
            raise StageError(f"{name} could not sign in: {page.status_code} {page.text[:200]}")
        client.headers["X-CSRF-Token"] = found[1]
        person = Person(name, client)
        self.people.append(person)
        return person

    def link_for(self, name: str, *roles: str) -> str:
        """Return a one-use sign-in link for ``name``, who is added where roles are given."""
        with (
            open_runtime(self.settings, clock=self.clock, need_broker=False) as runtime,
            transaction(runtime.sessions) as session,
        ):
            at = runtime.clock()
            if roles:
                operators.add(session, name, roles, at=at)
            return operators.link(session, name, base_url=self.url, ttl_s=3600, at=at)

    def token_for(self, name: str, scopes: Sequence[str]) -> str:
        """Return a new token of the interface for the program ``name``, made by the first of the people."""
        with (
            open_runtime(self.settings, clock=self.clock, need_broker=False) as runtime,
            transaction(runtime.sessions) as session,
        ):
            at = runtime.clock()
            by = operator_queries.operator(session, self.people[0].name, at=at)
            if by is None:
                raise StageError(f"{self.people[0].name} is not known here any more")
            maker = Operator(by.id, by.name, frozenset(by.roles))
            return tokens.make(session, name, scopes, tokens.Bounds(), days=tokens.DAYS[0], by=maker, at=at)

    def close(self) -> None:
        """End the installation, politely."""
        for person in self.people:
            person.http.close()
        end_server(self.process)


@contextmanager
def installation(
    data_dir: Path,
    *,
    process: subprocess.Popen[str] | None = None,
    clock: Clock = system_clock,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Stage]:
    """Start a server in ``data_dir`` on free ports, or take one that was started there so; end it on leaving.

    ``clock`` is that of the server's processes, where it is not the machine's; ``environment`` are its settings.

    Raises
    ------
    StageError
        With the last line that the server said.
    """
    process = process or start_server(data_dir, **environment)
    stage: Stage | None = None
    try:
        settings = Settings(data_dir=data_dir.resolve(), **_as_settings(environment))
        stage = Stage(settings, _address(settings, process, data_dir / LOG), process, clock=clock)
        yield stage
    finally:
        (stage or Stage(Settings(), "", process)).close()


def _as_settings(environment: Mapping[str, str]) -> dict[str, Any]:
    return {name.removeprefix("EVENHAND_").lower(): value for name, value in environment.items()}


def _address(settings: Settings, process: subprocess.Popen[str], log: Path) -> str:
    deadline = time.monotonic() + START_WITHIN_S
    path = settings.run_dir / "running.json"
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            running = json.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            time.sleep(0.05)
            continue
        if running.get("pid") == str(process.pid):
            return str(running["web_url"])
        time.sleep(0.05)
    said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    raise StageError(f"the server did not start: {said[-1] if said else 'it said nothing'}; see {log}")


def _json(answer: httpx2.Response) -> Any:
    if answer.is_error:
        raise _ERRORS.get(answer.status_code, StageError)(
            f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text[:500]}"
        )
    return answer.json() if answer.content else None
