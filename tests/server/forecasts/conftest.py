"""Two shops and a month's history of them."""

from collections.abc import Callable

import pytest
from factories import NOW, make_retailer, make_sku
from sqlalchemy.orm import Session

from server.forecasts.fields import HISTORY
from server.kit.identity import Actor
from server.kit.imports import Report, Upload, bring

ANN = Actor("operator", "ann")


@pytest.fixture
def shops(session: Session) -> tuple[str, str]:
    make_sku(session)
    return make_retailer(session, "R1"), make_retailer(session, "R2")


@pytest.fixture
def bring_history(session: Session, shops: tuple[str, str]) -> Callable[[str], Report]:
    def run(content: str) -> Report:
        return bring(session, HISTORY, Upload("history.csv", content.encode()), "", actor=ANN, at=NOW)

    return run
