"""The map of terminals: places on a plane, tiles below them where the operator named a server."""

import re
from collections.abc import Callable
from dataclasses import replace
from math import floor

import pytest
from factories import make_device, make_retailer
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy import update
from starlette.testclient import TestClient

from server.app import create_app
from server.fleet import mapping
from server.kit.db import transaction
from server.kit.runtime import Runtime
from server.kit.settings import Settings
from server.retailers.models import RetailerRow

TILES = mapping.Tiles("https://tiles.example/{z}/{x}/{y}.png?k=1", "Example Maps")
DEGREES = st.tuples(st.floats(-84, 84), st.floats(-179, 179))
IMAGE = re.compile(r'<image href="([^"]+)" x="([-\d.]+)" y="([-\d.]+)" width="([\d.]+)"')
CIRCLE = re.compile(r'map-all" cx="([\d.]+)" cy="([\d.]+)"')


def cell(latitude: float, longitude: float) -> mapping.Cell:
    return mapping.Cell(latitude, longitude, 3, 1, "north", (latitude, longitude, latitude, longitude))


def drawn(places: list[tuple[float, float]], tiles: mapping.Tiles | None = None) -> str:
    cells = [cell(*place) for place in places]
    return mapping.plot(cells, title="map", link=lambda _: "/", said=lambda one: one.regions, tiles=tiles)


def test_a_known_place_has_the_number_that_tile_servers_give_it() -> None:
    x, y = mapping.world(51.50853, -0.12574)  # Charing Cross, on tile 10/511/340
    assert (floor(x * 2**10), floor(y * 2**10)) == (511, 340)


@given(st.lists(DEGREES, min_size=1, max_size=8))
def test_below_each_place_lies_its_tile_and_there_are_few(places: list[tuple[float, float]]) -> None:
    picture = drawn(places, TILES)
    tiles = {address: tuple(map(float, at)) for address, *at in ((m[0], *m[1:]) for m in IMAGE.findall(picture))}
    assert 1 <= len(tiles) <= (mapping.TILES_ACROSS + 1) ** 2
    zoom = int(next(iter(tiles)).split("/")[3])
    for x, y in (tuple(map(float, found)) for found in CIRCLE.findall(picture)):
        assert any(
            left - 0.02 <= x <= left + side + 0.02 and top - 0.02 <= y <= top + side + 0.02
            for left, top, side in tiles.values()
        )
    for place in places:
        across, down = (floor(part * 2**zoom) for part in mapping.world(*place))
        assert TILES.at(zoom, across, down) in tiles


def test_without_a_tile_server_nothing_is_fetched() -> None:
    assert "<image" not in drawn([(30.0, 114.0), (31.0, 115.0)])


def test_the_page_lets_the_browser_take_pictures_from_there_and_from_nowhere_else(
    runtime: Runtime, signed_in: Callable[..., TestClient]
) -> None:
    with transaction(runtime.sessions) as session:
        make_device(session, make_retailer(session, "R1"))
        session.execute(update(RetailerRow).values(latitude=30.5, longitude=114.3))
    usual = signed_in("fleet")
    page = usual.get("/console/devices/map")
    assert "Nothing is fetched from outside" in page.text
    assert "img-src 'self' data:" in page.headers["Content-Security-Policy"]
    named = runtime.settings.model_copy(update={"map_tiles": TILES.address, "map_attribution": "© <Example Maps>"})
    browser = TestClient(create_app(replace(runtime, settings=named)), cookies=usual.cookies)
    page = browser.get("/console/devices/map", headers={"Accept": "text/html"})
    assert "img-src 'self' https://tiles.example data:" in page.headers["Content-Security-Policy"]
    assert "© &lt;Example Maps&gt;" in page.text
    assert IMAGE.search(page.text)
    assert "tiles.example" not in browser.get("/console/devices").headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("tiles.example/{z}/{x}/{y}", "name an address like"),
        ("javascript:{z}{x}{y}", "name an address like"),
        ("https://tiles.example; script-src */{z}/{x}/{y}", "name an address like"),
        ("https://tiles.example/{z}/{x}.png", "{y} is missing"),
    ],
)
def test_an_address_that_is_none_is_refused(address: str, said: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(said)):
        Settings(map_tiles=address)
