"""From a view to a page: templates, the chosen language, the settings of the screen."""

import secrets
from dataclasses import dataclass, fields
from datetime import datetime, tzinfo
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from werkzeug.wrappers import Response

from contract.device_api import CatalogueItem
from contract.feed import Text
from contract.texts import LANGUAGES, Language, translations
from terminal_client.app import Terminal
from terminal_client.core.pins import WARNING_MS, Standing
from terminal_client.core.views import catalogue, status, windows
from terminal_client.core.views.windows import WindowView
from terminal_client.ui import sentences, show

THEMES = ("auto", "light", "dark")
SIZES = ("normal", "large")
#: Whether the keyboard on the screen opens by itself; where a real one stands, it need not.
KEYS = ("yes", "no")
#: Whether scans, receipts and refusals are heard.
SOUNDS = ("on", "off")


@dataclass(frozen=True)
class Look:
    """The settings of the screen."""

    language: Language
    theme: str
    size: str
    keys: str
    sound: str


@dataclass(frozen=True)
class Mark:
    """All on which a screen depends; as text, what a page has seen of it. ``run`` is another one at each start."""

    run: str
    revision: int
    link: str
    trouble: str | None
    phase: str | None
    prints: int
    doubt: int | None

    def __str__(self) -> str:
        """Return the parts in one word."""
        return ".".join(str(getattr(self, part.name)) for part in fields(self))


class Pages:
    """Renders templates for one terminal."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._environments: dict[Language, Environment] = {}
        self._run = secrets.token_hex(4)

    def look(self) -> Look:
        """Return the settings of the screen; Chinese until something else is chosen."""
        store = self._terminal.store
        language: Language = "en" if store.setting("language", "zh") == "en" else "zh"
        size, keys = store.setting("size", "normal"), store.setting("keys", "yes")
        return Look(language, store.setting("theme", "auto"), size, keys, store.setting("sound", "on"))

    def text(self, message: str, **fields: object) -> str:
        """Return a message in the chosen language, its fields filled in."""
        return translations("terminal_client", self.look().language).gettext(message).format_map(fields)

    def name(self, item: CatalogueItem) -> str:
        """Return an item's name in the chosen language."""
        return show.text(item.name, self.look().language)

    def moment(self, at: datetime | int | None, *, offset: bool = False) -> str:
        """Return an instant as people say it, in the distributor's zone and the chosen language."""
        texts = translations("terminal_client", self.look().language)
        return show.moment(at, now=self._terminal.clock.now(), here=self.zone(), texts=texts, offset=offset)

    def packs(self, units: int, item: CatalogueItem) -> str:
        """Return a quantity in whole boxes and units over, in the chosen language."""
        return show.packs(units, item, translations("terminal_client", self.look().language))

    def zone(self) -> tzinfo:
        """Return the zone of the distributor's windows."""
        window = self._terminal_window()
        return show.zone(window.zone if window else None)

    def refusal(self, code: str, params: dict[str, str | int]) -> str:
        """Return the sentence of a refusal in the chosen language."""
        language = self.look().language
        texts = translations("terminal_client", language)
        shown = show.refusal_moments(params, now=self._terminal.clock.now(), here=self.zone(), texts=texts)
        return show.refusal(code, shown, language, catalogue.read(self._terminal.store))

    def page(self, template: str, *, http_status: int = 200, **context: Any) -> Response:
        """Return a whole page or, for names that begin with ``_``, a part of one."""
        terminal, look = self._terminal, self.look()
        banner = status.banner(terminal.store, terminal.clock, terminal.engine)
        context = {
            "look": look,
            "banner": banner,
            "news": str(self.mark()),
            "door": self._door(),
            "version": terminal.version,
            "scanner": bool(terminal.counter.scanner_path),
            "print_failed": terminal.counter.prints.failed(),
            **context,
        }
        body = self._environment(look.language).get_template(template).render(context)
        return Response(body, status=http_status, mimetype="text/html")

    def _door(self) -> Standing | None:
        """Return who stands at the terminal, or none where it has no PINs."""
        door = self._terminal.door
        return door.standing() if door.has("owner") else None

    def mark(self) -> Mark:
        """Return what changes whenever a screen could show something else."""
        terminal, window = self._terminal, self._terminal_window()
        doubt_ms = terminal.clock.uncertain_by_ms()
        return Mark(
            run=self._run,
            revision=terminal.store.revision,
            link=terminal.engine.link,
            trouble=terminal.engine.trouble,
            phase=window.phase if window else None,
            prints=terminal.counter.prints.revision,
            doubt=None if doubt_ms is None else doubt_ms // 5_000,
        )

    def _terminal_window(self) -> WindowView | None:
        return windows.current(self._terminal.store, self._terminal.clock)

    def _environment(self, language: Language) -> Environment:
        if language not in self._environments:
            self._environments[language] = self._make(language)
        return self._environments[language]

    def _make(self, language: Language) -> Environment:
        texts = translations("terminal_client", language)
        made = Environment(
            loader=PackageLoader("terminal_client.ui"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n"],
        )
        made.install_gettext_translations(texts, newstyle=True)  # type: ignore[attr-defined] # of the extension

        def here(value: Text) -> str:
            return show.text(value, language)

        def sentence(message: str, fields: dict[str, object] | None = None) -> str:
            shown = {k: f"{v:,}" if isinstance(v, int) else v for k, v in (fields or {}).items()}
            return texts.gettext(message).format_map(shown)

        made.filters |= {
            "here": here,
            "moment": self.moment,
            "money": show.money,
            "packs": self.packs,
            "countdown": lambda remaining_ms: show.countdown(remaining_ms, texts),
            "month": lambda value: show.month(value, texts),
            "sentence": sentence,
            "number": lambda value: f"{value:,}",
            "groups": lambda value: " ".join(value[at : at + 8] for at in range(0, len(value), 8)),
            "name": lambda value: value.encode().hex(),
        }
        made.globals |= {
            "refusal": self.refusal,
            "languages": LANGUAGES,
            "short": sentences.short,
            "BOUNDS": sentences.BOUNDS,
            "why": sentences.why,
            "advice": lambda found: texts.gettext(", ").join(sentence(*piece) for piece in sentences.advice(found)),
            "icon": _icon,
            "IDLE_WARNING_MS": WARNING_MS,
            "idle_ms": self._terminal.door.idle_ms,
        }
        return made


def _icon(name: str, cls: str = "") -> Markup:
    return Markup('<svg class="icon {}" aria-hidden="true"><use href="/static/icons.svg#{}"/></svg>').format(cls, name)
