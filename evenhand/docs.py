"""The generated pages: ``python -m evenhand.docs`` (``make docs``).

Writes ``docs/configuration.md`` from the settings, ``docs/openapi.json`` from the routes, ``docs/schemas`` from the
contract. ``--check`` only looks: exit 1 and one line for each page that is not what the source says.
"""

import argparse
import json
import sys
import typing
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from contract import schemas
from server.app import create_app
from server.keeping.erasing import HOUR
from server.keeping.kinds import KEPT, KINDS
from server.kit.clock import system_clock
from server.kit.db import make_engine, make_sessions
from server.kit.runtime import Runtime
from server.kit.settings import Settings

DOCS = Path(__file__).resolve().parents[1] / "docs"
SCHEMAS = "schemas/"

_CONFIGURATION = """\
# Configuration

<!-- Written by `make docs` from server/kit/settings.py; change it there. -->

The server reads its settings once, at start, from the environment. Nothing needs to be set: without any
setting `evenhand serve` keeps everything in one folder, with a database and a broker of its own.
A setting that does not fit stops the start with one line that names it.

| setting | value | default | meaning |
| --- | --- | --- | --- |
"""

_RETENTION = """\
# Personal data: what is kept, why, how long

<!-- Written by `make docs` from server/keeping/kinds.py; change it there. -->

Each night from {hour}:00 on, by the distributor's clock, the worker erases what is past its term. What it erased
stands in the console under *Personal data* and, as counts, in the audit (`retention.erased`). *Count what is due now*
there counts and erases nothing. Other terms are set by `EVENHAND_RETENTION_DAYS`, such as `{{"photos": 365}}`.

## Erased after a term

| kind | what | why | how long | then |
| --- | --- | --- | --- | --- |
{terms}

## Kept, and why

| what | why |
| --- | --- |
{kept}

Bodies of messages are not kept beside what was made of them: the inbox holds a SHA-256, which is needed to know a
repeat. Logs of the processes lie in the data folder under `logs`; nothing here removes them: let the system rotate
them. A backup holds what was there when it was made, until it is deleted: restoring an old one brings it back, and the
next night erases it again.
"""
_KINDS = {
    dict[str, int]: "JSON",
    list[int]: "JSON",
    bool: "`true` or `false`",
    int: "whole number",
    str: "text",
    Path: "folder",
    SecretStr: "text, secret",
}
_BOUNDS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}


def pages() -> dict[str, str]:
    """Return every generated page by its path below ``docs``."""
    return {
        "configuration.md": _configuration(),
        "retention.md": _retention(),
        "openapi.json": _json(_openapi(), indent=1),
        **{f"{SCHEMAS}{name}.json": _json(schema) for name, schema in schemas.schemas().items()},
    }


def _configuration() -> str:
    prefix = Settings.model_config["env_prefix"]
    rows = [
        f"| `{prefix}{name.upper()}` | {_value(field)} | {_default(field)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return _CONFIGURATION + "\n".join(rows) + "\n"


def _retention() -> str:
    terms = [
        f"| `{kind.name}` | {kind.what} | {kind.why} | {kind.days} days after {kind.since} | {kind.then} |"
        for kind in KINDS
    ]
    kept = [f"| {what} | {why} |" for what, why in KEPT]
    return _RETENTION.format(hour=HOUR, terms="\n".join(terms), kept="\n".join(kept))


def _value(field: FieldInfo) -> str:
    bounds = [
        f"{said} {getattr(bound, name)}"
        for bound in field.metadata
        for name, said in _BOUNDS.items()
        if hasattr(bound, name)
    ]
    return ", ".join([_kind(field.annotation), *bounds])


def _kind(annotation: Any) -> str:
    """Return what a setting takes; a type without words here is a fault of this page."""
    if typing.get_origin(annotation) is Literal:
        return ", ".join(f"`{choice}`" for choice in typing.get_args(annotation))
    if isinstance(annotation, UnionType):
        return " or ".join(_kind(part) for part in typing.get_args(annotation) if part is not NoneType)
    return _KINDS[annotation]


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "must be set"
    if field.default is None:
        return "none"
    return f"`{str(field.default).lower() if isinstance(field.default, bool) else field.default}`"


def _openapi() -> dict[str, Any]:
    """Return the document of the routes, independent of how this machine is configured."""
    engine = make_engine("postgresql+psycopg://")  # connects to nothing until it is asked something
    runtime = Runtime(Settings.model_construct(), engine, make_sessions(engine), system_clock, None)
    return create_app(runtime).openapi()


def _json(content: object, *, indent: int = 2) -> str:
    return json.dumps(content, indent=indent, sort_keys=True, ensure_ascii=False) + "\n"


def stale(made: dict[str, str]) -> list[str]:
    """Return the pages that are missing, differ from ``made``, or describe what is no longer there."""
    differing = [name for name, text in made.items() if _read(DOCS / name) != text]
    left_over = [f"{SCHEMAS}{path.name}" for path in (DOCS / SCHEMAS).glob("*.json")]
    return sorted({*differing, *left_over} - (made.keys() - set(differing)))


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m evenhand.docs", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 where a page is not up to date")
    given = parser.parse_args()
    made = pages()
    found = stale(made)
    for name in found:
        sys.stdout.write(f"docs/{name}{' is not up to date; run make docs' if given.check else ''}\n")
        if given.check:
            continue
        path = DOCS / name
        if name in made:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(made[name], encoding="utf-8")
        else:
            path.unlink()
    return 1 if given.check and found else 0


if __name__ == "__main__":
    raise SystemExit(main())
