"""The console's style guide: every part with content as it will be, in both languages.

Look at it with ``.venv/bin/python tests/support/console_style/guide.py 8441`` and open ``/console/style``.
"""

import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import jinja2
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import Response

from server.kit.console import (
    N_,
    Column,
    Entry,
    Filter,
    Group,
    TableView,
    download,
    error_page,
    install,
    language_of,
    page,
    redirect,
)
from server.kit.edge import Edge
from server.kit.runtime import Runtime
from server.kit.settings import Settings

NOW = datetime(2026, 11, 26, 4, 5, 22, tzinfo=UTC)
NAVIGATION = (
    Group(
        "",
        (
            Entry("Overview", "/console/", "home", pinned=True),
            Entry("Windows", "/console/windows", "clock", pinned=True),
            Entry("Allocation", "/console/style", "balance", pinned=True),
            Entry("Deliveries", "/console/deliveries", "truck", pinned=True),
        ),
    ),
    Group(
        "Network",
        (
            Entry("Retailers", "/console/retailers", "shop"),
            Entry("Licences", "/console/licences", "licence"),
            Entry("Catalogue", "/console/catalogue", "catalogue"),
        ),
    ),
    Group(
        "Voices",
        (
            Entry("Announcements", "/console/announcements", "megaphone"),
            Entry("Surveys", "/console/surveys", "survey"),
        ),
    ),
    Group(
        "Operations",
        (
            Entry("Terminals", "/console/terminals", "device"),
            Entry("Audit", "/console/audit", "audit"),
            Entry("Operators", "/console/operators", "people", roles=frozenset({"administrator"})),
        ),
    ),
)
COLUMNS = (
    Column("name", N_("Retailer")),
    Column("code", N_("Code"), "identifier"),
    Column("unit", N_("Unit")),
    Column("asked_units", N_("Asked"), "units"),
    Column("granted_units", N_("Granted"), "units"),
    Column("filled", N_("Filled"), "percent"),
    Column("amount_minor", N_("Amount"), "money"),
    Column("state", N_("State"), sortable=False),
    Column("on", N_("Licence until"), "date"),
)
FILTERS = (
    Filter("unit", "Unit", (("north", "North"), ("port", "Port"), ("east", "East"))),
    Filter("state", "State", (("granted", "Granted"), ("lottery", "Lottery"))),
)


@dataclass(frozen=True)
class Person:
    """Somebody signed in."""

    name: str = "anna.li"
    roles: frozenset[str] = frozenset({"planner", "administrator"})


def rows(language: str) -> list[dict[str, Any]]:
    """Return the lines of the sample list."""
    zh = language == "zh"
    names = (
        [
            ("永安街十二号便民店", "北区"),
            ("港口商场", "港区"),
            ("车站报亭三号", "东区"),
            ("山坡小店", "西区"),
            ("镕鑫超市", "北区"),
            ("喆记小卖部", "东区"),
            ("重庆路便民店", "港区"),
            ("曾记烟酒商行", "西区"),
        ]
        if zh
        else [
            ("Yong'an Street 12", "North"),
            ("Harbour Mart", "Port"),
            ("Station Kiosk 3", "East"),
            ("Hillside Store", "West"),
            ("Rongxin Grocery", "North"),
            ("Zheji Corner Shop", "East"),
            ("Chongqing Road Store", "Port"),
            ("Zengji Trading", "West"),
        ]
    )
    figures = [
        (42, 32, "granted"),
        (1210, 611, "cap"),
        (96, 58, "granted"),
        (30, 12, "licence"),
        (24, 24, "granted"),
        (13, 12, "lottery"),
        (60, 48, "granted"),
        (7, 0, "suspended"),
    ]
    return [
        {
            "name": name,
            "code": f"00{110 + order * 37}",
            "unit": unit,
            "asked_units": asked,
            "granted_units": granted,
            "filled": granted / asked,
            "amount_minor": granted * 23_850,
            "state": state,
            "on": date(2027, 2 + order % 8, 6 + order),
        }
        for order, ((name, unit), (asked, granted, state)) in enumerate(zip(names, figures, strict=True))
    ]


def app() -> FastAPI:
    """Return an application that shows the style guide to a signed-in person."""
    made = FastAPI()
    made.state.runtime = Runtime(Settings(), None, None, lambda: NOW, None)  # type: ignore[arg-type] # no database
    made.add_middleware(Edge)
    install(
        made,
        product="Evenhand",
        packages=[],
        navigation=NAVIGATION,
        zone=ZoneInfo("Asia/Shanghai"),
        currency="CNY",
        clock=lambda: NOW,
    )
    environment = made.state.console.environment
    environment.loader = jinja2.ChoiceLoader([environment.loader, jinja2.FileSystemLoader(Path(__file__).parent)])

    @made.middleware("http")
    async def signed_in(request: Request, call_next: Any) -> Response:
        if request.url.path != "/console/bare":
            request.state.operator = Person()
        request.state.csrf = "a-token-of-the-session"
        answer: Response = await call_next(request)
        return answer

    @made.get("/console/style")
    def style(request: Request) -> Response:
        language = language_of(request)
        view = TableView.of(request, COLUMNS, filters=FILTERS, sort="name", per_page=8)
        found = [row for row in rows(language) if view.search.lower() in row["name"].lower()]
        if view.format:
            return download(request, COLUMNS, found, name="lines")
        return page(
            request,
            "style.html",
            say=lambda en, zh: zh if language == "zh" else en,
            view=view,
            columns=COLUMNS,
            filters=FILTERS,
            rows=found,
            total=18_204 if found else 0,
            now=NOW,
            hour=timedelta(hours=1),
            shares=[(n * 37) % 101 + n // 3 for n in range(400)],
            shares_before=[((n * 53) % 97) ** 1.5 for n in range(400)],
            tiers=[round(0.52 + 0.2 * ((n * 7) % 11) / 11 + n * 0.006, 3) for n in range(30)],
            per_minute=[3, 5, 9, 14, 12, 22, 31, 28, 36, 44, 41, 57, 66, 61, 72],
        )

    @made.post("/console/style")
    def save(request: Request) -> Response:
        return redirect(request, "/console/style", flash="已保存 · Saved")

    @made.get("/console/bare")
    def bare(request: Request) -> Response:
        language = language_of(request)
        return page(request, "bare.html", say=lambda en, zh: zh if language == "zh" else en)

    @made.get("/console/fault/{status_code}")
    def fault(request: Request, status_code: int) -> Response:
        zh = language_of(request) == "zh"
        return error_page(
            request,
            status_code,
            what="“供应量”必须是整箱：61 不是 12 的倍数。"
            if zh
            else "Supply must be whole boxes: 61 is not a multiple of 12.",
            typed={"supply_units": "61", "reason": "late truck <3>", "password": "never shown"},
        )

    return made


if __name__ == "__main__":
    uvicorn.run(app(), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
