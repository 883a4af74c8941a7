"""Every page that people read in the console, as addresses of one database: routes of the application, samples of it.

Whoever adds a screen with a parameter says here where a sample of it is found; :func:`pages` asks for it by name.
"""

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from sqlalchemy import Engine, event, text
from sqlalchemy.orm import Session

_SURVEY: Final = "SELECT id FROM surveys WHERE state <> 'draft' AND sort = 'survey' ORDER BY number DESC LIMIT 1"
#: Where a sample of a parameter is found, by its name; a name that several screens use stands below, by screen.
SAMPLES: Final[Mapping[str, str]] = {
    "window_id": "SELECT id FROM windows ORDER BY (state = 'open') DESC, closes_at DESC LIMIT 1",
    "cycle": "SELECT id FROM cycles ORDER BY (state IN ('verified', 'in_review')) DESC, number DESC LIMIT 1",
    "comparison": "SELECT id FROM comparisons ORDER BY asked_at DESC LIMIT 1",
    "delivery": "SELECT delivery_id FROM claims ORDER BY number DESC LIMIT 1",
    "claim": "SELECT id FROM claims ORDER BY number DESC LIMIT 1",
    "device_id": "SELECT id FROM devices ORDER BY enrolled_at DESC, id LIMIT 1",
    "feedback": "SELECT id FROM feedback ORDER BY number DESC LIMIT 1",
    "announcement": "SELECT id FROM announcements WHERE state = 'published' ORDER BY number DESC LIMIT 1",
    "survey": _SURVEY,
    "appeal": "SELECT id FROM score_appeals ORDER BY number DESC LIMIT 1",
    "shop_export": "SELECT id FROM shop_exports ORDER BY asked_at DESC LIMIT 1",
    "draft_id": "SELECT id FROM import_drafts ORDER BY created_at DESC LIMIT 1",
    "report_id": "SELECT id FROM import_reports ORDER BY at DESC LIMIT 1",
    "plan": "SELECT id FROM visit_plans ORDER BY number DESC LIMIT 1",
    "visit": "SELECT id FROM visits ORDER BY number DESC LIMIT 1",
    "rollout": "SELECT id FROM rollouts ORDER BY number DESC LIMIT 1",
    "webhook": "SELECT id FROM webhooks ORDER BY id LIMIT 1",
    "kind": "SELECT 'retailers'",
    "token": "SELECT 'none'",
    "retailer": "SELECT retailer FROM orders ORDER BY number DESC LIMIT 1",
    "sku": "SELECT sku FROM skus ORDER BY sku LIMIT 1",
}
_SHOP: Final = "SELECT retailer FROM {} ORDER BY retailer LIMIT 1"
_LICENCE: Final = "SELECT {} FROM licences ORDER BY retailer, licence_class, number LIMIT 1"
_RUN: Final = "SELECT number FROM score_runs ORDER BY (state = 'published') DESC, number DESC LIMIT 1"
_SCORES: Final = "SELECT id FROM score_comparisons ORDER BY asked_at DESC LIMIT 1"

#: The same by screen: parameters that mean something else there, and those that stand behind the question mark.
SAMPLES_OF: Final[Mapping[str, Mapping[str, str]]] = {
    "/console/today/{part}": {"part": "SELECT 'goods'"},
    "/console/orders/{number}": {"number": "SELECT number FROM orders ORDER BY number DESC LIMIT 1"},
    "/console/surveys/answers/{message}": {
        "message": "SELECT message_id FROM survey_answer_sets ORDER BY number LIMIT 1"
    },
    "/console/surveys/series/{series}": {
        "series": "SELECT series FROM surveys WHERE series IS NOT NULL AND sort = 'survey' LIMIT 1"
    },
    "/console/surveys/{survey}/words/{question}": {
        "survey": _SURVEY,
        "question": "SELECT 'words'",
    },
    "/console/steering/{device_id}/commands/{command}": {
        "device_id": "SELECT device FROM device_commands ORDER BY issued_at, id LIMIT 1",
        "command": "SELECT id FROM device_commands ORDER BY issued_at, id LIMIT 1",
    },
    "/console/signals/{number}": {"number": "SELECT number FROM signal_findings ORDER BY number DESC LIMIT 1"},
    "/console/devices/alerts/{number}": {"number": "SELECT number FROM fleet_alerts ORDER BY number DESC LIMIT 1"},
    "/console/operators/{number}": {"number": "SELECT id FROM operators ORDER BY id LIMIT 1"},
    "/console/scores/policies/{number}": {"number": "SELECT version FROM score_policies ORDER BY version DESC LIMIT 1"},
    "/console/scores/run/{number}": {"number": _RUN},
    "/console/scores/run/{number}/files": {"number": _RUN},
    "/console/scores/run/{number}/parts": {"number": _RUN, "code": _SHOP.format("score_rows")},
    "/console/scores/shop": {"code": _SHOP.format("score_rows")},
    "/console/scores/what-ifs/{comparison}": {"comparison": _SCORES},
    "/console/scores/what-ifs/{comparison}/progress": {"comparison": _SCORES},
    "/console/scores/what-ifs/{comparison}/explain": {
        "comparison": _SCORES,
        "retailer": _SHOP.format("score_rows"),
    },
    "/console/policies/what-ifs/{comparison}/explain": {"retailer": _SHOP.format("book_retailers")},
    "/console/cycles/{cycle}/explain": {"retailer": _SHOP.format("book_retailers")},
    "/console/retailers/file": {"code": SAMPLES["retailer"]},
    "/console/retailers/file/{part}": {"part": "SELECT 'grants'", "code": SAMPLES["retailer"]},
    "/console/retailers/archives": {"code": SAMPLES["retailer"]},
    "/console/retailers/timeline": {"code": SAMPLES["retailer"]},
    "/console/retailers/closing": {"code": SAMPLES["retailer"]},
    "/console/retailers/suspend": {"code": SAMPLES["retailer"]},
    "/console/retailers/edit": {"code": SAMPLES["retailer"]},
    "/console/catalogue/sku": {"sku": SAMPLES["sku"]},
    "/console/catalogue/edit": {"sku": SAMPLES["sku"]},
    "/console/forecasts/shop": {"code": SAMPLES["retailer"]},
    "/console/licences/files/{number}": {"number": "SELECT number FROM licence_files ORDER BY number LIMIT 1"},
    "/console/licences/edit": {name: _LICENCE.format(name) for name in ("retailer", "licence_class", "number")},
    "/console/announcements/{announcement}/edit": {
        "announcement": "SELECT id FROM announcements ORDER BY (state = 'draft') DESC, number DESC LIMIT 1"
    },
    "/console/announcements/{announcement}/guests": {
        "announcement": "SELECT announcement_id FROM announcement_meetings ORDER BY announcement_id LIMIT 1"
    },
    "/console/surveys/{survey}/edit": {
        "survey": "SELECT id FROM surveys ORDER BY (state = 'draft') DESC, number DESC LIMIT 1"
    },
    "/console/deliveries/lists/{cycle}": {"cycle": "SELECT cycle FROM deliveries ORDER BY number DESC LIMIT 1"},
}


NO_PAGES: Final = ("/photos/{ordinal}", "/pages/{sha256}", "-worker.js")
"""How the addresses of pictures and programs end."""

QUERIES_MOST: Final = 12
"""What any page may ask the database; the setting of a transaction's scope comes on top of it."""


@dataclass(frozen=True)
class Page:
    """One page: the route as it is written, and an address of it that this database answers."""

    route: str
    address: str


def pages(app: FastAPI, session: Session) -> Iterator[Page]:
    """Yield a page for every ``GET`` of the console, in the order of the routes; streams, pictures, programs are none.

    Raises
    ------
    LookupError
        Where a parameter has no sample here, or the database holds none.
    """
    for route in iter_route_contexts(app.routes):
        path = route.path or ""
        no_page = inspect.iscoroutinefunction(route.endpoint) or path.endswith(NO_PAGES)
        if path.startswith("/console/") and "GET" in (route.methods or ()) and not no_page:
            yield Page(path, _address(session, path))


@contextmanager
def listening(engine: Engine) -> Iterator[list[str]]:
    """Give the list of queries that go to the database meanwhile, without those that begin a transaction's scope."""
    heard: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if "set_config('evenhand.scope'" not in statement:
            heard.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield heard
    finally:
        event.remove(engine, "before_cursor_execute", note)


def _address(session: Session, route: str) -> str:
    own = SAMPLES_OF.get(route, {})
    inside = [part.partition("}")[0] for part in route.split("{")[1:]]
    address = route
    for name in inside:
        address = address.replace("{" + name + "}", quote(_sample(session, route, name, own), safe=""))
    behind = {name: _sample(session, route, name, own) for name in own if name not in inside}
    return f"{address}?{urlencode(behind)}" if behind else address


def _sample(session: Session, route: str, name: str, own: Mapping[str, str]) -> str:
    query = own.get(name) or SAMPLES.get(name)
    if query is None:
        raise LookupError(f"{route}: say in {__name__} where a sample of {name!r} is found")
    found = session.scalar(text(query))
    if found is None:
        raise LookupError(f"{route}: the database holds no {name}: {query}")
    return str(found)
