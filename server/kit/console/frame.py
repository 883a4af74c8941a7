"""What one answer knows of itself: the shell it stands in, its language, its person, its place in the navigation."""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal
from zoneinfo import ZoneInfo

import jinja2
from starlette.requests import Request

from contract.texts import Language, translations
from server.kit.clock import Clock
from server.kit.console import formats, trail_words
from server.kit.console.trail_words import TrailWords

THEMES = ("light", "dark", "system")

Tone = Literal["ok", "wait", "stop", "note"]
TONES: tuple[Tone, ...] = ("ok", "wait", "stop", "note")


@dataclass(frozen=True)
class Entry:
    """One line of the navigation; shown to people who hold one of ``roles`` (no roles: to everyone).

    One about the ``whole_network`` is shown to those alone who are not bounded to some shops.

    Pages below ``also`` belong to it, beside those below ``href``.

    ``label`` is an English text marked with ``N_``; pinned entries (up to four) stand in a phone's bottom bar.
    """

    label: str
    href: str
    icon: str
    roles: frozenset[str] = frozenset()
    pinned: bool = False
    whole_network: bool = False
    also: tuple[str, ...] = ()

    def fits(self, path: str) -> int:
        """Return with how long an address of its own ``path`` begins; 0 where it does with none."""
        places = (place.rstrip("/") for place in (self.href, *self.also))
        return max((len(place) for place in places if f"{path.rstrip('/')}/".startswith(f"{place}/")), default=0)


@dataclass(frozen=True)
class Group:
    """Entries under one heading; ``label`` is empty for the first group."""

    label: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Flash:
    """A sentence shown once, on the next page."""

    text: str
    tone: Tone = "ok"


@dataclass(frozen=True)
class FormWords:
    """What people read for names that stand in addresses and forms.

    ``things``: the contract's word for what a parameter of an address names, by ``segment/parameter`` or parameter.
    ``fields``: what a form's field is called, an ``N_`` text by its name. ``choices``: the same for ``field.value``.
    """

    things: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)
    choices: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Shell:
    """What wiring hands over once; kept as ``app.state.console``."""

    product: str
    navigation: tuple[Group, ...]
    zone: ZoneInfo
    currency: str
    clock: Clock
    sign_out: str
    environment: jinja2.Environment
    trail: TrailWords = field(default_factory=TrailWords)
    form_words: FormWords = field(default_factory=FormWords)


@dataclass(frozen=True)
class Frame:
    """Everything that the frame and the macros know about the answer being written."""

    request: Request
    shell: Shell
    language: Language
    flashes: tuple[Flash, ...] = ()

    @cached_property
    def formats(self) -> formats.Formats:
        """The formats of this answer."""
        return formats.Formats(
            language=self.language,
            zone=self.shell.zone,
            currency=self.shell.currency,
            texts=translations("server", self.language),
            now=self.shell.clock(),
        )

    @property
    def operator(self) -> Any:
        """The signed-in person, or ``None``."""
        return getattr(self.request.state, "operator", None)

    @property
    def trail_names(self) -> Mapping[str, str]:
        """What identifiers in the audit's entries name, where the page has looked it up."""
        names: Mapping[str, str] = getattr(self.request.state, "trail_names", trail_words.NO_NAMES)
        return names

    @property
    def csrf(self) -> str:
        """The session's token, or an empty text."""
        token: str = getattr(self.request.state, "csrf", "") or ""
        return token

    @property
    def theme(self) -> str:
        """The chosen theme; ``system`` follows the machine."""
        chosen = self.request.cookies.get("theme")
        return chosen if chosen in THEMES else "system"

    @cached_property
    def navigation(self) -> tuple[Group, ...]:
        """The groups and entries that this person may see; nothing for nobody."""
        if self.operator is None:
            return ()
        shown = (
            replace(group, entries=tuple(entry for entry in group.entries if self._opens(entry)))
            for group in self.shell.navigation
        )
        return tuple(group for group in shown if group.entries)

    def _opens(self, entry: Entry) -> bool:
        person = self.operator
        return (not entry.roles or not entry.roles.isdisjoint(person.roles)) and not (
            entry.whole_network and getattr(person, "bounded", False)
        )

    @cached_property
    def here(self) -> Entry | None:
        """The entry that the page belongs to: the longest address that the path begins with."""
        path = self.request.url.path
        entries = [entry for group in self.navigation for entry in group.entries]
        nearest = max(entries, key=lambda entry: entry.fits(path), default=None)
        return nearest if nearest is not None and nearest.fits(path) else None

    @property
    def address(self) -> str:
        """The page's own address, to come back to after a switch of language or theme."""
        query = self.request.url.query
        return self.request.url.path + (f"?{query}" if query else "")


current: ContextVar[Frame] = ContextVar("console_frame")
