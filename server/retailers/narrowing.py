"""Choices above the list of shops that other capabilities answer; rooms lists them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement

from server.kit.console import Filter


@dataclass(frozen=True)
class Narrowing:
    """One choice; ``holds`` gets the column of the shops' codes, the chosen value and today, and returns which fit."""

    filter: Filter
    holds: Callable[[ColumnElement[str], str, date], ColumnElement[bool]]
